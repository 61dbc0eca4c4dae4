"""The predictions of a run, ``predictions.csv``: one row per test subject."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import Row, csv_text, read_rows

#: Taken from ``samples.csv``; one column per class follows, see `probability_columns`.
COLUMNS = ("subject", "class", "label")
PREFIX = "prob_"
CONTENT = "the table of a run's predictions, which the step `train` writes"
#: How far the probabilities of a subject may miss a sum of one: rounding of half-precision outputs, not logits.
SUM_TOLERANCE = 1e-2


@dataclass(frozen=True)
class Predictions:
    """Probabilities for ``n`` test subjects and ``K`` classes.

    Attributes:
        subjects: identifiers, shape (n,).
        classes: names in the order of the labels.
        labels: true class, 0 … K-1, shape (n,).
        probabilities: shape (n, K); a run that diverged has NaN or infinities here.
    """

    subjects: np.ndarray
    classes: tuple[str, ...]
    labels: np.ndarray
    probabilities: np.ndarray


def probability_columns(classes: Sequence[str]) -> list[str]:
    """``prob_<class>`` of each class."""
    return [f"{PREFIX}{name}" for name in classes]


def predictions_csv(samples: Sequence[Mapping[str, str]], classes: Sequence[str], probabilities: np.ndarray) -> str:
    """Text of the table; NaN becomes an empty cell.

    Args:
        samples: rows of ``samples.csv`` of the n test subjects.
        classes: names in label order.
        probabilities: shape (n, K).
    """
    rows = zip(samples, probabilities.tolist(), strict=True)
    cells = ([*(sample[name] for name in COLUMNS), *row] for sample, row in rows)
    return csv_text([*COLUMNS, *probability_columns(classes)], cells)


def read_predictions(path: str | Path) -> Predictions:
    """Read the table.

    Raises:
        UserError: no such file, no rows, columns or labels that do not fit, a subject listed twice, or values that are
            finite but no probabilities (outside [0, 1], or not adding up to one).
    """
    path = Path(path)
    columns, rows = read_rows(path, CONTENT, COLUMNS)
    names = [name for name in columns if name.startswith(PREFIX)]
    classes = tuple(name.removeprefix(PREFIX) for name in names)
    if len(classes) < 2:
        raise UserError(f"{path}: needs a column {PREFIX}<class> for each of at least two classes")
    _check_subjects(path, rows)
    labels = [_label(path, line, row, len(classes)) for line, row in rows]
    _check_classes(path, rows, labels, classes)
    probabilities = np.array([[_probability(path, line, row, name) for name in names] for line, row in rows])
    finite = probabilities[np.isfinite(probabilities).all(axis=1)]
    out_of_range = (finite < 0).any() or (finite > 1).any()
    if out_of_range or (np.abs(finite.sum(axis=1) - 1) > SUM_TOLERANCE).any():
        raise UserError(f"{path}: the columns {PREFIX}<class> hold no probabilities: they must add up to one")
    subjects = np.array([row["subject"] for _, row in rows], dtype=object)
    return Predictions(subjects, classes, np.array(labels, dtype=np.int64), probabilities)


def _check_subjects(path: Path, rows: Sequence[Row]) -> None:
    seen: set[str] = set()
    for line, row in rows:
        if row["subject"] in seen:
            raise UserError(f"{path}, line {line}: the subject {row['subject']} is listed more than once")
        seen.add(row["subject"])


def _check_classes(path: Path, rows: Sequence[Row], labels: Sequence[int], classes: Sequence[str]) -> None:
    for (line, row), label in zip(rows, labels, strict=True):
        if classes[label] != row["class"]:
            raise UserError(
                f"{path}, line {line}: subject {row['subject']} is of class {row['class']} but has label {label}, "
                f"which is {classes[label]} in the order of the columns {PREFIX}<class>"
            )


def _label(path: Path, line: int, row: dict[str, str], n_classes: int) -> int:
    try:
        label = int(row["label"])
    except ValueError:
        raise UserError(f'{path}, line {line}: the label "{row["label"]}" is not a number') from None
    if not 0 <= label < n_classes:
        raise UserError(
            f"{path}, line {line}: the label is {label}; labels must lie in 0 … {n_classes - 1}, one per column "
            f"{PREFIX}<class>"
        )
    return label


def _probability(path: Path, line: int, row: dict[str, str], column: str) -> float:
    try:
        return float(row[column]) if row[column] else math.nan
    except ValueError:
        raise UserError(f'{path}, line {line}: {column} is "{row[column]}", which is not a number') from None
