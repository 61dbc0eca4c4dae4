"""The table of differences from a baseline, with their confidence intervals."""

from pathlib import Path

import pandas as pd

from imbalance_aware.errors import UserError
from imbalance_aware.reporting.cells import interval_cell
from imbalance_aware.reporting.grid import MISSING, Grid
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.layouts import metrics_across
from imbalance_aware.reporting.notes import NOT_BOLD, mark_notes
from imbalance_aware.reporting.small_classes import Few, few_test_subjects, note, rests_on_few
from imbalance_aware.reporting.summary import in_order, label_conditions
from imbalance_aware.reporting.table_catalogue import COMPARISON
from imbalance_aware.tables.differences import read_differences

NOTES = (
    "Mean over seeds of the difference between runs of the same seed. In brackets: 95 % confidence interval of that "
    "mean from a stratified bootstrap over test subjects, the same subjects for all conditions; it does not cover the "
    "choice of seeds, nor is it adjusted for the number of comparisons. Bold: the unrounded interval excludes zero.",
    "Runs that diverged, and their partners in the baseline, are left out; n_seeds in the .csv counts the pairs.",
)
NO_INTERVAL = (
    f"[{MISSING}]: no interval, since the difference is the same in every bootstrap replicate (as with one test "
    "subject of a class, or runs that give the same predictions); the bootstrap then tells nothing about its "
    "uncertainty."
)
MARKED = ("n_collapsed", "n_diverged")
ALONE = "The study has one condition: there is nothing to compare it with."


def make_comparison(path: str | Path, metrics: pd.DataFrame) -> tuple[Grid, pd.DataFrame]:
    """The table of ``differences.csv`` (step ``compare``), ready to print, and the numbers behind it, labelled.

    Args:
        path: the table that ``compare`` wrote.
        metrics: the tidy table of the study, which knows the conditions.

    Raises:
        UserError: no such file, another table, or a condition that ``metrics`` lacks.
    """
    table = read_differences(path)
    if table.empty:
        return Grid(COMPARISON, "Difference from a baseline", (), (ALONE,)), table
    known = label_conditions(metrics[["condition", "loss", "sampling", "weighted"]].drop_duplicates())
    labelled = known.drop(columns=["loss", "sampling", "weighted"]).set_index("condition")
    named = {*table["condition"], *table["baseline"]}
    if not named <= {*labelled.index}:
        raise UserError(f"{path}: the table of metrics has no condition {', '.join(named - {*labelled.index})}")
    table = in_order(table.join(labelled, on="condition"), ("dataset", "loss_key", "sampling_label"))
    baseline = labelled.loc[table["baseline"].iloc[0]]
    title = f"Difference from {baseline['loss_label']}, {baseline['sampling_label']} (95 % confidence interval)"
    few = few_test_subjects(metrics)
    table["few_test_subjects"] = [
        rests_on_few(dataset, metric, few) for dataset, metric in zip(table["dataset"], table["metric"], strict=True)
    ]
    return Grid(COMPARISON, title, metrics_across(table, [("", interval_cell)]), _notes(table, few)), table


def _notes(table: pd.DataFrame, few: Few) -> tuple[str, ...]:
    lines = [*NOTES]
    if (table["ci_low"].isna() & table["difference"].notna()).any():
        lines.append(NO_INTERVAL)
    if uncertain := note(few, table["dataset"], NOT_BOLD):
        lines.append(uncertain)
    runs = table.drop_duplicates(["dataset", "condition"])
    total = runs["n_runs"].sum()
    lines += mark_notes(*(f"{n} of {total} runs" if (n := runs[key].sum()) else "" for key in MARKED))
    for dataset, count in runs.groupby("dataset", sort=False)["n_baseline_collapsed"].max().items():
        if count:
            lines.append(
                f"Of the baseline on {readable(dataset)}, {count} runs collapsed; every difference is from these too."
            )
    return tuple(lines)
