"""Reading the table that lists someone's own volumes; light enough to be read while the workflow's graph is built."""

from pathlib import Path

from imbalance_aware.errors import UserError
from imbalance_aware.paths import find_path
from imbalance_aware.schema import nearest
from imbalance_aware.sources.folder_table import cell, class_cell
from imbalance_aware.sources.settings_3d import Folder3DSettings
from imbalance_aware.table_files import read_records, refuse_repeated

REQUIRED = ("subject", "class")
OPTIONAL = ("mask", "cohort", "group", "split", "start")
CONTENT = "a CSV table with a row per subject and the columns subject, class and one per sequence"


def read_table(settings: Folder3DSettings) -> tuple[list[dict[str, str]], list[str]]:
    """Rows of the table, cells stripped; ``line`` is the line in the file.

    Returns:
        The rows, with every optional column (empty where the table has none), and the columns that the table has.

    Raises:
        UserError: the table cannot be read, lacks a column or has it twice, or has a class that may be an empty cell.
    """
    header, records = read_records(settings.table, CONTENT)
    for column in (*REQUIRED, *settings.sequences):
        if column not in header:
            raise UserError(
                f'{settings.table}: there is no column "{column}".{nearest(column, header)} Its columns are '
                f"{', '.join(header)}; the dataset's sequences are {', '.join(settings.sequences)}."
            )
    known = [name for name in (*REQUIRED, *settings.sequences, *OPTIONAL) if name in header]
    refuse_repeated(settings.table, header, known)
    if settings.needs_mask and "mask" not in known:
        raise UserError(
            f'{settings.table}: there is no column "mask". Add the path of each subject\'s tumour mask, or choose '
            "`preprocessing: {mask: {method: brats}}`."
        )
    rows = []
    for line, record in records:
        texts = {name: record[header.index(name)] for name in known}
        cells = {name: cell(text) for name, text in texts.items()}
        cells["class"] = class_cell(texts["class"], settings.classes, f"{settings.table}, line {line}")
        rows.append({"line": str(line)} | dict.fromkeys(OPTIONAL, "") | cells)
    return rows, known


def volume_path(settings: Folder3DSettings, path: str) -> Path:
    """Where a file of the table lies."""
    return find_path(path, settings.root if settings.root is not None else settings.table.parent)
