"""Draw one metric of every condition: its mean with the intervals of both questions, the single seeds above it.

One panel per dataset, one colour per loss, one marker per sampling; the paper's value is an open diamond. A run that
collapsed is a dagger instead of a dot.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.candidates import ARGMAX
from imbalance_aware.metrics.catalogue import ADJUSTMENTS, POSTHOC, named
from imbalance_aware.reporting import interval_rows, style
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.looks import Look, Looks, collapsed_handle, collapsed_look, looks_of
from imbalance_aware.reporting.small_classes import few_test_subjects, note
from imbalance_aware.reporting.study_tables import read_values
from imbalance_aware.reporting.summary import (
    REFERENCE_KEYS,
    in_order,
    label_conditions,
    read_published,
)
from imbalance_aware.tables.metrics import read_metrics

ROW_INCH = 0.18
#: How far above its condition's mean a seed is drawn, in rows.
ABOVE = 0.33
SEED: Look = {"marker": "o", "markersize": 1.8, "linestyle": "none", "markeredgewidth": 0}
PAPER: Look = {
    "color": style.BLACK,
    "marker": "D",
    "markersize": 4,
    "markerfacecolor": "none",
    "markeredgewidth": 0.7,
    "linestyle": "none",
}
#: What the metrics of a decision rule begin with -> the rule in ``values.csv``.
RULES = {"": ARGMAX, POSTHOC: "prior", "offsets_": "offsets", "cost_": "cost"}

#: Condition -> its row of ``values.csv``.
Intervals = Mapping[str, Mapping]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study")
    parser.add_argument("--values", type=Path, required=True, help="values.csv of the study, for the intervals")
    parser.add_argument("--metric", default="balanced_accuracy", help="metric to draw (default: balanced_accuracy)")
    parser.add_argument(
        "--unit", choices=["sample", "group"], default="sample", help="unit of the metric (default: sample)"
    )
    parser.add_argument("--published", type=Path, help="the paper's values, if the study is the paper's")


def run(args: argparse.Namespace) -> None:
    """Draw one panel per dataset, below each other, on one scale."""
    metrics = read_metrics(args.metrics, args.unit)
    table = values_of(metrics, args.metric)
    if table.empty:
        with style.figure(args, style.ONE_COLUMN_INCH, 1.0) as canvas:
            style.nothing_to_draw(canvas, metric_label(args.metric), "every run diverged")
        return
    if args.published:
        table = table.merge(read_published(args.published), on=REFERENCE_KEYS, how="left", validate="many_to_one")
    table = in_order(table, ("dataset", "loss_key", "sampling_label"))
    values = rows_of(read_values(args.values, args.unit), args.metric)
    values = values[values["dataset"].isin(table["dataset"])]
    looks = looks_of(metrics)
    heights = [rows_of_panel(part) + 1 for _, part in table.groupby("dataset", sort=False)]
    with style.figure(args, style.ONE_COLUMN_INCH, ROW_INCH * sum(heights) + 0.6) as canvas:
        panels = canvas.subplots(len(heights), squeeze=False, sharex=True, height_ratios=heights)[:, 0]
        for axes, (dataset, part) in zip(panels, table.groupby("dataset", sort=False), strict=True):
            draw(axes, part, intervals_of(values, str(dataset)), looks)
            axes.set_title(readable(dataset), loc="left", fontweight="bold")
        panels[-1].set_xlabel(metric_label(args.metric))
        style.legend_above(canvas, legend(table, values, looks))
        few = note(few_test_subjects(metrics), table["dataset"])
        style.note_below(canvas, f"{interval_rows.interval_note(values)} {few}".strip())


def metric_label(name: str) -> str:
    """``"f1_early"`` -> ``"F1 early"``; the metrics over all classes by their names.

    Raises:
        UserError: there is no such metric.
    """
    what = named(name)
    label = readable(f"{what.metric.label} {what.of_class}") if what.of_class else what.metric.label
    return f"{label} {ADJUSTMENTS[what.adjustment]}" if what.adjustment else label


def values_of(metrics: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Rows of ``metric`` that have a value, labelled; a run that diverged has none.

    Raises:
        UserError: there is no such metric, or no run has it.
    """
    named(metric)
    chosen = metrics[metrics["metric"] == metric]
    if chosen.empty:
        raise UserError(f"no run has the metric {metric}")
    return label_conditions(chosen[chosen["value"].notna()])


def rows_of(values: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Rows of ``values.csv`` of a metric as ``metrics.csv`` names it; none where no decision rule has it."""
    adjustment = named(metric).adjustment
    plain = values["metric"] == metric.removeprefix(adjustment)
    return values[plain & (values["rule"] == RULES.get(adjustment)) & values["value"].notna()]


def intervals_of(values: pd.DataFrame, dataset: str) -> Intervals:
    """By condition, of one metric on one dataset."""
    return {row["condition"]: row for row in values[values["dataset"] == dataset].to_dict("records")}


def rows_of_panel(table: pd.DataFrame) -> float:
    """Height of a panel, in rows."""
    return table["condition"].nunique() + interval_rows.GAP * table["loss_key"].nunique()


def draw(axes: Axes, table: pd.DataFrame, intervals: Intervals, looks: Looks) -> None:
    """One row per condition, those of a loss together under its name."""
    conditions = table.drop_duplicates("condition")
    groups = conditions["loss_label"].tolist()
    places = interval_rows.places_of(groups)
    interval_rows.shade_groups(axes, groups, places)
    for place, condition in zip(places, conditions.to_dict("records"), strict=True):
        runs = table[table["condition"] == condition["condition"]]
        look = looks.mark(condition["loss_label"], condition["sampling_label"])
        interval_rows.draw_intervals(axes, place, intervals.get(condition["condition"], {}), look["color"])
        axes.plot(runs["value"].mean(), place, **look)
        collapsed = runs["status"] == "collapsed"
        colour: Look = {"color": look["color"]}
        for values, of_seed in (
            (runs.loc[~collapsed, "value"], SEED | colour),
            (runs.loc[collapsed, "value"], SEED | colour | collapsed_look()),
        ):
            if len(values):
                axes.plot(values, np.full(len(values), place - ABOVE), **of_seed)
        if "reference_mean" in runs:
            axes.plot(runs["reference_mean"].iloc[0], place, **PAPER)
    middles = {
        name: np.mean([place for place, group in zip(places, groups, strict=True) if group == name])
        for name in dict.fromkeys(groups)
    }
    interval_rows.frame_rows(axes, places, groups)
    axes.set_yticks([*middles.values()], style.shortened([*middles], interval_rows.MOST_LETTERS))


def legend(table: pd.DataFrame, values: pd.DataFrame, looks: Looks) -> list[Line2D]:
    """Handles of the samplings, the intervals, the seeds and, where they are drawn, collapsed runs and the paper."""
    handles = looks.sampling_handles(table["sampling_label"])
    handles += interval_rows.interval_handles(values)
    grey: Look = {"color": style.GREY}
    handles.append(Line2D([], [], label="One seed", **(SEED | grey)))
    if (table["status"] == "collapsed").any():
        handles.append(collapsed_handle())
    if "reference_mean" in table and table["reference_mean"].notna().any():
        handles.append(Line2D([], [], label="Paper", **PAPER))
    return handles
