"""The folds of a cross-validated dataset, ``folds/repeat-R.csv``: in which part each subject is, fold by fold.

One row per sample of ``samples.csv``, in its order, and one column per fold. A cell is train, validation or test, or
empty for a sample that is left out of that fold's training (`conflicts: drop`).
"""

from collections.abc import Sequence
from pathlib import Path

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import csv_text, make_again, read_rows
from imbalance_aware.tables.samples import SPLITS

COLUMNS = ("subject",)
PREFIX = "fold-"
CONTENT = "the table of a dataset's folds, which the step `folds` writes"


def folds_csv(subjects: Sequence[str], folds: Sequence[Sequence[str]]) -> str:
    """Text of the table.

    Args:
        subjects: n identifiers, in the order of ``samples.csv``.
        folds: for each fold, the part of each of the n subjects.
    """
    columns = [*COLUMNS, *(f"{PREFIX}{number}" for number in range(len(folds)))]
    return csv_text(columns, zip(subjects, *folds, strict=True))


def read_folds(path: Path) -> list[dict[str, str]]:
    """For each fold: subject -> its part (train, validation, test; empty: in none).

    Raises:
        UserError: no such file, or not such a table.
    """
    columns, rows = read_rows(path, CONTENT, COLUMNS)
    names = columns[1:]
    if not names or columns != [*COLUMNS, *(f"{PREFIX}{number}" for number in range(len(names)))]:
        raise UserError(
            f"{path}: expected the columns subject, {PREFIX}0, {PREFIX}1, …; it has {', '.join(columns)}. "
            f"{make_again(path)}"
        )
    for name in names:
        for line, row in rows:
            _check(path, line, row, name)
    return [{row["subject"]: row[name] for _, row in rows} for name in names]


def read_fold(path: Path, fold: int) -> dict[str, str]:
    """Subject -> its part in one fold, counted from 0; see `read_folds`.

    Raises:
        UserError: no such file, not such a table, or no such fold.
    """
    folds = read_folds(path)
    if not 0 <= fold < len(folds):
        raise UserError(f"{path}: has no fold {fold}; it has {len(folds)}, counted from 0")
    return folds[fold]


def _check(path: Path, line: int, row: dict[str, str], name: str) -> None:
    if row[name] not in (*SPLITS, ""):
        raise UserError(
            f'{path}, line {line}: {name} is "{row[name]}"; expected {", ".join(SPLITS)}, or nothing. '
            f"{make_again(path)}"
        )
