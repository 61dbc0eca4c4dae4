"""What is kept of every epoch of a run, ``history.csv``."""

import math
from collections.abc import Iterable
from dataclasses import astuple, fields
from pathlib import Path

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import csv_text, make_again, read_rows
from imbalance_aware.training.epoch import Epoch

CONTENT = "the table of a run's epochs, which the step `train` writes"


#: The fields of an epoch are the columns.
COLUMNS = tuple(field.name for field in fields(Epoch))


def history_csv(epochs: Iterable[Epoch]) -> str:
    """Text of the table; NaN becomes an empty cell."""
    return csv_text(COLUMNS, map(astuple, epochs))


def read_history(path: Path) -> list[Epoch]:
    """The epochs of a run; an empty cell is NaN.

    Raises:
        UserError: no such file, or not such a table.
    """
    _, rows = read_rows(path, CONTENT, COLUMNS)
    return [_epoch(path, line, row) for line, row in rows]


def _epoch(path: Path, line: int, row: dict[str, str]) -> Epoch:
    try:
        numbers = {name: float(row[name]) if row[name] else math.nan for name in COLUMNS if name != "epoch"}
        return Epoch(int(row["epoch"]), **numbers)
    except ValueError as error:
        raise UserError(f"{path}, line {line}: a cell is not a number ({error}). {make_again(path)}") from None
