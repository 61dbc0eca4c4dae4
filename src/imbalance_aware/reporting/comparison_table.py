"""The table of differences from the baseline: both intervals, adjusted p-values, and what may be said."""

from pathlib import Path

import pandas as pd

from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.reporting.candidate_labels import labelled_candidates, with_rule
from imbalance_aware.reporting.cells import run_marks
from imbalance_aware.reporting.grid import MISSING, Cell, Grid, Panel, Row, number, without_repeats
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.notes import mark_notes
from imbalance_aware.reporting.small_classes import headed
from imbalance_aware.reporting.summary import in_order
from imbalance_aware.reporting.table_catalogue import COMPARISON
from imbalance_aware.tables.comparisons import COMPARISONS
from imbalance_aware.tables.frames import MODELS, PRIMARY, PROCEDURE

#: Decimals of differences: more than those of values, as a difference of 0.02 may matter.
DECIMALS = 3
#: Names of the intervals in print.
INTERVALS = {MODELS: "these models", PROCEDURE: "this procedure"}
NOTES = (
    "Difference: mean over seeds (or repeats of a cross-validation), candidate minus baseline. In brackets: 95 % "
    "confidence intervals; these models: other patients, the same trained models; this procedure: other patients and "
    "other seeds, the same training data. They are not adjusted.",
    "p: for this procedure, one minus the level at which its interval just excludes 0; adjusted by Holm's method for "
    "the comparisons of this metric with the baseline. Conclusion: better or worse if the adjusted p is at most 0.05; "
    "equivalent if the interval lies within ± the relevant difference; otherwise undecided, which does not mean equal. "
    "Conclusions are corrected for all rows of a panel; bold: better or worse.",
    "Exploratory: metrics that were not declared as the primary one before the runs. Their intervals are not adjusted "
    "for the number of metrics, and no conclusion is based on them.",
)
ONE_REPLICATE = (
    "One seed: the intervals cover other patients for these models, and so do p (by permutation of patients) and "
    "conclusion. Whether retraining would give the same order is unknown."
)
NOT_ESTIMABLE = "not estimable: {}."
ALONE = "The study has one condition: there is nothing to compare it with."
MARKED = ("n_collapsed", "n_diverged")


def make_comparison(path: str | Path, metrics: pd.DataFrame) -> tuple[Grid, pd.DataFrame]:
    """The table of ``comparisons.csv`` (step ``statistics``) with the baseline, and the numbers behind it, labelled.

    Args:
        path: the table that ``statistics`` wrote.
        metrics: the tidy table of the study, which knows the conditions and what became of their runs.

    Raises:
        UserError: no such file, another table, or a condition that ``metrics`` lacks.
    """
    table = COMPARISONS.read(Path(path))
    table = table[table["with_baseline"]]
    if table.empty:
        return Grid(COMPARISON, "Difference from the baseline", (), (ALONE,)), table
    names = labelled_candidates([*table["a"], *table["b"]], metrics)
    table = table.join(names.drop(columns="label"), on="a").join(_runs(metrics), on=["dataset", "condition"])
    table["candidate_label"] = [with_rule(*pair) for pair in zip(table["sampling_label"], table["rule"], strict=True)]
    table = in_order(table, ("dataset", "loss_key", "rule", "sampling_label"))
    baseline = names.loc[table["b"].iloc[0], "label"]
    panels = []
    for dataset, rows in table.groupby("dataset", sort=False):
        primary = rows[rows["role"] == PRIMARY]
        panels.append(_primary(str(dataset), primary))
        panels += _exploratory(str(dataset), rows[rows["role"] != PRIMARY])
    title = headed(f"Difference from {baseline}", metrics, table["dataset"])
    return Grid(COMPARISON, title, tuple(panels), _notes(table)), table


def _runs(metrics: pd.DataFrame) -> pd.DataFrame:
    """``n_runs``, and of them ``n_collapsed`` and ``n_diverged``, by dataset and condition."""
    runs = metrics.drop_duplicates(["dataset", "condition", "seed", "repeat"])
    return runs.groupby(["dataset", "condition"], sort=False).agg(
        n_runs=("status", "size"),
        n_collapsed=("status", lambda status: (status == "collapsed").sum()),
        n_diverged=("status", lambda status: (status == "diverged").sum()),
    )


def question_of(rows: pd.DataFrame) -> str:
    """What conclusions of a dataset are for: `PROCEDURE`, or with one replicate `MODELS`."""
    return PROCEDURE if (rows["n_replicates"] > 1).any() else MODELS


def _primary(dataset: str, rows: pd.DataFrame) -> Panel:
    label = METRICS[rows["metric"].iloc[0]].label
    question = question_of(rows)
    columns = ("Difference", *(name.capitalize() for name in INTERVALS.values()), "p, adjusted", "Conclusion")
    return _panel(rows, f"{readable(dataset)}: {label} (primary)", columns, lambda row: _cells(row, question))


def _exploratory(dataset: str, rows: pd.DataFrame) -> list[Panel]:
    """Differences in the other metrics beside each other, with the interval that the study can give."""
    if rows.empty:
        return []
    metrics = list(dict.fromkeys(rows["metric"]))
    question = question_of(rows)
    found = {(row["a"], row["metric"]): row for row in rows.to_dict("records")}
    title = f"{readable(dataset)}: exploratory, [{INTERVALS[question]}]"
    columns = tuple(METRICS[name].label for name in metrics)

    def cells(row: dict) -> tuple[Cell, ...]:
        return tuple(_with_interval(found[row["a"], name], question) for name in metrics)

    return [_panel(rows.drop_duplicates("a"), title, columns, cells)]


def _panel(rows: pd.DataFrame, title: str, columns, cells) -> Panel:
    labels = without_repeats(list(zip(rows["loss_label"], rows["candidate_label"], strict=True)))
    lines = [
        Row(label, cells(row), index > 0 and label[0] != "")
        for index, (label, row) in enumerate(zip(labels, rows.to_dict("records"), strict=True))
    ]
    return Panel(("Loss", "Sampling"), tuple(columns), tuple(lines), title=title)


def _cells(row: dict, question: str) -> tuple[Cell, ...]:
    """Difference, both intervals, adjusted p-value and conclusion."""
    p = row["p_procedure_holm"] if question == PROCEDURE else row["p_models_holm"]
    word, relevant = conclusion_of(row, question)
    said = "not estimable" if is_not_estimable(row) else f"{word} by a relevant amount" if relevant else word
    return (
        Cell(_difference(row), marks=run_marks(row)),
        *(Cell(interval_text(row, name)) for name in INTERVALS),
        Cell(p_text(p)),
        Cell(said, bold=word in ("better", "worse")),
    )


def conclusion_of(row: dict, question: str) -> tuple[str, bool]:
    """The word of a difference from the baseline, and whether it is by a relevant amount."""
    if question == PROCEDURE:
        return row["decision"], bool(row["relevant"])
    return row["decision_models"], bool(row["relevant_models"])


def is_not_estimable(row: dict) -> bool:
    """Whether a row has no interval at all."""
    return bool(pd.isna(row[f"{MODELS}_low"]))


def interval_text(row: dict, name: str, decimals: int = DECIMALS) -> str:
    """``[0.01, 0.09]``; a dash where there is none."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"[{MISSING}]" if pd.isna(low) else f"[{number(low, decimals)}, {number(high, decimals)}]"


def p_text(p: float) -> str:
    """``0.031``; a dash where there is none."""
    if pd.isna(p):
        return MISSING
    return "< 0.001" if p < 0.001 else number(min(p, 1.0), 3)


def _difference(row: dict) -> str:
    return MISSING if pd.isna(row["difference"]) else number(row["difference"], DECIMALS, signed=True)


def _with_interval(row: dict, question: str) -> Cell:
    return Cell(_difference(row), f" {interval_text(row, question)}", marks=run_marks(row))


def _notes(table: pd.DataFrame) -> tuple[str, ...]:
    lines = [*NOTES]
    for dataset, rows in table.groupby("dataset", sort=False):
        found = [ONE_REPLICATE] if question_of(rows) == MODELS else []
        found += [NOT_ESTIMABLE.format(reason) for reason in _reasons(rows)]
        lines += [f"{readable(str(dataset))}: {text}" for text in found]
    runs = table.drop_duplicates(["dataset", "condition"])
    total = int(runs["n_runs"].sum())
    lines += mark_notes(*(f"{int(n)} of {total} runs" if (n := runs[key].sum()) else "" for key in MARKED))
    return tuple(lines)


def _reasons(rows: pd.DataFrame) -> list[str]:
    """Why differences in the primary metric are not estimable."""
    primary = rows[(rows["role"] == PRIMARY) & rows[f"{MODELS}_low"].isna()]
    return [note.removeprefix("not estimable: ") for note in dict.fromkeys(primary["note"]) if note]
