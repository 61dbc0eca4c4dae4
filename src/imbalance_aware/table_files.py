"""Reader for all tables that users write or export, light enough for planning.

A table may be separated by commas, semicolons or tabs, as spreadsheets of different countries save it, and may begin
with Excel's line ``sep=;``. Quoting is that of CSV.
"""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

from imbalance_aware.errors import UserError
from imbalance_aware.text_files import read_text

#: In the order of preference where the header does not tell.
SEPARATORS = (",", "\t", ";")
DECLARED = re.compile(r'"?sep=(?P<separator>[^"]|\\t)"?\s*', re.IGNORECASE)
NAMES = {",": "commas", "\t": "tabs", ";": "semicolons"}


def read_records(
    table: Path, content: str, comments: bool = False, short_rows: bool = False
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header, and the number and cells of every line that is not empty.

    Args:
        table: file of cells separated by commas, semicolons or tabs; the one that gives most columns in the header,
            unless a line ``sep=`` states it.
        content: what such a table is and holds, for the message if there is none.
        comments: whether lines that begin with ``#`` are ignored.
        short_rows: whether a row may lack its last cells, which are then empty.

    Raises:
        UserError: the table is absent, not text in UTF-8, empty, or has a row of another length.
    """
    lines = list(io.StringIO(read_text(table, content), newline=""))
    first = next((number for number, line in enumerate(lines) if _counts(line, comments)), len(lines))
    declared = DECLARED.fullmatch(lines[first]) if first < len(lines) else None
    if declared:
        first = next((n for n, line in enumerate(lines[first + 1 :], first + 1) if _counts(line, comments)), len(lines))
    if first == len(lines):
        raise UserError(f"{table}: the table is empty. It is {content}.")
    separator = declared["separator"].replace("\\t", "\t") if declared else _separator(table, lines[first])
    # Lines that do not count become empty ones, so that the reader's line numbers are the file's.
    body = [line if _counts(line, comments) else "\n" for line in lines[first:]]
    try:
        reader = csv.reader(body, delimiter=separator)
        header = [name.strip() for name in next(reader)]
        records = [(first + reader.line_num, record) for record in reader if any(cell.strip() for cell in record)]
    except csv.Error as error:
        raise UserError(f"{table}: not a table of cells ({error})") from None
    if not records:
        raise UserError(f"{table}: the table has no rows")
    if short_rows:
        records = [(line, record + [""] * (len(header) - len(record))) for line, record in records]
    return header, [(line, _fit(table, line, record, header, separator)) for line, record in records]


def refuse_repeated(table: Path, header: list[str], columns: Iterable[str]) -> None:
    """Raise `UserError` if one of ``columns`` is in the header more than once: nothing says which is meant."""
    for column in columns:
        if header.count(column) > 1:
            raise UserError(f'{table}: the column "{column}" occurs twice; rename or delete one of them')


def _counts(line: str, comments: bool) -> bool:
    return bool(line.strip()) and not (comments and line.startswith("#"))


def _separator(table: Path, header: str) -> str:
    preferred = ["\t"] * (table.suffix.lower() == ".tsv") + list(SEPARATORS)
    return max(preferred, key=lambda separator: len(next(csv.reader([header], delimiter=separator))))


def _fit(table: Path, line: int, record: list[str], header: list[str], separator: str) -> list[str]:
    """The record, without the empty cells that spreadsheets add behind the last column."""
    while len(record) > len(header) and not record[-1].strip():
        record = record[:-1]
    if len(record) != len(header):
        raise UserError(
            f"{table}, line {line}: {len(record)} cells under {len(header)} columns, separated by "
            f'{NAMES.get(separator, repr(separator))}; put quotation marks around cells that contain "{separator}"'
        )
    return record
