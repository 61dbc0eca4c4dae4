"""Draw one metric of every condition: each seed a dot, their mean a bar, the paper's value an open diamond.

One panel per dataset, one band per loss, one colour per sampling. A run that collapsed is a dagger instead of a dot.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.path import Path as Path2D
from matplotlib.textpath import TextPath

from imbalance_aware.errors import UserError
from imbalance_aware.metrics.catalogue import named
from imbalance_aware.reporting import style
from imbalance_aware.reporting.fonts import OWN
from imbalance_aware.reporting.grid import COLLAPSED
from imbalance_aware.reporting.labels import SAMPLINGS, paper_first, readable
from imbalance_aware.reporting.small_classes import few_test_subjects, note
from imbalance_aware.reporting.summary import (
    REFERENCE_KEYS,
    in_order,
    label_conditions,
    read_published,
)
from imbalance_aware.tables.metrics import read_metrics

if TYPE_CHECKING:
    from matplotlib.typing import LineStyleType, MarkerType

LINE_INCH = 0.13


class Look(TypedDict, total=False):
    """How a marker is drawn: arguments of matplotlib's lines."""

    color: str
    marker: "MarkerType"
    markersize: float
    markerfacecolor: str
    markeredgewidth: float
    linestyle: "LineStyleType"


MEAN: Look = {"color": style.GREY, "marker": "|", "markersize": 7, "linestyle": "none"}
PAPER: Look = {
    "color": style.BLACK,
    "marker": "D",
    "markersize": 4,
    "markerfacecolor": "none",
    "markeredgewidth": 0.7,
    "linestyle": "none",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study")
    parser.add_argument("--metric", default="balanced_accuracy", help="metric to draw (default: balanced_accuracy)")
    parser.add_argument("--published", type=Path, help="the paper's values, if the study is the paper's")


def run(args: argparse.Namespace) -> None:
    """Draw one panel per dataset, below each other, on one scale."""
    metrics = read_metrics(args.metrics)
    table = values_of(metrics, args.metric)
    if table.empty:
        with style.figure(args, style.ONE_COLUMN_INCH, 1.0) as canvas:
            style.nothing_to_draw(canvas, metric_label(args.metric), "every run diverged")
        return
    if args.published:
        table = table.merge(read_published(args.published), on=REFERENCE_KEYS, how="left", validate="many_to_one")
    table = in_order(table, ("dataset", "loss_key", "sampling_label"))
    samplings = paper_first(table["sampling_label"], SAMPLINGS.values())
    heights = [
        len(part[["loss_key", "sampling_label"]].drop_duplicates()) + 3
        for _, part in table.groupby("dataset", sort=False)
    ]
    few = note(few_test_subjects(metrics), table["dataset"])
    with style.figure(args, style.ONE_COLUMN_INCH, LINE_INCH * sum(heights) + 0.6) as canvas:
        panels = canvas.subplots(len(heights), squeeze=False, sharex=True, height_ratios=heights)[:, 0]
        for axes, (dataset, part) in zip(panels, table.groupby("dataset", sort=False), strict=True):
            draw(axes, part, samplings)
            axes.set_title(readable(dataset), loc="left", fontweight="bold")
        panels[-1].set_xlabel(metric_label(args.metric))
        style.legend_above(canvas, legend(table, samplings))
        style.note_below(canvas, few)


def metric_label(name: str) -> str:
    """``"f1_early"`` -> ``"F1 early"``; the metrics over all classes by their names.

    Raises:
        UserError: there is no such metric.
    """
    what = named(name)
    label = readable(f"{what.metric.label} {what.of_class}") if what.of_class else what.metric.label
    return f"{label} after post-hoc logit adjustment" if what.posthoc else label


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


def draw(axes: Axes, table: pd.DataFrame, samplings: list[str]) -> None:
    """One line per condition, lines of a loss together under its name."""
    looks = seed_looks(samplings)
    ticks, place = [], 0.0
    for index, (loss, part) in enumerate(table.groupby("loss_label", sort=False)):
        top = place
        for sampling, runs in part.groupby("sampling_label", sort=False):
            if len(runs) > 1:
                mean = runs["value"].mean()
                axes.plot([mean, mean], [place - 0.4, place + 0.4], color=looks[sampling]["color"], linewidth=1.5)
            collapsed = runs["status"] == "collapsed"
            for values, look in (
                (runs.loc[~collapsed, "value"], looks[sampling]),
                (runs.loc[collapsed, "value"], looks[sampling] | collapsed_look()),
            ):
                if len(values):
                    axes.plot(values, np.full(len(values), place), alpha=0.8, **look)
            if "reference_mean" in runs:
                axes.plot(runs["reference_mean"].iloc[0], place, **PAPER)
            place += 1
        if index % 2 == 0:
            axes.axhspan(top - 0.7, place - 0.3, color="#F2F2F2", zorder=0, linewidth=0)
        ticks.append(((top + place - 1) / 2, loss))
        place += 0.4
    axes.set_yticks(*zip(*ticks, strict=True))
    axes.set_ylim(place - 0.7, -0.7)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_axisbelow(True)


def seed_looks(samplings: list[str]) -> dict[str, Look]:
    """How the seeds of each sampling are drawn."""
    colours, markers = style.colours(samplings), style.markers(samplings)
    return {
        name: {"color": colours[name], "marker": markers[name], "markersize": 3, "linestyle": "none"}
        for name in samplings
    }


def collapsed_look() -> Look:
    """The dagger that marks a collapsed run in the tables, as a marker."""
    outline = TextPath((0, 0), COLLAPSED, prop=FontProperties(family=OWN))
    extents = outline.get_extents()
    middle = [(extents.x0 + extents.x1) / 2, (extents.y0 + extents.y1) / 2]
    return {"marker": Path2D(outline.vertices - middle, outline.codes), "markersize": 7, "markeredgewidth": 0.3}


def legend(table: pd.DataFrame, samplings: list[str]) -> list[Line2D]:
    """Handles of the samplings and, where they are drawn, of collapsed runs, the mean and the paper."""
    handles = [Line2D([], [], label=name, **look) for name, look in seed_looks(samplings).items()]
    if (table["status"] == "collapsed").any():
        look: Look = {"color": style.GREY, "linestyle": "none"}
        handles.append(Line2D([], [], label="Collapsed", **(look | collapsed_look())))
    if table.duplicated(["dataset", "condition"]).any():
        handles.append(Line2D([], [], label="Mean of seeds", **MEAN))
    if "reference_mean" in table and table["reference_mean"].notna().any():
        handles.append(Line2D([], [], label="Paper", **PAPER))
    return handles
