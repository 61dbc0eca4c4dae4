"""The table of epochs of a run."""

import csv
import math
from dataclasses import asdict, fields
from pathlib import Path

from imbalance_aware.files import atomic
from imbalance_aware.training.epoch import Epoch


def write_history(path: Path, epochs: list[Epoch]) -> None:
    """Write ``history.csv``; NaN becomes an empty cell."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(field.name for field in fields(Epoch))
        for epoch in epochs:
            values = asdict(epoch).values()
            writer.writerow("" if isinstance(value, float) and math.isnan(value) else value for value in values)
