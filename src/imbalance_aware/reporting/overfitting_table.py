"""The table of over-fitting: the primary metric on the training samples, the validation part and the test part."""

import pandas as pd

from imbalance_aware.metrics.catalogue import METRICS, TRAINING, VALIDATION
from imbalance_aware.reporting.cells import obtained_cell, spread
from imbalance_aware.reporting.grid import MISSING, Cell, Grid, Panel, Row, number, without_repeats
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.notes import counted, cross_validation, mark_notes
from imbalance_aware.reporting.summary import DECIMALS, summarise
from imbalance_aware.reporting.table_catalogue import OVERFITTING

#: Part -> head of its column, in order.
PART_NAMES = {"training": "Training", "validation": "Validation", "test": "Test", "gap": "Gap"}
MEANING = (
    "All by the weights that were kept, mean ± sample standard deviation (n − 1) over seeds, or over repeats of a "
    "cross-validation. Training: the samples that the network was trained on, without augmentation."
)
GAP = {
    "higher": "Gap: training minus test, run by run; how much better a network is on samples that it has seen.",
    "lower": "Gap: test minus training, run by run; how much better a network is on samples that it has seen.",
}
BEST_EPOCH = "Validation: with `training.select: best` the epoch was chosen by this very value, which flatters it."
NOT_RECORDED = (
    "Training samples were not classified (`training: {training_predictions: false}`), so over-fitting cannot be seen "
    "here."
)
FOLDS = (
    "For cross-validated datasets, training and validation are means over the folds, each with training samples of its "
    "own; test is as in the other tables."
)


def make_overfitting(primary: str, metrics: pd.DataFrame) -> tuple[Grid, pd.DataFrame]:
    """The table, ready to print, and the numbers behind it: one row per dataset, condition and ``part``.

    Args:
        primary: a metric over all classes.
        metrics: the tidy table of a study, of one unit.

    Raises:
        UserError: no run has this metric.
    """
    names = {"training": TRAINING + primary, "validation": VALIDATION + primary, "test": primary}
    summary = summarise(metrics, [*names.values()])
    parts = {name: part for part, name in names.items()}
    summary = summary.assign(part=summary["metric"].map(parts), metric=primary, best=False)
    gaps = _gaps(metrics, primary, names["training"])
    if len(gaps):
        summary = pd.concat([summary, summarise(gaps, [primary]).assign(part="gap", best=False)], ignore_index=True)
    panels = tuple(
        _panel(str(dataset), rows.to_dict("records")) for dataset, rows in summary.groupby("dataset", sort=False)
    )
    columns = ["dataset", "condition", "loss_key", "loss_label", "sampling_label", "batch_size", "metric", "part"]
    numbers = summary[[*columns, *("mean", "std", "n_repeats", "n_seeds", "n_runs", "n_collapsed", "n_diverged")]]
    title = f"Over-fitting: {METRICS[primary].label} on training and test part"
    return Grid(OVERFITTING, title, panels, _notes(metrics, summary, METRICS[primary].better)), numbers


def _gaps(metrics: pd.DataFrame, primary: str, training: str) -> pd.DataFrame:
    """``metrics`` with the gap of each run in the place of the primary metric; empty if no run has training scores."""
    runs = ["dataset", "condition", "seed", "repeat"]
    of_training = metrics[metrics["metric"] == training].set_index(runs)["value"]
    if of_training.empty:
        return metrics.iloc[:0]
    test = metrics[metrics["metric"] == primary]
    sign = 1 if METRICS[primary].better == "higher" else -1
    seen = of_training.reindex(pd.MultiIndex.from_frame(test[runs])).to_numpy()
    return pd.concat([test.assign(value=sign * (seen - test["value"])), metrics[metrics["metric"] != primary]])


def _panel(dataset: str, rows: list[dict]) -> Panel:
    found = {(row["loss_label"], row["sampling_label"], row["part"]): row for row in rows}
    shown = [part for part in PART_NAMES if any(row["part"] == part for row in rows)]
    conditions = list(dict.fromkeys((loss, sampling) for loss, sampling, _ in found))
    lines = [
        Row(label, tuple(_cell(found.get((*condition, part)), part) for part in shown), index > 0 and label[0] != "")
        for index, (label, condition) in enumerate(zip(without_repeats(conditions), conditions, strict=True))
    ]
    return Panel(("Loss", "Sampling"), tuple(PART_NAMES[part] for part in shown), tuple(lines), title=readable(dataset))


def _cell(row: dict | None, part: str) -> Cell:
    if row is None:
        return Cell(MISSING)
    if part != "gap":
        return obtained_cell(row)
    return (
        Cell(MISSING) if pd.isna(row["mean"]) else Cell(number(row["mean"], DECIMALS, signed=True), spread(row["std"]))
    )


def _notes(metrics: pd.DataFrame, summary: pd.DataFrame, better: str) -> tuple[str, ...]:
    there = {*summary["part"]}
    folds = cross_validation(metrics, summary["dataset"])
    lines = [MEANING, GAP[better]] if "gap" in there else [NOT_RECORDED]
    lines += [BEST_EPOCH] if "validation" in there else []
    lines += [*folds, FOLDS] if folds and there - {"test"} else folds
    test = summary[summary["part"] == "test"]
    marked = {key: test[key].sum() for key in ("n_collapsed", "n_diverged")}
    lines += mark_notes(*(f"{count} of {test['n_runs'].sum()} runs" if count else "" for count in marked.values()))
    return (*lines, *counted(metrics))
