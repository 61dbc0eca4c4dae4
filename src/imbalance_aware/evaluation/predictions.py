"""The predictions of a run, read and checked."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from imbalance_aware.errors import UserError

PREFIX = "prob_"
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


def read_predictions(path: str | Path) -> Predictions:
    """Read ``predictions.csv``: ``subject, class, label, prob_<class>…``, one row per test subject.

    Raises:
        UserError: no such file, no rows, columns or labels that do not fit, a subject listed twice, or values that are
            finite but no probabilities (outside [0, 1], or not adding up to one).
    """
    table = read_table(path, ("subject", "class", "label"))
    columns = [name for name in table.columns if name.startswith(PREFIX)]
    classes = tuple(name.removeprefix(PREFIX) for name in columns)
    if len(classes) < 2:
        raise UserError(f"{path}: needs a column {PREFIX}<class> for each of at least two classes")
    try:
        labels = table["label"].to_numpy().astype(np.int64)
        # An empty cell is what pandas writes for NaN.
        probabilities = table[columns].replace("", "nan").to_numpy().astype(np.float64)
    except ValueError as error:
        raise UserError(f"{path}: a label or a probability is not a number: {error}") from None
    _check(path, table, classes, labels, probabilities)
    return Predictions(table["subject"].to_numpy(), classes, labels, probabilities)


def read_table(path: str | Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a CSV as text (a class called "NA" stays one) and check that it has rows and ``columns``."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a CSV table: {error}") from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise UserError(f"{path}: lacks the column {', '.join(missing)}; it has {', '.join(table.columns)}")
    if table.empty:
        raise UserError(f"{path}: has no rows")
    return table


def _check(path, table, classes, labels, probabilities) -> None:
    repeated = table["subject"][table["subject"].duplicated()]
    if len(repeated):
        raise UserError(f"{path}: the subject {repeated.iloc[0]} is listed more than once")
    if labels.min() < 0 or labels.max() >= len(classes):
        raise UserError(f"{path}: labels must lie in 0 … {len(classes) - 1}, one per column {PREFIX}<class>")
    named = np.asarray(classes, dtype=object)[labels]
    wrong = np.flatnonzero(named != table["class"].to_numpy())
    if wrong.size:
        row = table.iloc[wrong[0]]
        raise UserError(
            f"{path}: subject {row['subject']} is of class {row['class']} but has label {row['label']}, "
            f"which is {named[wrong[0]]} in the order of the columns {PREFIX}<class>"
        )
    finite = probabilities[np.isfinite(probabilities).all(axis=1)]
    out_of_range = (finite < 0).any() or (finite > 1).any()
    if out_of_range or (np.abs(finite.sum(axis=1) - 1) > SUM_TOLERANCE).any():
        raise UserError(f"{path}: the columns {PREFIX}<class> hold no probabilities: they must add up to one")
