"""Writing and reading of CSV text, shared by all tables between steps."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from imbalance_aware.errors import UserError
from imbalance_aware.text_files import read_text

#: Line number in the file, and the cells by column.
Row = tuple[int, dict[str, str]]


def csv_text(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    r"""Text of a table: UTF-8, commas, lines that end with ``\n``; floats at full precision.

    Cells with commas, quotation marks or line breaks are quoted, so that they read back as they are. None and NaN
    become empty cells.
    """
    lines = _Lines()
    # With this line terminator the writer quotes cells that hold either of its characters.
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(["" if isinstance(cell, float) and math.isnan(cell) else cell for cell in row] for row in rows)
    return "".join(lines)


def frame_csv(frame: Any) -> str:
    """Text of a pandas table without its index, as `csv_text`."""
    return csv_text(list(frame.columns), frame.itertuples(index=False, name=None))


def read_rows(
    path: Path, content: str, needed: Iterable[str], may_be_empty: bool = False
) -> tuple[list[str], list[Row]]:
    """Columns and rows of a table that `csv_text` made.

    Args:
        path: the table.
        content: what it is and which step writes it, for the message if there is none.
        needed: columns that it must have.
        may_be_empty: whether it may have no rows.

    Raises:
        UserError: no such file, no table, a column that is needed and not there or there twice, no rows, or a row with
            more or fewer cells than columns. The message names the file, the line and the command that makes it again.
    """
    try:
        reader = csv.reader(io.StringIO(read_text(path, content), newline=""), strict=True)
        columns = next(reader, [])
        records = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise UserError(f"{path}: not a CSV table ({error}). {make_again(path)}") from None
    if missing := [name for name in needed if name not in columns]:
        raise UserError(
            f"{path}: lacks the column {', '.join(missing)}; it has {', '.join(columns) or 'none'}. {make_again(path)}"
        )
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise UserError(f"{path}: has the column {twice[0]} twice. {make_again(path)}")
    if not records and not may_be_empty:
        raise UserError(f"{path}: has no rows. {make_again(path)}")
    for line, cells in records:
        if len(cells) != len(columns):
            raise UserError(f"{path}, line {line}: {len(cells)} cells under {len(columns)} columns. {make_again(path)}")
    return columns, [(line, dict(zip(columns, cells, strict=True))) for line, cells in records]


def make_again(path: Path) -> str:
    """The command that makes a table of the workflow again."""
    return f"Make it again, with the --configfile of your study: snakemake --cores 1 --force -- {path}"


class _Lines(list):
    """What `csv.writer` writes to: one string per row."""

    def write(self, line: str) -> None:
        self.append(line.removesuffix("\r\n") + "\n")
