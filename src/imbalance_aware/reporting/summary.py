"""Numbers behind the tables: mean and spread over seeds, the best of each dataset, the paper's value."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from imbalance_aware.errors import UserError
from imbalance_aware.metrics.catalogue import POSTHOC, named
from imbalance_aware.reporting import labels
from imbalance_aware.reporting.small_classes import few_test_subjects, rests_on_few

#: Decimals printed, which is also the precision at which values tie.
DECIMALS = 2
KEYS = ["dataset", "condition", "loss_key", "loss_label", "sampling_label", "batch_size", "metric"]
PAPER_ORDER = {
    "dataset": labels.PAPER_DATASETS,
    "loss_key": labels.PAPER_LOSSES,
    "sampling_label": tuple(labels.SAMPLINGS.values()),
}
REFERENCE = ["reference_mean", "reference_std", "reference"]
REFERENCE_KEYS = ["dataset", "condition", "batch_size", "metric"]


def read_published(path: str | Path) -> pd.DataFrame:
    """Read the paper's values as something to compare with.

    Returns:
        ``dataset, condition, batch_size, metric, reference_mean, reference_std``, and ``reference`` with the paper's
        table (``"Table 1"``).
    """
    table = pd.read_csv(path)
    table["condition"] = table["loss"] + "-" + table["sampling"]
    table["reference"] = table["table"].str.replace("table", "Table ")
    return table.rename(columns={"mean": "reference_mean", "std": "reference_std"})[[*REFERENCE_KEYS, *REFERENCE]]


def unadjusted(metrics: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The values before post-hoc logit adjustment, to compare ``names`` (``posthoc_<metric>``) with."""
    summary = summarise(metrics, [name.removeprefix(POSTHOC) for name in names])
    summary["metric"] = POSTHOC + summary["metric"]
    summary = summary.rename(columns={"mean": "reference_mean", "std": "reference_std"})
    return summary.assign(reference="before")[[*REFERENCE_KEYS, *REFERENCE]]


def summarise(metrics: pd.DataFrame, names: Sequence[str], reference: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per dataset, condition and metric.

    Args:
        metrics: the tidy table of a study.
        names: the metrics wanted, in order; those that a dataset lacks are left out.
        reference: values to compare with, from `read_published` or `unadjusted`.

    Returns:
        ``dataset, condition, loss_key, loss_label, sampling_label, batch_size, metric``;
        ``mean`` and ``std`` (sample standard deviation, ddof = 1; NaN for one value) over the seeds with a value;
        ``n_seeds`` of them, of ``n_runs``, of which ``n_collapsed`` and ``n_diverged``; ``few_test_subjects`` (whether
        the metric hangs on a class that has few); ``best`` (of its dataset and metric, at the printed precision, where
        that means something); and, if ``reference`` is given, its columns and ``difference``. Datasets and losses of
        the paper come first.

    Raises:
        UserError: one of ``names`` is no metric, or no run has any of them.
    """
    for name in names:
        named(name)
    place = {name: index for index, name in enumerate(names)}
    chosen = metrics[metrics["metric"].isin(names)]
    chosen = chosen.sort_values("metric", key=lambda column: column.map(place), kind="stable")
    if chosen.empty:
        raise UserError(f"no run has the metric {' or '.join(names)}")
    keys = ["dataset", "condition", "loss", "sampling", "weighted", "batch_size", "metric"]
    groups = chosen.groupby(keys, sort=False)
    summary = groups.agg(
        mean=("value", "mean"),
        std=("value", "std"),
        n_seeds=("value", "count"),
        n_runs=("value", "size"),
        n_collapsed=("status", lambda status: (status == "collapsed").sum()),
        n_diverged=("status", lambda status: (status == "diverged").sum()),
    ).reset_index()
    summary = in_order(label_conditions(summary), ("dataset", "loss_key", "sampling_label"))
    numbers = ["mean", "std", "n_seeds", "n_runs", "n_collapsed", "n_diverged"]
    summary = summary[[*KEYS, *numbers]]
    few = few_test_subjects(metrics)
    summary["few_test_subjects"] = [
        rests_on_few(dataset, metric, few)
        for dataset, metric in zip(summary["dataset"], summary["metric"], strict=True)
    ]
    summary["best"] = _best(summary)
    if reference is not None:
        summary = summary.merge(reference, on=REFERENCE_KEYS, how="left", validate="one_to_one")
        summary["difference"] = summary["mean"] - summary["reference_mean"]
    return summary


def in_order(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """``frame`` sorted by ``columns``, each with the paper's names first and the others as they come."""
    orders = {name: labels.paper_first(frame[name], PAPER_ORDER.get(name, ())) for name in columns}
    places = {name: {value: place for place, value in enumerate(order)} for name, order in orders.items()}
    return frame.sort_values(
        list(columns), key=lambda column: column.map(places[column.name]), kind="stable", ignore_index=True
    )


def label_conditions(table: pd.DataFrame) -> pd.DataFrame:
    """``table`` (condition, loss, sampling, weighted, …) with ``loss_key``, ``loss_label`` and ``sampling_label``."""
    rows = list(zip(*(table[name] for name in ("condition", "sampling", "weighted")), strict=True))
    keys = [labels.loss_key(*row) for row in rows]
    named = labels.loss_labels(zip(keys, table["loss"], strict=True))
    return table.assign(
        loss_key=keys,
        loss_label=[named[key] for key in keys],
        sampling_label=[labels.sampling_label(sampling, weighted) for _, sampling, weighted in rows],
    )


def _best(summary: pd.DataFrame) -> pd.Series:
    """True where a mean, as printed, is the best of its dataset and metric; ties all count.

    Nothing is best where no other value is worse, where all runs behind the value collapsed, where a score is 0 or
    less, or where a class has too few test subjects.
    """
    sign = summary["metric"].map(lambda name: {"higher": 1, "lower": -1}[named(name).metric.better])
    printed = summary["mean"].map(lambda mean: float(f"{mean:.{DECIMALS}f}")) * sign
    groups = printed.groupby([summary["dataset"], summary["metric"]])
    best = (printed == groups.transform("max")) & (groups.transform("min") < groups.transform("max"))
    learned = (summary["n_collapsed"] < summary["n_seeds"]) & ((sign < 0) | (printed > 0))
    return best & learned & ~summary["few_test_subjects"]
