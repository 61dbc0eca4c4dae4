"""Whether a table is whole: what writes tables ends every line and gives every row a cell for each column.

A file that a failing disk or an interrupted copy cut short would otherwise be read as a smaller table, or its last
number as another one.
"""

import os
from pathlib import Path

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import make_again, read_rows


def require_end(path: Path) -> None:
    """Check that the last line of a table has its end; a file that is absent or empty is left to the reader.

    Raises:
        UserError: it has not.
    """
    if not path.is_file() or not path.stat().st_size:
        return
    with path.open("rb") as handle:
        handle.seek(-1, os.SEEK_END)
        if handle.read() != b"\n":
            raise UserError(f"{path}: truncated: its last line is incomplete. {make_again(path)}")


def require_whole(path: Path, content: str) -> None:
    """Check the last line of a table and the number of cells in each row, which pandas fills up without a word.

    Args:
        path: the table.
        content: what it is and which step writes it, for the message if there is none.

    Raises:
        UserError: no such file, no table, an empty file, or one that was cut short.
    """
    require_end(path)
    columns, _ = read_rows(path, content, (), may_be_empty=True)
    if not columns:
        raise UserError(f"{path}: the file is empty. {make_again(path)}")
