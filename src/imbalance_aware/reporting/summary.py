"""Numbers behind the tables: mean and spread over replicates, the best of each dataset, the paper's value.

Replicates are the seeds. Where a dataset is cross-validated several times, they are the repeats, and the seeds of one
repeat are averaged first: seeds of the same folds share their training sets, so they would understate the spread.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from imbalance_aware.conditions import loss_key, trained_and_rival
from imbalance_aware.errors import UserError
from imbalance_aware.metrics.catalogue import named
from imbalance_aware.reporting import labels
from imbalance_aware.reporting.small_classes import few_test_subjects, rests_on_few

#: Decimals printed, which is also the precision at which values tie.
DECIMALS = 2
KEYS = ["dataset", "condition", "loss_key", "loss_label", "sampling_label", "batch_size", "metric"]
PAPER_ORDER = {
    "dataset": labels.PAPER_DATASETS,
    "loss_key": (*labels.REFERENCES, *labels.PAPER_LOSSES),
    "sampling_label": (*labels.REFERENCES.values(), *labels.SAMPLINGS.values()),
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
    """The values before an adjustment, to compare ``names`` (such as ``posthoc_<metric>``, all of one) with."""
    adjustment = named(names[0]).adjustment
    summary = summarise(metrics, [name.removeprefix(adjustment) for name in names])
    return _as_reference(summary.assign(metric=adjustment + summary["metric"]), "before")


def single_runs(metrics: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The values of single runs, to compare the ensembles of their seeds with."""
    return _as_reference(summarise(metrics, names), "single runs")


def _as_reference(summary: pd.DataFrame, source: str) -> pd.DataFrame:
    renamed = summary.rename(columns={"mean": "reference_mean", "std": "reference_std"})
    return renamed.assign(reference=source)[[*REFERENCE_KEYS, *REFERENCE]]


def summarise(metrics: pd.DataFrame, names: Sequence[str], reference: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per dataset, condition and metric.

    Args:
        metrics: the tidy table of a study.
        names: the metrics wanted, in order; those that a dataset lacks are left out.
        reference: values to compare with, from `read_published`, `unadjusted` or `single_runs`.

    Returns:
        ``dataset, condition, loss_key, loss_label, sampling_label, batch_size, metric``;
        ``mean`` and ``std`` (sample standard deviation, ddof = 1; NaN for one value) over the replicates with a value;
        ``n_repeats`` and ``n_seeds`` of them, of ``n_runs``, of which ``n_collapsed`` and ``n_diverged``;
        ``few_test_subjects`` (whether the metric depends on a class that has few); ``best`` (of its dataset and metric,
        at the printed precision, where that means something); and, if ``reference`` is given, its columns and
        ``difference``. Datasets and losses of
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
    counts = groups.agg(
        n_runs=("value", "size"),
        n_collapsed=("status", lambda status: (status == "collapsed").sum()),
        n_diverged=("status", lambda status: (status == "diverged").sum()),
    )
    values = _replicates(chosen.dropna(subset="value"), keys).groupby(keys, sort=False)
    spread = values.agg(
        mean=("value", "mean"), std=("value", "std"), n_repeats=("repeat", "nunique"), n_seeds=("seeds", "sum")
    )
    summary = counts.join(spread).fillna({"n_repeats": 0, "n_seeds": 0}).reset_index()
    summary = summary.astype({"n_repeats": int, "n_seeds": int})
    summary = in_order(label_conditions(summary), ("dataset", "loss_key", "sampling_label"))
    numbers = ["mean", "std", "n_repeats", "n_seeds", "n_runs", "n_collapsed", "n_diverged"]
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


def _replicates(values: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """``value``, ``repeat`` and number of ``seeds`` of every replicate: a seed, or a repeat where there are several."""
    repeated = values.groupby("dataset")["repeat"].transform("nunique") > 1
    means = (
        values[repeated].groupby([*keys, "repeat"], sort=False).agg(value=("value", "mean"), seeds=("value", "size"))
    )
    return pd.concat([values[~repeated].assign(seeds=1), means.reset_index()])


def in_order(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """``frame`` sorted by ``columns``, each with the paper's names first and the others as they come."""
    orders = {name: labels.paper_first(frame[name], PAPER_ORDER.get(name, ())) for name in columns}
    places = {name: {value: place for place, value in enumerate(order)} for name, order in orders.items()}
    return frame.sort_values(
        list(columns), key=lambda column: column.map(places[column.name]), kind="stable", ignore_index=True
    )


def label_conditions(table: pd.DataFrame) -> pd.DataFrame:
    """``table`` (condition, loss, sampling, weighted, …) with ``loss_key``, ``loss_label`` and ``sampling_label``.

    The sampling of a rival is that of the networks that it uses, with its name: ``"Uniform, cRT"``.
    """
    rows = list(zip(*(table[name] for name in ("condition", "sampling", "weighted")), strict=True))
    keys = [loss_key(*row) for row in rows]
    named = labels.loss_labels(zip(keys, table["loss"], strict=True))
    return table.assign(
        loss_key=keys,
        loss_label=[named[key] for key in keys],
        sampling_label=[
            labels.with_rival(labels.sampling_label(sampling, weighted), trained_and_rival(condition)[1])
            for condition, sampling, weighted in rows
        ],
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
