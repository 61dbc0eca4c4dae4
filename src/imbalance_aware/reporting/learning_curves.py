"""Draw the training loss per epoch of one dataset: a panel and colour per loss, a style of line per sampling.

The line is the mean over seeds, and over the folds of a cross-validation; the band is their range. Where the runs have
a validation part, each loss is a row of three panels: training loss and validation loss on one scale, and the primary
metric of the validation part.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from imbalance_aware.errors import UserError
from imbalance_aware.metrics.catalogue import named
from imbalance_aware.reporting import style
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.looks import Looks, looks_of
from imbalance_aware.reporting.run_files import runs_of_one_dataset
from imbalance_aware.reporting.summary import in_order
from imbalance_aware.tables.history import History, read_history
from imbalance_aware.tables.metrics import read_metrics

if TYPE_CHECKING:
    from matplotlib.typing import LineStyleType

COLUMNS, PANEL_INCH = 2, 1.25
#: Fields of an epoch that a row of panels shows where there is a validation part.
TRAINING_LOSS, *VALIDATION = ("train_loss", "validation_loss", "validation_metric")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study")
    parser.add_argument("histories", type=Path, nargs="+", help="…/history.csv of one dataset's runs, folds included")


def run(args: argparse.Namespace) -> None:
    """Draw all panels; each loss has its own scale, since values of different losses do not compare.

    Raises:
        UserError: a table that cannot be read, or runs whose validation parts were measured by different metrics.
    """
    metrics = read_metrics(args.metrics)
    runs = in_order(runs_of_one_dataset(args.histories, metrics), ["loss_key", "sampling_label"])
    runs["history"] = [read_history(path) for path in runs["path"]]
    metric = metric_of(runs["history"])
    looks = looks_of(metrics)
    count = runs["loss_label"].nunique()
    rows = math.ceil(count / COLUMNS) if metric is None else count
    width_inch = style.ONE_COLUMN_INCH if metric is None else style.TWO_COLUMNS_INCH
    with style.figure(args, width_inch, PANEL_INCH * rows + 0.35) as canvas:
        if metric is None:
            draw_training(canvas, runs, rows, looks)
        else:
            draw_with_validation(canvas, runs, named(metric).metric.label, looks)
        drawn = {*runs["sampling_label"]}
        handles = [
            Line2D([], [], label=name, color=style.GREY, linestyle=line)
            for name, line in looks.dashes.items()
            if name in drawn
        ]
        style.legend_above(canvas, handles, readable(runs["dataset"].iloc[0]))
        style.note_below(canvas, note(runs), "Epoch")


def note(runs: pd.DataFrame) -> str:
    """What lines and bands are; nothing where each line is one training."""
    if runs.groupby("condition").size().max() == 1:
        return ""
    over = "seeds and folds" if runs["fold"].notna().any() else "seeds"
    return f"Lines: mean over {over}; bands: from the lowest to the highest."


def metric_of(histories: Sequence[History]) -> str | None:
    """The metric of the validation part; None if no run has one.

    Raises:
        UserError: runs have different ones.
    """
    names = sorted({history.metric for history in histories if history.metric is not None})
    if len(names) > 1:
        raise UserError(
            f"the histories contain different metrics of the validation part: {', '.join(names)}; repeat the training"
        )
    return names[0] if names else None


def draw_training(canvas: Figure, runs: pd.DataFrame, rows: int, looks: Looks) -> None:
    """The training loss: a panel per loss."""
    losses = runs["loss_label"].unique()
    panels = canvas.subplots(rows, COLUMNS, squeeze=False, sharex=True).ravel()
    for axes, loss in zip(panels, losses, strict=False):
        draw_samplings(axes, runs[runs["loss_label"] == loss], TRAINING_LOSS, looks)
        axes.set_title(loss)
    for axes in panels[len(losses) :]:
        axes.set_axis_off()
    for axes in panels[max(0, len(losses) - COLUMNS) : len(losses)]:
        axes.tick_params(labelbottom=True)  # the panel below that shares its epochs may be empty
    canvas.supylabel("Training loss", fontsize=7)


def draw_with_validation(canvas: Figure, runs: pd.DataFrame, metric_label: str, looks: Looks) -> None:
    """A row per loss: training loss, validation loss on the same scale, the metric on one scale for all losses."""
    losses = runs["loss_label"].unique()
    panels = canvas.subplots(len(losses), 3, squeeze=False, sharex=True)
    titles = ("Training loss", "Validation loss", f"{metric_label} (validation)")
    for row, loss in zip(panels, losses, strict=True):
        part = runs[runs["loss_label"] == loss]
        for axes, column in zip(row, (TRAINING_LOSS, *VALIDATION), strict=True):
            draw_samplings(axes, part, column, looks)
        row[1].sharey(row[0])
        row[2].sharey(panels[0, 2])
        row[0].set_ylabel(loss)
    for axes, title in zip(panels[0], titles, strict=True):
        axes.set_title(title)


def draw_samplings(axes: Axes, runs: pd.DataFrame, column: str, looks: Looks) -> None:
    """The curves of one loss in one panel: a line per sampling."""
    for sampling, part in runs.groupby("sampling_label", sort=False):
        colour, line = looks.colours[part["loss_label"].iloc[0]], looks.dashes[str(sampling)]
        draw(axes, [curve(history, column) for history in part["history"]], colour, line)
    axes.grid(axis="y")


def curve(history: History, column: str) -> pd.Series:
    """One column by epoch, NaN where it is not finite; of the validation part only the epochs that have it."""
    values = {epoch.epoch: getattr(epoch, column) for epoch in history.epochs}
    series = pd.Series(values, name=column).replace([np.inf, -np.inf], np.nan)
    return series.dropna() if column in VALIDATION else series


def draw(axes: Axes, curves: list[pd.Series], color: str, linestyle: "LineStyleType" = "-") -> None:
    """Mean line, range as a band, and a cross where a seed's loss stopped being finite."""
    table = pd.concat(curves, axis=1)
    axes.plot(table.index, table.mean(axis=1), color=color, linestyle=linestyle)
    axes.fill_between(table.index, table.min(axis=1), table.max(axis=1), color=color, alpha=0.2, linewidth=0)
    for curve in curves:
        last = curve.last_valid_index()
        if curve.isna().any() and last is not None:
            axes.plot(last, curve[last], marker="x", color=color, markersize=4)
