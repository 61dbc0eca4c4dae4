"""The predictions of a run, ``predictions.csv``: one row per test subject.

``validation_predictions.csv`` and ``training_predictions.csv`` have the same columns. In the pooled table of a
cross-validated condition, a column ``fold`` says which fold tested each subject.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import Row, csv_text, make_again, read_rows
from imbalance_aware.tables.samples import subgroup_names
from imbalance_aware.tables.whole import require_end

#: Taken from ``samples.csv``; `FOLD` in pooled tables, the subgroups and one column per class follow, see
#: `probability_columns`.
COLUMNS = ("subject", "group", "cohort", "class", "label")
FOLD = "fold"
PREFIX = "prob_"
CONTENT = "the table of a run's predictions, which the step `train` writes"
#: How far the probabilities of a subject may miss a sum of one: rounding of single precision. Those that training
#: writes miss it by less than 1e-14, so that a digit that was damaged is noticed.
SUM_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Predictions:
    """Probabilities for ``n`` test subjects and ``K`` classes.

    Attributes:
        subjects: identifiers, shape (n,).
        classes: names in the order of the labels.
        labels: true class, 0 … K-1, shape (n,).
        probabilities: shape (n, K); a run that diverged has NaN or infinities here.
        groups: whose images they are (patients), the unit of all resampling, shape (n,).
        cohorts: where each comes from, shape (n,).
        subgroups: name -> value of each subject, shape (n,), for the columns that a user's table names as subgroups.
        fold: which fold tested each subject, from 0, shape (n,); None unless the table is pooled from several folds.
    """

    subjects: np.ndarray
    classes: tuple[str, ...]
    labels: np.ndarray
    probabilities: np.ndarray
    groups: np.ndarray
    cohorts: np.ndarray
    subgroups: dict[str, np.ndarray] = field(default_factory=dict)
    fold: np.ndarray | None = None


def probability_columns(classes: Sequence[str]) -> list[str]:
    """``prob_<class>`` of each class."""
    return [f"{PREFIX}{name}" for name in classes]


def predictions_csv(
    samples: Sequence[Mapping[str, str]],
    classes: Sequence[str],
    probabilities: np.ndarray,
    fold: Sequence[int] | None = None,
) -> str:
    """Text of the table; NaN becomes an empty cell.

    Args:
        samples: rows of ``samples.csv`` of the n test subjects, with their subgroups.
        classes: names in label order.
        probabilities: shape (n, K).
        fold: which fold tested each subject, length n, of a pooled table.
    """
    subgroups = subgroup_names(samples[0]) if samples else []
    columns = [*COLUMNS, *([] if fold is None else [FOLD]), *subgroups, *probability_columns(classes)]
    folds = [[]] * len(samples) if fold is None else [[number] for number in fold]
    rows = zip(samples, folds, probabilities.tolist(), strict=True)
    cells = (
        [*(sample[name] for name in COLUMNS), *number, *(sample[name] for name in subgroups), *row]
        for sample, number, row in rows
    )
    return csv_text(columns, cells)


def read_predictions(path: str | Path) -> Predictions:
    """Read the table.

    Raises:
        UserError: no such file, one that was cut short, no rows, columns or labels that do not fit (an earlier version
            wrote neither group nor cohort), a subject listed twice, or values that are finite but no probabilities
            (outside [0, 1], or not adding up to one).
    """
    path = Path(path)
    require_end(path)
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
        raise UserError(f"{path}: the columns {PREFIX}<class> do not contain probabilities: they must sum to one")
    subgroups = [name for name in columns if name not in (*COLUMNS, FOLD, *names)]
    fold = np.array([_fold(path, line, row) for line, row in rows], dtype=np.int64) if FOLD in columns else None
    return Predictions(
        _cells(rows, "subject"),
        classes,
        np.array(labels, dtype=np.int64),
        probabilities,
        _cells(rows, "group"),
        _cells(rows, "cohort"),
        {name: _cells(rows, name) for name in subgroups},
        fold,
    )


def _cells(rows: Sequence[Row], column: str) -> np.ndarray:
    return np.array([row[column] for _, row in rows], dtype=object)


def _fold(path: Path, line: int, row: dict[str, str]) -> int:
    if not row[FOLD].isdecimal():
        raise UserError(f'{path}, line {line}: fold is "{row[FOLD]}"; expected 0, 1, 2, … {make_again(path)}')
    return int(row[FOLD])


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
