"""What is kept of every epoch of a run, ``history.csv``."""

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import csv_text, make_again, read_rows

CONTENT = "the table of a run's epochs, which the step `train` writes"


@dataclass(frozen=True)
class Epoch:
    """One row of ``history.csv``; the fields are its columns.

    Attributes:
        epoch: counted from 1.
        learning_rate: of all its steps.
        train_loss: mean over the samples drawn, with augmentation and while the weights change.
        train_balanced_accuracy: mean over classes of the share of drawn samples classified rightly, likewise.
        seconds: spent on it; the only column that two runs with the same settings and seed do not have in common.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_balanced_accuracy: float
    seconds: float


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
