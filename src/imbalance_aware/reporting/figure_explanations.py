"""Draw Grad-CAM of chosen test subjects: the baseline, the best condition, and a network of random weights beside them.

The maps are what the step ``explanations`` computed.
"""

import argparse
import textwrap
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize, to_rgba
from matplotlib.figure import Figure

from imbalance_aware.errors import UserError
from imbalance_aware.reporting import style
from imbalance_aware.reporting.brightness import brightest
from imbalance_aware.reporting.candidate_labels import labels_of
from imbalance_aware.reporting.explanation_maps import ExplanationMaps, load_maps
from imbalance_aware.reporting.grid import number
from imbalance_aware.reporting.labels import distinct, readable
from imbalance_aware.tables.metrics import read_metrics
from imbalance_aware.tables.similarities import BASELINE, BEST, CORRECT, RANDOM, SIMILARITIES, WRONG

#: Titles of the columns, what a sentence calls them, and by what rule a subject is chosen.
ROLES = {BASELINE: "Baseline", BEST: "Best", RANDOM: "Random weights"}
WORDS = {BASELINE: "baseline", BEST: "best", RANDOM: "random weights"}
CHOSEN = {CORRECT: "correct, median confidence", WRONG: "wrong, most confident"}
#: One hue, as opaque as the map is large: the image shows through, for every kind of colour vision.
COLOURS = ListedColormap([to_rgba(style.ORANGE, 0.65 * step / 255) for step in range(256)])
#: Share of a map's maximum that is outlined, and in which colour.
OUTLINED, OUTLINE = 0.5, style.SKY
#: In inches: width of a panel and from one to the next, its lines of text, the words beside a row, and titles.
PANEL_INCH, STEP_INCH, TEXT_INCH, BESIDE_INCH, TITLE_INCH = 0.95, 1.22, 0.42, 1.42, 0.62
#: Width and height of the colour bar, in inches.
BAR_INCH = (0.08, 0.7)
#: Letters of a subject's name, of a class's, and of a line above a column.
LETTERS, CLASS_LETTERS, TITLE_LETTERS = 26, 18, 24
#: Weights of red, green and blue in the brightness of a photograph (ITU-R BT.601).
LUMA = (0.299, 0.587, 0.114)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study")
    parser.add_argument("--similarity", type=Path, required=True, help="similarity.csv of the maps")
    parser.add_argument("--sequences", nargs="+", help="for volumes: names of the channels; the last one is shown")
    parser.add_argument("maps", type=Path, help="…/<dataset>/maps.npz")


def run(args: argparse.Namespace) -> None:
    """Draw a row per subject: its image, then the maps."""
    maps, name = load_maps(args.maps), readable(args.maps.parent.name)
    if not len(maps.subjects):
        with style.figure(args, style.TWO_COLUMNS_INCH, 1.0) as canvas:
            style.nothing_to_draw(canvas, name, "no explanations")
            style.note_below(canvas, f"{str(maps.note)[:1].upper()}{str(maps.note)[1:]}.")
        return
    similarity = SIMILARITIES.read(args.similarity)
    if set(similarity["subject"]) != {*maps.subjects}:
        raise UserError(f"{args.similarity}: its subjects are not those of {args.maps}")
    if len(maps.cells) == 3:
        name = f"{name}: {readable(args.sequences[-1])}" if args.sequences else name
    labels = labels_of([str(one) for one in maps.conditions if one], read_metrics(args.metrics))
    height, width = maps.images.shape[2:]
    row_inch = PANEL_INCH * height / width + TEXT_INCH
    with style.figure(args, style.TWO_COLUMNS_INCH, row_inch * len(maps.subjects) + TITLE_INCH + 0.05) as canvas:
        canvas.set_layout_engine("none")
        style.note_below(canvas, note(maps, similarity))  # first, because it makes the figure higher
        canvas.suptitle(name, fontsize=7.5, fontweight="bold", y=1 - 0.04 / canvas.get_figheight())
        grid = panels_of(canvas, len(maps.subjects), 1 + len(maps.networks), row_inch)
        for axes, title in zip(grid[0], titles_of(maps, labels, similarity), strict=True):
            axes.set_title(title, pad=3, fontsize=6.5)
        for row, panels in enumerate(grid):
            draw_row(panels, maps, row, similarity)
        colour_bar(canvas)


def panels_of(canvas: Figure, rows: int, columns: int, row_inch: float) -> np.ndarray:
    """Axes of the pictures: each as wide and high as its picture, with room for the words around it."""
    width, height = canvas.get_size_inches()
    panel_inch = row_inch - TEXT_INCH
    left = [BESIDE_INCH + STEP_INCH * column for column in range(columns)]
    bottom = [height - TITLE_INCH - panel_inch - row_inch * row for row in range(rows)]
    size = (PANEL_INCH / width, panel_inch / height)
    grid = [[canvas.add_axes((x / width, y / height, *size)) for x in left] for y in bottom]
    return np.array(grid, dtype=object)


def titles_of(maps: ExplanationMaps, labels: Mapping[str, str], similarity: pd.DataFrame) -> list[str]:
    """What each column shows, in at most three lines."""
    one_of = f"one network of {similarity['draw'].max() + 1:.0f}"
    names = zip(maps.networks.tolist(), maps.conditions.tolist(), strict=True)
    said = [
        (ROLES[role], style.shortened([labels.get(condition, one_of)], 2 * TITLE_LETTERS - 8)[0])
        for role, condition in names
    ]
    return ["Image", *(f"{role}\n{textwrap.fill(text, TITLE_LETTERS)}" for role, text in said)]


def draw_row(panels: np.ndarray, maps: ExplanationMaps, row: int, similarity: pd.DataFrame) -> None:
    """One subject: its image, and the map of each network over it; below a map what its network predicts."""
    names = style.shortened([*distinct(maps.classes).values()], CLASS_LETTERS)
    label = maps.explained[row]
    image, explained = maps.images[row], names[label]
    for axes in panels:
        style.bare(axes)
    draw_image(panels[0], image, coloured=True)
    subject, true = style.shortened([str(maps.subjects[row])], LETTERS)[0], names[maps.labels[row]]
    said = f"{subject}\n{CHOSEN[maps.outcomes[row]]}\ntrue: {true}\nmaps of: {explained}"
    panels[0].set_ylabel(said, fontsize=6, rotation=0, ha="right", va="center", labelpad=4, linespacing=1.4)
    for place, axes in enumerate(panels[1:]):
        draw_image(axes, image)
        draw_map(axes, maps.maps[row, place])
        predicted = int(maps.probabilities[row, place].argmax())
        lines = [
            f"{names[name]} {maps.probabilities[row, place, name]:.2f}" for name in dict.fromkeys([predicted, label])
        ]
        lines[1:] = [f"({line})" for line in lines[1:]]
        if maps.networks[place] != RANDOM:
            of_subject = similarity[similarity["subject"] == maps.subjects[row]]
            lines.append(f"ρ to random {mean_of(of_subject, maps.networks[place], RANDOM)}")
        axes.set_xlabel("\n".join(lines), fontsize=6, labelpad=2)


def draw_image(axes: Axes, image: np.ndarray, coloured: bool = False) -> None:
    """A photograph in its colours, or its brightness; a slice of a volume from 0 to nearly its brightest voxel."""
    if len(image) != 3:
        axes.imshow(image.mean(axis=0), cmap="gray", vmin=0, vmax=brightest(image), interpolation="none")
    elif coloured:
        axes.imshow(image.transpose(1, 2, 0), interpolation="none")
    else:
        axes.imshow(np.tensordot(LUMA, image, 1), cmap="gray", vmin=0, vmax=255, interpolation="none")


def draw_map(axes: Axes, values: np.ndarray) -> None:
    """A map of values in [0, 1] over an image, with the outline of what exceeds half its maximum."""
    if not values.any():
        axes.text(
            0.5, 0.5, "0 everywhere", transform=axes.transAxes, ha="center", va="center", fontsize=6, color="white"
        )
        return
    axes.imshow(values, cmap=COLOURS, vmin=0, vmax=1, interpolation="none")
    if values.min() < OUTLINED < values.max():
        axes.contour(values, levels=[OUTLINED], colors=OUTLINE, linewidths=0.8)


def colour_bar(canvas: Figure) -> None:
    """What the colours of all maps mean, on the right of the first row."""
    width, height = canvas.get_size_inches()
    bar_width, bar_height = BAR_INCH
    right, top = width - 0.65, height - TITLE_INCH
    axes = canvas.add_axes((right / width, (top - bar_height) / height, bar_width / width, bar_height / height))
    bar = canvas.colorbar(ScalarMappable(Normalize(0, 1), COLOURS), cax=axes)
    bar.set_ticks([0, OUTLINED, 1], labels=["0", "half", "maximum\nof the map"])
    bar.ax.tick_params(labelsize=6, length=2)
    bar.ax.axhline(OUTLINED, color=OUTLINE, linewidth=1.2)


def mean_of(similarity: pd.DataFrame, a: str, b: str) -> str:
    """Mean of Spearman's correlation between two networks, or how it is missing."""
    values = similarity.loc[(similarity["a"] == a) & (similarity["b"] == b), "spearman"].dropna()
    return number(float(values.mean()), 2) if len(values) else "undefined"


def note(maps: ExplanationMaps, similarity: pd.DataFrame) -> str:
    """How alike the maps are, over how many pairs, and on what grid they were made."""
    pairs = similarity[["a", "b"]].drop_duplicates().itertuples(index=False, name=None)
    means = []
    for a, b in pairs:
        values = similarity.loc[(similarity["a"] == a) & (similarity["b"] == b), "spearman"]
        means.append(f"{WORDS[a]} and {WORDS[b]} {mean_of(similarity, a, b)} ({values.notna().sum()} of {len(values)})")
    layer, cells = str(maps.layer).removeprefix("network."), " × ".join(map(str, maps.cells))
    return (
        f"Spearman's ρ between maps, mean over the subjects shown (in brackets the pairs that have one): "
        f"{'; '.join(means)}. Maps are of the layer {layer}, with {cells} cells. {maps.note}"
    ).strip()
