"""Formatting one row of a summary as a table cell."""

from collections.abc import Mapping

import pandas as pd

from imbalance_aware.reporting.grid import COLLAPSED, DIVERGED, MISSING, Cell, number
from imbalance_aware.reporting.summary import DECIMALS


def obtained_cell(row: dict) -> Cell:
    """Mean ± standard deviation over seeds; marks count the runs that collapsed or diverged."""
    marks = run_marks(row)
    if row["n_seeds"] == 0:
        return Cell("undefined" if not marks else MISSING, marks=marks)
    return Cell(number(row["mean"], DECIMALS), spread(row["std"]), bool(row["best"]), marks)


def run_marks(row: Mapping) -> str:
    """``"†2 ‡1"``: two runs collapsed, one diverged."""
    signs = ((COLLAPSED, "n_collapsed"), (DIVERGED, "n_diverged"))
    return " ".join(f"{sign}{int(row[key])}" for sign, key in signs if row[key])


def reference_cell(row: dict) -> Cell:
    if pd.isna(row["reference_mean"]):
        return Cell(MISSING)
    return Cell(number(row["reference_mean"], DECIMALS), spread(row["reference_std"]))


def difference_cell(row: dict) -> Cell:
    difference = row["difference"]
    return Cell(MISSING if pd.isna(difference) else number(difference, DECIMALS, signed=True))


def spread(std: float) -> str:
    """``" ± 0.03"``; empty of a single value."""
    return "" if pd.isna(std) else f" ± {number(std, DECIMALS)}"
