"""One row of a summary as the cell of a table."""

import pandas as pd

from imbalance_aware.reporting.grid import COLLAPSED, DIVERGED, MISSING, Cell, number
from imbalance_aware.reporting.summary import DECIMALS


def obtained_cell(row: dict) -> Cell:
    """Mean ± standard deviation over seeds; marks count the runs that collapsed or diverged."""
    marks = _marks(row)
    if row["n_seeds"] == 0:
        return Cell("undefined" if not marks else MISSING, marks=marks)
    return Cell(number(row["mean"], DECIMALS), _spread(row["std"]), bool(row["best"]), marks)


def _marks(row: dict) -> str:
    """``"†2 ‡1"``: two runs collapsed, one diverged."""
    signs = ((COLLAPSED, "n_collapsed"), (DIVERGED, "n_diverged"))
    return " ".join(f"{sign}{row[key]}" for sign, key in signs if row[key])


def reference_cell(row: dict) -> Cell:
    if pd.isna(row["reference_mean"]):
        return Cell(MISSING)
    return Cell(number(row["reference_mean"], DECIMALS), _spread(row["reference_std"]))


def difference_cell(row: dict) -> Cell:
    difference = row["difference"]
    return Cell(MISSING if pd.isna(difference) else number(difference, DECIMALS, signed=True))


def _spread(std: float) -> str:
    return "" if pd.isna(std) else f" ± {number(std, DECIMALS)}"


def interval_cell(row: dict) -> Cell:
    """``+0.05 [0.01, 0.09] †1``, bold if the interval excludes zero and each class has enough test subjects."""
    if pd.isna(row["difference"]):
        return Cell(MISSING, marks=_marks(row))
    difference = number(row["difference"], DECIMALS, signed=True)
    if pd.isna(row["ci_low"]):
        return Cell(difference, f" [{MISSING}]", marks=_marks(row))
    interval = f" [{number(row['ci_low'], DECIMALS)}, {number(row['ci_high'], DECIMALS)}]"
    excludes_zero = row["ci_low"] > 0 or row["ci_high"] < 0
    return Cell(difference, interval, bool(excludes_zero and not row["few_test_subjects"]), _marks(row))
