"""Reading the table that lists someone's own images; light enough to be read while the workflow's graph is built."""

from collections.abc import Sequence
from pathlib import Path

from imbalance_aware.class_names import unusable
from imbalance_aware.errors import UserError
from imbalance_aware.paths import find_path
from imbalance_aware.schema import nearest
from imbalance_aware.sources.settings_2d import FolderSettings
from imbalance_aware.table_files import read_records, refuse_repeated

REQUIRED = ("path", "class")
OPTIONAL = ("split", "group", "cohort")

IMAGE_TABLE = "a CSV table with a row per image and the columns path and class"

#: How spreadsheets and data frames write an empty cell.
EMPTY = {"", "nan", "NaN", "NAN", "<NA>", "#N/A"}
#: How R and others write one; a word that could also name a class.
PERHAPS_EMPTY = {"NA", "N/A", "n/a", "null", "NULL", "None"}


def read_table(settings: FolderSettings) -> tuple[list[dict[str, str]], list[str]]:
    """Rows of the table with the roles ``path, class, split, group, cohort`` as keys, as far as it has them.

    Cells are stripped; an empty one, however written, is ``""``. ``line`` is the line in the file.

    Returns:
        The rows, and the roles that the table has.

    Raises:
        UserError: the table is absent, not text in UTF-8, empty, lacks a column, has a row of another length, or a
            class that may be an empty cell.
    """
    header, records = read_records(settings.table, IMAGE_TABLE)
    columns = {role: settings.columns.get(role, role) for role in (*REQUIRED, *OPTIONAL)}
    for role, column in columns.items():
        if column not in header and (role in REQUIRED or role in settings.columns):
            raise UserError(
                f'{settings.table}: there is no column "{column}" (the images\' {role}).{nearest(column, header)}'
                f" The table's columns are {', '.join(header)}; `columns: {{{role}: NAME}}` names another."
            )
    refuse_repeated(settings.table, header, columns.values())
    roles = [role for role, column in columns.items() if column in header]
    places = {role: header.index(columns[role]) for role in roles}
    rows = []
    for line, record in records:
        cells = {role: cell(record[place]) for role, place in places.items() if role != "class"}
        cells["class"] = class_cell(record[places["class"]], settings.classes, f"{settings.table}, line {line}")
        rows.append({"line": str(line)} | {role: cells[role] for role in roles})
    return rows, roles


def image_path(settings: FolderSettings, path: str) -> Path:
    """Where the image of a row lies."""
    return find_path(path, settings.root if settings.root is not None else settings.table.parent)


def cell(text: str) -> str:
    """A cell without blanks around it; an empty one, however written, is ``""``."""
    return "" if text.strip() in EMPTY | PERHAPS_EMPTY else text.strip()


def class_cell(text: str, classes: Sequence[str] | None, place: str) -> str:
    """A cell with a class, without blanks around it; an empty one is ``""``.

    Args:
        text: the cell.
        classes: that the dataset names, if it does; one of them may be called NA.
        place: file and line, for the message.

    Raises:
        UserError: the cell reads NA or the like, and the dataset does not name its classes; or no class can have
            this name.
    """
    text = text.strip()
    if text and (reason := unusable([text])):
        raise UserError(f"{place}: {reason}; give it another name")
    if text in PERHAPS_EMPTY and classes is None:
        raise UserError(
            f'{place}: the class is "{text}", which may be an empty cell or a class; leave the cell empty, or list the '
            "dataset's `classes`"
        )
    return "" if text in EMPTY else text
