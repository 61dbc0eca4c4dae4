"""The table of ensembles: what the mean over a condition's seeds scores, beside its single runs."""

from pathlib import Path

import pandas as pd

from imbalance_aware.reporting.cells import difference_cell, obtained_cell, reference_cell
from imbalance_aware.reporting.grid import Grid
from imbalance_aware.reporting.layouts import metrics_across
from imbalance_aware.reporting.notes import ENSEMBLE_BOLD, NOT_BOLD, counted, mark_notes
from imbalance_aware.reporting.small_classes import few_test_subjects, note
from imbalance_aware.reporting.summary import single_runs, summarise
from imbalance_aware.reporting.table_catalogue import ENSEMBLES
from imbalance_aware.tables.metrics import read_metrics

METRICS = ("balanced_accuracy", "f1_macro", "auroc_macro", "mcc")
LINES = (("ensemble", obtained_cell), ("single runs", reference_cell), ("difference", difference_cell))
MEANING = (
    "Ensemble: the probabilities of all seeds of a condition are averaged for every test subject, then the metrics are "
    "computed; one value, hence no standard deviation. Single runs: mean ± sample standard deviation (n − 1) over the "
    "same seeds. Difference: from unrounded values."
)


def make_ensembles(path: str | Path, metrics: pd.DataFrame, unit: str = "sample") -> tuple[Grid, pd.DataFrame]:
    """The table, ready to print, and the numbers behind it.

    Args:
        path: ``ensemble_metrics.csv``.
        metrics: the tidy table of the single runs of the same study, of this unit.
        unit: what the metrics count, ``sample`` or ``group``.

    Raises:
        UserError: no such file, or it has none of the metrics.
    """
    ensembles = read_metrics(path, unit)
    summary = summarise(ensembles, METRICS, single_runs(metrics, METRICS))
    few = few_test_subjects(metrics)
    lines = [MEANING, ENSEMBLE_BOLD]
    if uncertain := note(few, summary.loc[summary["few_test_subjects"], "dataset"], NOT_BOLD):
        lines.append(uncertain)
    total = len(summary.drop_duplicates(["dataset", "condition"]))
    marked = summary.groupby(["dataset", "condition"])[["n_collapsed", "n_diverged"]].max().sum()
    lines += mark_notes(*(f"{n} of {total} ensembles" if (n := marked[key]) else "" for key in marked.index))
    lines += counted(ensembles)
    return Grid(ENSEMBLES, "Ensemble over seeds and single runs", metrics_across(summary, LINES), tuple(lines)), summary
