"""What is kept of every epoch."""

import csv
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from imbalance_aware.files import atomic


@dataclass(frozen=True)
class Epoch:
    """One row of ``history.csv``.

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


def write_history(path: Path, epochs: list[Epoch]) -> None:
    """Write ``history.csv``; NaN becomes an empty cell."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(field.name for field in fields(Epoch))
        for epoch in epochs:
            values = asdict(epoch).values()
            writer.writerow("" if isinstance(value, float) and math.isnan(value) else value for value in values)
