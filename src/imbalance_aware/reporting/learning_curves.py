"""Draw the training loss per epoch of one dataset: a panel per loss, a line per sampling (mean, range over seeds)."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from imbalance_aware.reporting import style
from imbalance_aware.reporting.labels import SAMPLINGS, paper_first, readable
from imbalance_aware.reporting.run_files import runs_of_one_dataset
from imbalance_aware.reporting.summary import in_order
from imbalance_aware.tables.history import read_history
from imbalance_aware.tables.metrics import read_metrics

if TYPE_CHECKING:
    from matplotlib.typing import LineStyleType

COLUMNS, PANEL_INCH = 2, 1.25


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study")
    parser.add_argument("histories", type=Path, nargs="+", help="…/seed-N/history.csv of one dataset's runs")


def run(args: argparse.Namespace) -> None:
    """Draw all panels; each has its own scale, since values of different losses do not compare."""
    runs = in_order(runs_of_one_dataset(args.histories, read_metrics(args.metrics)), ["loss_key", "sampling_label"])
    samplings = paper_first(runs["sampling_label"], SAMPLINGS.values())
    colours, lines = style.colours(samplings), style.line_styles(samplings)
    losses = runs["loss_label"].unique()
    rows = math.ceil(len(losses) / COLUMNS)
    with style.figure(args, style.ONE_COLUMN_INCH, PANEL_INCH * rows + 0.35) as canvas:
        panels = canvas.subplots(rows, COLUMNS, squeeze=False, sharex=True).ravel()
        for axes, loss in zip(panels, losses, strict=False):
            for sampling, part in runs[runs["loss_label"] == loss].groupby("sampling_label", sort=False):
                draw(axes, [read_loss(path) for path in part["path"]], colours[sampling], lines[sampling])
            axes.set_title(loss)
            axes.grid(axis="y")
        for axes in panels[len(losses) :]:
            axes.set_axis_off()
        for axes in panels[max(0, len(losses) - COLUMNS) : len(losses)]:
            axes.tick_params(labelbottom=True)  # the panel below that shares its epochs may be empty
        canvas.supxlabel("Epoch", fontsize=7)
        canvas.supylabel("Training loss", fontsize=7)
        handles = [Line2D([], [], label=name, color=colours[name], linestyle=lines[name]) for name in samplings]
        style.legend_above(canvas, handles, readable(runs["dataset"].iloc[0]))


def read_loss(path: Path) -> pd.Series:
    """Training loss by epoch, NaN where it is not finite."""
    losses = {epoch.epoch: epoch.train_loss for epoch in read_history(path)}
    return pd.Series(losses, name="train_loss").replace([np.inf, -np.inf], np.nan)


def draw(axes: Axes, curves: list[pd.Series], color: str, linestyle: "LineStyleType" = "-") -> None:
    """Mean line, range as a band, and a cross where a seed's loss stopped being finite."""
    table = pd.concat(curves, axis=1)
    axes.plot(table.index, table.mean(axis=1), color=color, linestyle=linestyle)
    axes.fill_between(table.index, table.min(axis=1), table.max(axis=1), color=color, alpha=0.2, linewidth=0)
    for curve in curves:
        last = curve.last_valid_index()
        if curve.isna().any() and last is not None:
            axes.plot(last, curve[last], marker="x", color=color, markersize=4)
