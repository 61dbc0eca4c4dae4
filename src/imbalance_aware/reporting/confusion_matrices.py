"""Draw the confusion matrix of every condition of one dataset.

Counts are added up over seeds, then each true class is scaled to 100 %.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from imbalance_aware.errors import UserError
from imbalance_aware.reporting import style
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.run_files import runs_of_one_dataset
from imbalance_aware.reporting.summary import in_order, read_metrics

#: More classes than this leave no room for numbers.
MAX_NUMBERED = 6
COLUMNS, PANEL_INCH = 3, 1.2
#: Lightness alone carries the value.
COLOURS = "Blues"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study")
    parser.add_argument("reports", type=Path, nargs="+", help="…/seed-N/metrics.json of one dataset's runs")


def run(args: argparse.Namespace) -> None:
    """Draw a panel per condition, each loss on a row of its own if it has several."""
    runs = in_order(runs_of_one_dataset(args.reports, read_metrics(args.metrics)), ["loss_key", "sampling_label"])
    reports = {path: json.loads(path.read_text(encoding="utf-8")) for path in runs["path"]}
    classes = next(iter(reports.values()))["classes"]
    if any(report["classes"] != classes for report in reports.values()):
        raise UserError("the runs differ in their classes")
    keys = short_names(classes)
    places = lay_out([len(part) for _, part in runs.drop_duplicates("condition").groupby("loss_key", sort=False)])
    rows = max(places) // COLUMNS + 1
    with style.figure(args, style.ONE_COLUMN_INCH, PANEL_INCH * rows + 0.5) as canvas:
        grid = canvas.subplots(rows, COLUMNS, squeeze=False).ravel()
        for axes in grid:
            axes.set_axis_off()
        for place, (_, part) in zip(places, runs.groupby("condition", sort=False), strict=True):
            matrices = [reports[path]["confusion_matrix"] for path in part["path"]]
            draw(grid[place], [matrix for matrix in matrices if matrix], keys)
            grid[place].set_title(f"{part['loss_label'].iloc[0]}\n{part['sampling_label'].iloc[0]}", fontsize=7)
        canvas.supxlabel("Predicted class", fontsize=7)
        canvas.supylabel("True class", fontsize=7)
        legend = [
            Line2D([], [], linestyle="none", label=f"{key}: {readable(name)}")
            for key, name in zip(keys, classes, strict=True)
        ]
        style.legend_above(canvas, legend, readable(runs["dataset"].iloc[0]), handlelength=0)


def lay_out(sizes: Sequence[int]) -> list[int]:
    """Places, counted row by row, of blocks of panels; a block of several panels begins a row."""
    places: list[int] = []
    following = 0
    for size in sizes:
        if size > 1:
            following = -(-following // COLUMNS) * COLUMNS
        places += range(following, following + size)
        following += size
    return places


def short_names(classes: Sequence[str]) -> list[str]:
    """The first letters that tell the classes apart if two are enough, else their numbers from 1 on."""
    for length in (1, 2):
        names = [readable(name)[:length] for name in classes]
        if len({*names}) == len(classes) and all(name.isalpha() for name in names):
            return names
    return [str(number) for number, _ in enumerate(classes, 1)]


def draw(axes: Axes, matrices: list[list[list[int]]], keys: list[str]) -> None:
    """Percent of each true class, as colour and number; ``–`` in the rows of a class without subjects."""
    axes.set_axis_on()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if not matrices:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "diverged", ha="center", va="center", color=style.GREY)
        return
    counts = np.sum(matrices, axis=0)
    totals = counts.sum(axis=1, keepdims=True)
    percent = np.divide(100 * counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    axes.imshow(percent, vmin=0, vmax=100, cmap=COLOURS)
    axes.set_xticks(range(len(keys)), keys)
    axes.set_yticks(range(len(keys)), keys)
    if len(keys) > MAX_NUMBERED:
        return
    for (row, column), value in np.ndenumerate(percent):
        text = "–" if np.isnan(value) else f"{value:.0f}"
        axes.text(column, row, text, ha="center", va="center", color="white" if value > 55 else "black")
