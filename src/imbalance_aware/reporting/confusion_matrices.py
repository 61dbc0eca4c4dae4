"""Draw the confusion matrix of every condition of one dataset.

Counts are added up over seeds, then each true class is scaled to 100 %. The number of test subjects of a class is shown
next to its name.
"""

import argparse
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from imbalance_aware.errors import UserError
from imbalance_aware.reporting import style
from imbalance_aware.reporting.grid import COLLAPSED
from imbalance_aware.reporting.labels import distinct, readable
from imbalance_aware.reporting.run_files import runs_of_one_dataset
from imbalance_aware.reporting.small_classes import few_test_subjects, note
from imbalance_aware.reporting.summary import in_order
from imbalance_aware.tables.metrics import read_metrics
from imbalance_aware.tables.run_metrics import read_run_metrics

#: More classes than this leave no room for numbers.
MAX_NUMBERED = 6
#: Most panels in a row; what a class and the title of a panel take, and the least edge of a panel, in inches.
COLUMNS, CLASS_INCH, ABOVE_INCH, LEAST_PANEL_INCH = 3, 0.12, 0.4, 0.65
#: Letters that the number of test subjects takes next to a class.
NUMBER_LETTERS = 6
#: Names of this length are written as they are.
SHORT = 3
#: Names that no short key tells apart are written out if each takes at most so many lines of so many letters.
MAX_LINES, LINE_LETTERS = 2, 10
#: What each of these lines takes in the panel, with room for what the layout takes off, in inches.
LINE_INCH = 0.17
#: The value is shown by lightness alone.
COLOURS = "Blues"
PERCENT = "Percent of the test subjects of each true class, all runs of the condition together."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study")
    parser.add_argument("reports", type=Path, nargs="+", help="…/seed-N/metrics.json of one dataset's runs")


def run(args: argparse.Namespace) -> None:
    """Draw a panel per condition, each loss on a row of its own if it has several."""
    metrics = read_metrics(args.metrics)
    runs = in_order(runs_of_one_dataset(args.reports, metrics), ["loss_key", "sampling_label"])
    reports = {path: read_run_metrics(path) for path in runs["path"]}
    classes = next(iter(reports.values()))["classes"]
    if any(report["classes"] != classes for report in reports.values()):
        raise UserError("the runs differ in their classes")
    keys = tick_labels(classes)
    size = Size.of(keys)
    places = lay_out(
        [len(part) for _, part in runs.drop_duplicates("condition").groupby("loss_key", sort=False)], size.columns
    )
    rows = max(places) // size.columns + 1
    with style.figure(args, size.width_inch, size.row_inch * rows + 0.5) as canvas:
        grid = canvas.subplots(rows, size.columns, squeeze=False).ravel()
        for axes in grid:
            axes.set_axis_off()
        for place, (_, part) in zip(places, runs.groupby("condition", sort=False), strict=True):
            matrices = [reports[path]["confusion_matrix"] for path in part["path"]]
            draw(grid[place], [matrix for matrix in matrices if matrix], keys)
            grid[place].tick_params(axis="x", rotation=90 if size.crowded else 0)
            _put_title(grid[place], _title(part, reports))
        canvas.supylabel("True class (test subjects)", fontsize=7)
        style.legend_above(canvas, _legend(keys, classes), readable(runs["dataset"].iloc[0]), handlelength=0)
        style.note_below(canvas, _note(reports.values(), metrics, runs["dataset"]), "Predicted class")


@dataclass(frozen=True)
class Size:
    """Room that the panels take, by the number of classes and the length of their keys.

    Attributes:
        columns: panels in a row.
        width_inch: of the figure.
        row_inch: height of a row of panels.
        crowded: whether the keys below a panel have no room side by side.
    """

    columns: int
    width_inch: float
    row_inch: float
    crowded: bool

    @classmethod
    def of(cls, keys: Sequence[str]) -> "Size":
        lines = max(len(key.split("\n")) for key in keys)
        panel = max(LEAST_PANEL_INCH, (CLASS_INCH if lines == 1 else LINE_INCH * lines) * len(keys))
        longest = style.LETTER_INCH * max(style.text_width(line) for key in keys for line in key.split("\n"))
        across = panel + longest + style.LETTER_INCH * NUMBER_LETTERS
        narrow = COLUMNS * across <= style.ONE_COLUMN_INCH
        width = style.ONE_COLUMN_INCH if narrow else style.TWO_COLUMNS_INCH
        return cls(
            columns=max(1, min(COLUMNS, int(width / across))),
            width_inch=width,
            row_inch=panel + longest + ABOVE_INCH,
            crowded=longest + style.LETTER_INCH > panel / len(keys),
        )


def _put_title(axes: Axes, title: str) -> None:
    """Above the panel; a text, because the layout leaves no room beside a panel for a title that is wider."""
    axes.annotate(
        title,
        xy=(0.5, 1),
        xycoords="axes fraction",
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=7,
    )


def _title(runs: pd.DataFrame, reports: Mapping[Path, dict]) -> str:
    """Loss and sampling of a condition, and how many of its runs collapsed."""
    collapsed = sum(reports[path].get("status") == "collapsed" for path in runs["path"])
    mark = f" {COLLAPSED}{collapsed}" if collapsed else ""
    return f"{runs['loss_label'].iloc[0]}\n{runs['sampling_label'].iloc[0]}{mark}"


def _legend(keys: Sequence[str], classes: Sequence[str]) -> list[Line2D]:
    """What the keys mean, but for those that are the names themselves."""
    return [
        Line2D([], [], linestyle="none", label=f"{key}: {name}")
        for key, name in zip(keys, distinct(classes).values(), strict=True)
        if re.sub(r"\s", "", key).lower() != re.sub(r"\s", "", name).lower()
    ]


def _note(reports: Iterable[dict], metrics: pd.DataFrame, datasets: pd.Series) -> str:
    """What the numbers are, what the mark of collapsed runs means, and which classes have few test subjects."""
    collapsed = any(report.get("status") == "collapsed" for report in reports)
    meaning = f"{COLLAPSED}k: k runs collapsed, that is, predict one class for every subject." if collapsed else ""
    return " ".join(filter(None, [PERCENT, meaning, note(few_test_subjects(metrics), datasets)]))


def lay_out(sizes: Sequence[int], columns: int = COLUMNS) -> list[int]:
    """Places, counted row by row, of blocks of panels; a block of several panels begins a row."""
    places: list[int] = []
    following = 0
    for size in sizes:
        if size > 1:
            following = -(-following // columns) * columns
        places += range(following, following + size)
        following += size
    return places


def tick_labels(classes: Sequence[str]) -> list[str]:
    """Labels of the rows and columns of the matrices: `short_names`, or whole names on several lines.

    A number means nothing until it is looked up, so where `short_names` has only places (#1), names that fit into
    `MAX_LINES` of `LINE_LETTERS` are written out.
    """
    keys = short_names(classes)
    if all(key == name or not key.startswith("#") for key, name in zip(keys, classes, strict=True)):
        return keys
    wrapped = [_lines(name) for name in distinct(classes).values()]
    fit = all(len(lines) <= MAX_LINES and max(map(style.text_width, lines)) <= LINE_LETTERS for lines in wrapped)
    return ["\n".join(lines) for lines in wrapped] if fit else keys


def _lines(name: str) -> list[str]:
    """A name in lines of `LINE_LETTERS` where it can be broken: at blanks, after hyphens and slashes."""
    lines = [""]
    for part in re.findall(r"[^\s/-]*[\s/-]?", name):
        if lines[-1] and style.text_width(lines[-1] + part.rstrip()) > LINE_LETTERS:
            lines.append("")
        lines[-1] += part
    return [line.strip() for line in lines]


def short_names(classes: Sequence[str]) -> list[str]:
    """A key for each class: a name of up to three letters as it is, the initials of longer ones.

    Where initials do not tell the classes apart, the first letter and the digits, or the first two or three letters;
    else places from #1 on.
    """
    ways: tuple[Callable[[str], str], ...] = (
        lambda name: name[0],
        lambda name: "".join(word if word.isdigit() else word[0] for word in name.split())[:SHORT],
        lambda name: name[0] + "".join(filter(str.isdigit, name)),
        lambda name: name[:2],
        lambda name: name[:SHORT],
    )
    names = distinct(classes)
    for shorten in ways:
        keys = [name if len(name) <= SHORT else names[name] for name in classes]
        keys = [key if len(key) <= SHORT else shorten(key) for key in keys]
        if len({*keys}) == len(classes) and all(key.isalnum() or key in classes for key in keys):
            return keys
    places = [f"#{place}" for place, _ in enumerate(classes, 1)]
    keys = [name if len(name) <= SHORT else place for name, place in zip(classes, places, strict=True)]
    return keys if len({*keys}) == len(keys) else places


def draw(axes: Axes, matrices: list[list[list[int]]], keys: list[str]) -> None:
    """Percent of each true class, as colour and number; ``–`` in the rows of a class without subjects.

    Args:
        axes: to draw on.
        matrices: counts of each run, (K, K), rows true; all of the same test subjects.
        keys: K short names.
    """
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
    subjects = np.sum(matrices[0], axis=1)
    axes.set_yticks(range(len(keys)), [f"{key} ({n})" for key, n in zip(keys, subjects, strict=True)])
    if len(keys) > MAX_NUMBERED:
        return
    for (row, column), value in np.ndenumerate(percent):
        text = "–" if np.isnan(value) else f"{value:.0f}"
        axes.text(column, row, text, ha="center", va="center", color="white" if value > 55 else "black")
