"""Reading the table that lists someone's own images; light enough to be read while the workflow's graph is built."""

import csv
from pathlib import Path

from imbalance_aware.datasets.settings_2d import FolderSettings
from imbalance_aware.errors import UserError
from imbalance_aware.schema import nearest

REQUIRED = ("path", "class")
OPTIONAL = ("split", "group", "cohort")

IMAGE_TABLE = "a row per image and the columns path and class"

#: How spreadsheets and data frames write an empty cell.
EMPTY = {"", "nan", "NaN", "NAN", "<NA>", "#N/A"}


def read_table(settings: FolderSettings) -> tuple[list[dict[str, str]], list[str]]:
    """Rows of the table with the roles ``path, class, split, group, cohort`` as keys, as far as it has them.

    Cells are stripped; an empty one, however written, is ``""``. ``line`` is the line in the file.

    Returns:
        The rows, and the roles that the table has.

    Raises:
        UserError: the table is absent, not text in UTF-8, empty, lacks a column, or has a row of another length.
    """
    header, records = read_records(settings.table, IMAGE_TABLE)
    columns = {role: settings.columns.get(role, role) for role in (*REQUIRED, *OPTIONAL)}
    for role, column in columns.items():
        if column not in header and (role in REQUIRED or role in settings.columns):
            raise UserError(
                f'{settings.table}: there is no column "{column}" (the images\' {role}).{nearest(column, header)}'
                f" The table's columns are {', '.join(header)}; `columns: {{{role}: NAME}}` names another."
            )
        if header.count(column) > 1:
            raise UserError(f'{settings.table}: the column "{column}" stands there twice')
    roles = [role for role, column in columns.items() if column in header]
    places = {role: header.index(columns[role]) for role in roles}
    return [
        {"line": str(line)} | {role: cell(record[place]) for role, place in places.items()} for line, record in records
    ], roles


def image_path(settings: FolderSettings, path: str) -> Path:
    """Where the image of a row lies."""
    return (settings.root if settings.root is not None else settings.table.parent) / path


def cell(text: str) -> str:
    """A cell without blanks around it; an empty one, however written, is ``""``."""
    return "" if text.strip() in EMPTY else text.strip()


def read_records(table: Path, content: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header, and the number and cells of every line that is not empty.

    Args:
        table: CSV file, or tab-separated if it ends in ``.tsv``.
        content: what such a table holds, for the message if there is none.

    Raises:
        UserError: the table is absent, not text in UTF-8, empty, or has a row of another length.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.reader(handle, delimiter="\t" if table.suffix.lower() == ".tsv" else ",")
            header = [name.strip() for name in next(reader, [])]
            records = [(reader.line_num, record) for record in reader if any(cell.strip() for cell in record)]
    except FileNotFoundError:
        raise UserError(
            f"{table}: there is no such table (looked in {table.parent.absolute()}). It is a CSV file with {content}."
        ) from None
    except (UnicodeDecodeError, IsADirectoryError, csv.Error) as error:
        raise UserError(f"{table}: not a CSV file in UTF-8 ({error})") from None
    if not records:
        raise UserError(f"{table}: the table has no rows")
    for line, record in records:
        if len(record) != len(header):
            raise UserError(
                f"{table}, line {line}: {len(record)} cells under {len(header)} columns; put quotation marks around "
                "cells that contain a comma"
            )
    return header, records
