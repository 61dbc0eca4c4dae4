"""Records of every epoch of a run, ``history.csv``.

A run with a validation part has two columns more: ``validation_loss`` and ``validation_<metric>``, with the name of the
primary metric. Their cells are empty in epochs after which the validation part was not looked at.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import csv_text, make_again, read_rows
from imbalance_aware.tables.whole import require_end
from imbalance_aware.training.epoch import Epoch

CONTENT = "the table of a run's epochs, which the step `train` writes"
PREFIX = "validation_"
LOSS, METRIC = f"{PREFIX}loss", f"{PREFIX}metric"
#: The fields of an epoch are the columns; those of all runs.
COLUMNS = tuple(field.name for field in fields(Epoch) if not field.name.startswith(PREFIX))


@dataclass(frozen=True)
class History:
    """The epochs of a run.

    Attributes:
        epochs: one row each.
        metric: name of the metric of the validation part; None of a run without one.
    """

    epochs: tuple[Epoch, ...]
    metric: str | None = None


def history_csv(epochs: Iterable[Epoch], metric: str | None = None) -> str:
    """Text of the table; NaN becomes an empty cell.

    Args:
        epochs: one row each.
        metric: name of the metric of the validation part; None of a run without one.
    """
    columns = [*COLUMNS, *([] if metric is None else [LOSS, f"{PREFIX}{metric}"])]
    return csv_text(columns, (astuple(epoch)[: len(columns)] for epoch in epochs))


def read_history(path: Path) -> History:
    """The epochs of a run; an empty cell is NaN.

    Raises:
        UserError: no such file, or not such a table.
    """
    require_end(path)
    columns, rows = read_rows(path, CONTENT, COLUMNS)
    metric = _metric(path, columns)
    names = {name: name for name in COLUMNS} | ({} if metric is None else {LOSS: LOSS, METRIC: f"{PREFIX}{metric}"})
    return History(tuple(_epoch(path, line, row, names) for line, row in rows), metric)


def _metric(path: Path, columns: Sequence[str]) -> str | None:
    """Name of the metric of the validation part, which its column tells."""
    found = [name for name in columns if name.startswith(PREFIX)]
    others = [name for name in found if name != LOSS]
    if found and (LOSS not in found or len(others) != 1):
        raise UserError(
            f"{path}: expected the columns {LOSS} and {PREFIX}<metric>, or none of the validation part; found "
            f"{', '.join(found)}. {make_again(path)}"
        )
    return others[0].removeprefix(PREFIX) if found else None


def _epoch(path: Path, line: int, row: dict[str, str], names: dict[str, str]) -> Epoch:
    """One row; ``names`` tells the column of each field."""
    try:
        cells = {field: row[column] for field, column in names.items() if field != "epoch"}
        numbers = {field: float(cell) if cell else math.nan for field, cell in cells.items()}
        return Epoch(int(row["epoch"]), **numbers)
    except ValueError as error:
        raise UserError(f"{path}, line {line}: a cell is not a number ({error}). {make_again(path)}") from None
