"""Notes below tables: how the numbers were made, what marks mean, errors in the paper's numbers."""

import pandas as pd

from imbalance_aware.reporting.grid import COLLAPSED, DIVERGED
from imbalance_aware.reporting.small_classes import Few, note

#: What follows for tables from a class with few test subjects.
NOT_BOLD = "; values that hang on it are not bold"
PAPER = "Scholz et al. (MIDL 2024)"
#: Found by recomputing the paper's tables from each other; their values are shown as printed.
ERRATA = {
    "Table 2": (
        "The headings of the paper's Table 2 are garbled: its first three columns are the glaucoma classes, though "
        "headed glioma. For glaucoma, the mean of its class-wise F1 scores equals its Table 3 for CE, CE + F1 and "
        "CE + MCC only if the rows Uniform and + Weights of Table 3 are exchanged: one of the two tables has them "
        "swapped."
    ),
    "Table 3": (
        "For glaucoma, the paper's rows Uniform and + Weights of CE, CE + F1 and CE + MCC match the mean of the "
        "class-wise F1 scores of its Table 2 only if exchanged: one of the two tables has them swapped."
    ),
}


BOLD = (
    "Bold: best of its dataset, ties at the printed precision included; nothing is bold where all values are equal, "
    "where the best is of collapsed runs only, or where it is a score of 0 or less."
)


def notes(summary: pd.DataFrame, few: Few) -> tuple[str, ...]:
    """Notes for a table made of ``summary``; those on what it is compared with only where that is shown."""
    lines = [f"{_seeds(summary['n_runs'])} {BOLD}"]
    if uncertain := note(few, summary.loc[summary["few_test_subjects"], "dataset"], NOT_BOLD):
        lines.append(uncertain)
    lines += mark_notes(*(_runs(summary, key) for key in ("n_collapsed", "n_diverged")))
    if "reference" in summary and summary["reference"].notna().any():
        lines += _comparison(summary.dropna(subset="reference"))
    return tuple(lines)


def mark_notes(collapsed: str, diverged: str) -> list[str]:
    """What the marks mean, and on how many runs they are (``"3 of 60 runs"``, or empty)."""
    lines = []
    if collapsed:
        lines.append(
            f"{COLLAPSED}k: k runs collapsed, that is, predict one class for every subject; they count in the mean. "
            f"{collapsed} in this table."
        )
    if diverged:
        lines.append(
            f"{DIVERGED}k: k runs diverged, that is, give probabilities that are not finite; they have no metrics and "
            f"are left out of the mean. {diverged} in this table."
        )
    return lines


def _seeds(counts: pd.Series) -> str:
    low, high = counts.min(), counts.max()
    if high == 1:
        return "One seed, hence no standard deviation."
    return f"Mean ± sample standard deviation (n − 1) over {low if low == high else f'{low} to {high}'} seeds."


def _runs(summary: pd.DataFrame, key: str) -> str:
    """``"3 of 60 runs"``, or nothing if there are none; a run counts once, however many metrics are shown."""
    runs = summary.groupby(["dataset", "condition"])[[key, "n_runs"]].max().sum()
    return f"{runs[key]} of {runs['n_runs']} runs" if runs[key] else ""


def _comparison(compared: pd.DataFrame) -> list[str]:
    difference = "Difference: from unrounded means."
    sources = sorted(compared["reference"].unique())
    if sources == ["before"]:
        return [f"Before: the same runs without adjustment. {difference}"]
    glaucoma = (compared["dataset"] == "glaucoma").any()
    single = " Its glaucoma values are of a single run." if glaucoma else ""
    errata = [ERRATA[source] for source in sources if glaucoma and source in ERRATA]
    return [f"Paper: {', '.join(sources)} of {PAPER}, as printed.{single} {difference}", *errata]
