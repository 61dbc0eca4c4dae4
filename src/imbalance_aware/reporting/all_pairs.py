"""Draw every condition and decision rule against every other: the difference, and what may be said of it."""

import argparse
import textwrap
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from imbalance_aware.evaluation.candidates import condition_and_rule
from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.reporting import interval_rows, study_tables, style
from imbalance_aware.reporting.grid import number
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.study_tables import of_dataset, run_counts, with_labels
from imbalance_aware.tables.comparisons import COMPARISONS
from imbalance_aware.tables.frames import PROCEDURE
from imbalance_aware.tables.metrics import read_metrics
from imbalance_aware.tables.ranks import RANKS

#: Lightness alone carries the difference.
COLOURS = "Blues"
SIGNS = {"better": "+", "worse": "−", "equivalent": "=", "undecided": "·"}
#: What has no estimate.
UNKNOWN = "?"
#: Edge of a cell; more candidates than this leave no room for numbers.
CELL_INCH, MAX_NUMBERED = 0.21, 20
#: What the numbers of the rows and the scale of colours take, and the least edge of the matrix.
BESIDE_INCH, LEAST_INCH = 1.05, 1.4
MOST_LETTERS = 38


@dataclass(frozen=True)
class Pairs:
    """Of C candidates, the best first; both matrices are of the row against the column.

    Attributes:
        names: of the candidates.
        labels: in print.
        advantage: difference in the direction that is better, shape (C, C); NaN where unknown and on the diagonal.
        words: what may be said of the row, shape (C, C); empty where there is no estimate.
    """

    names: list[str]
    labels: list[str]
    advantage: np.ndarray
    words: np.ndarray


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    study_tables.add_arguments(parser, "comparisons", "ranks")


def run(args: argparse.Namespace) -> None:
    """Draw the matrix: differences below the diagonal, conclusions above it."""
    metrics = read_metrics(args.metrics)
    table = of_dataset(COMPARISONS, args.comparisons, args.dataset)
    ranks = of_dataset(RANKS, args.ranks, args.dataset)
    ranks = ranks[ranks["rank"].notna()]
    if table.empty or len(ranks) < 2:
        with style.figure(args, style.ONE_COLUMN_INCH, 1.0) as canvas:
            style.nothing_to_draw(canvas, readable(args.dataset), "there are no two conditions to compare")
        return
    counts = run_counts(args.values, table["unit"].iloc[0], args.dataset)
    ranks = with_labels(ranks, "candidate", metrics).sort_values("rank", kind="stable")
    marked = [
        interval_rows.with_marks(label, counts.loc[condition_and_rule(name)[0]])
        for name, label in zip(ranks["candidate"], ranks["label"], strict=True)
    ]
    what = METRICS[table["metric"].iloc[0]]
    names = style.shortened(marked, MOST_LETTERS)
    pairs = pairs_of(table, ranks["candidate"].tolist(), names)
    beside_inch = BESIDE_INCH + style.LETTER_INCH * max(map(style.text_width, names))
    edge = max(LEAST_INCH, min(CELL_INCH * len(marked), style.TWO_COLUMNS_INCH - beside_inch))
    width_inch = max(edge + beside_inch, style.ONE_COLUMN_INCH)
    with style.figure(args, width_inch, edge + 0.45) as canvas:
        axes = canvas.subplots()
        picture = draw(axes, pairs)
        axes.set_title(readable(args.dataset), loc="left", fontweight="bold")
        label = textwrap.fill(f"{what.label}: by how much the column is better", int(edge / style.LETTER_INCH))
        bar = canvas.colorbar(picture, ax=axes, shrink=0.6, aspect=18, pad=0.02)
        bar.set_label(label)
        bar.outline.set_linewidth(0.4)
        style.note_below(canvas, note(table, counts, len(marked)))


def pairs_of(table: pd.DataFrame, names: list[str], labels: list[str]) -> Pairs:
    """The matrices, from rows of ``comparisons.csv`` of one metric."""
    place = {name: number for number, name in enumerate(names)}
    advantage = np.full((len(names), len(names)), np.nan)
    words = np.full(advantage.shape, "", dtype=object)
    sign = 1 if METRICS[table["metric"].iloc[0]].better == "higher" else -1
    reverse = {"better": "worse", "worse": "better"}
    for row in table.to_dict("records"):
        if row["a"] not in place or row["b"] not in place:
            continue
        a, b = place[row["a"]], place[row["b"]]
        advantage[a, b], advantage[b, a] = sign * row["difference"], -sign * row["difference"]
        if np.isfinite(row["simultaneous_low"]):
            word = row["decision_all_pairs"]
            words[a, b], words[b, a] = word, reverse.get(word, word)
    return Pairs(names, labels, advantage, words)


def draw(axes: Axes, pairs: Pairs) -> AxesImage:
    """Both halves, the candidates numbered from the best."""
    count = len(pairs.names)
    below = np.tri(count, k=-1, dtype=bool)
    shown = np.where(below, -pairs.advantage, np.nan)
    largest = float(np.nanmax(shown, initial=0)) or 1.0
    picture = axes.imshow(shown, cmap=COLOURS, vmin=0, vmax=largest)
    for row, column in np.ndindex(count, count):
        said = text_of(pairs, row, column)
        if said:
            dark = row > column and shown[row, column] > 0.55 * largest
            axes.text(
                column,
                row,
                said,
                ha="center",
                va="center_baseline",
                color="white" if dark else "black",
                fontsize=style.NOTE_SIZE,
            )
    numbers = [str(place) for place in range(1, count + 1)]
    axes.set_xticks(range(count), numbers)
    axes.set_yticks(range(count), [f"{label}  {place}" for label, place in zip(pairs.labels, numbers, strict=True)])
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(count + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(count + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#E5E5E5", linewidth=0.4)
    axes.tick_params(which="minor", length=0, top=False, bottom=False)
    return picture


def text_of(pairs: Pairs, row: int, column: int) -> str:
    """What a cell says: below the diagonal the difference in hundredths, above it a sign for the conclusion."""
    if row == column:
        return ""
    if row < column:
        return SIGNS.get(pairs.words[row, column], UNKNOWN)
    value = pairs.advantage[column, row]
    if len(pairs.names) > MAX_NUMBERED or np.isnan(value):
        return ""
    return number(100 * value, 0)


def note(table: pd.DataFrame, counts: pd.DataFrame, count: int) -> str:
    """How to read the matrix."""
    below = "Below the diagonal: by how much the column is better than the row"
    below += ", in hundredths." if count <= MAX_NUMBERED else "."
    above = (
        "Above it: the row is better (+), worse (−), equivalent (=) or undecided (·) by simultaneous intervals of "
        "all pairs"
    )
    procedure = (table["question"] == PROCEDURE).any()
    above += ", for other patients and seeds." if procedure else ", for other patients and these trained models."
    unknown = f"{UNKNOWN}: not estimable." if table["simultaneous_low"].isna().any() else ""
    return " ".join(filter(None, [below, above, unknown, interval_rows.marks_note(counts)]))
