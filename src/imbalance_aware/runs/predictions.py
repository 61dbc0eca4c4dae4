"""The table of predictions of a run."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalance_aware.files import atomic
from imbalance_aware.training.data import Part


def write_predictions(path: Path, part: Part, classes: Sequence[str], probabilities: np.ndarray) -> None:
    """Write ``subject, class, label, prob_<class>…``, one row per subject; NaN becomes an empty cell.

    Args:
        path: ``predictions.csv``.
        part: the subjects and their labels.
        classes: names in label order.
        probabilities: shape (n, K).
    """
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["subject", "class", "label", *(f"prob_{name}" for name in classes)])
        for subject, label, row in zip(part.subjects, part.labels, probabilities.tolist(), strict=True):
            cells = ["" if math.isnan(value) else value for value in row]
            writer.writerow([subject, classes[label], int(label), *cells])
