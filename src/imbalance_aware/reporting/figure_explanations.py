"""Draw Grad-CAM of chosen test subjects: the baseline, the best condition, and a network of random weights beside them.

The maps are what the step ``explanations`` computed.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from imbalance_aware.errors import UserError
from imbalance_aware.reporting import style
from imbalance_aware.reporting.candidate_labels import labels_of
from imbalance_aware.reporting.explanation_maps import ExplanationMaps, load_maps
from imbalance_aware.reporting.grid import number
from imbalance_aware.reporting.labels import distinct, readable
from imbalance_aware.tables.metrics import read_metrics
from imbalance_aware.tables.similarities import BASELINE, BEST, RANDOM, SIMILARITIES

#: Titles of the columns, and what a sentence calls them.
ROLES = {BASELINE: "Baseline", BEST: "Best", RANDOM: "Random weights"}
WORDS = {BASELINE: "baseline", BEST: "best", RANDOM: "random weights"}
#: Its brightness alone tells values apart, so that it is the same order for every kind of colour vision.
COLOURS = "viridis"
OPACITY = 0.5
#: Share of a map's maximum that is outlined.
OUTLINED = 0.5
#: A volume's slice is shown from 0 to this percentile of what is not 0.
BRIGHTEST_PERCENT = 99.5
#: Edge of a panel, its lines of text, the words beside a row, and what is above all panels, in inches.
PANEL_INCH, WORDS_INCH, BESIDE_INCH, ABOVE_INCH = 1.1, 0.36, 1.25, 0.75
LETTERS = 20
#: Weights of red, green and blue in the brightness of a photograph (ITU-R BT.601).
LUMA = (0.299, 0.587, 0.114)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study")
    parser.add_argument("--similarity", type=Path, required=True, help="similarity.csv of the maps")
    parser.add_argument("--sequences", nargs="+", help="of volumes: names along the channels; the last one is shown")
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
    titles = titles_of(maps, labels_of([str(one) for one in maps.conditions if one], read_metrics(args.metrics)))
    height, width = maps.images.shape[2:]
    panel_inch = PANEL_INCH * height / width
    size = (BESIDE_INCH + PANEL_INCH * len(titles), (panel_inch + WORDS_INCH) * len(maps.subjects) + ABOVE_INCH)
    with style.figure(args, *size) as canvas:
        canvas.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
        grid = canvas.subplots(len(maps.subjects), len(titles), squeeze=False)
        for axes, title in zip(grid[0], titles, strict=True):
            axes.set_title(title, pad=3, fontsize=6.5)
        for row, panels in enumerate(grid):
            draw_row(panels, maps, row, similarity)
        colour_bar(canvas, grid)
        canvas.suptitle(name, fontsize=7.5, fontweight="bold")
        style.note_below(canvas, note(maps, similarity))


def titles_of(maps: ExplanationMaps, labels: Mapping[str, str]) -> list[str]:
    """What each column shows."""
    names = zip(maps.networks.tolist(), maps.conditions.tolist(), strict=True)
    return ["Image", *(f"{ROLES[role]}\n{labels.get(condition, 'untrained')}" for role, condition in names)]


def draw_row(panels: np.ndarray, maps: ExplanationMaps, row: int, similarity: pd.DataFrame) -> None:
    """One subject: its image, and the map of each network over it; below a map what its network predicts."""
    names, label = [*distinct(maps.classes).values()], maps.explained[row]
    image, explained = maps.images[row], names[label]
    for axes in panels:
        style.bare(axes)
    draw_image(panels[0], image, coloured=True)
    subject, true = style.shortened([str(maps.subjects[row])], LETTERS)[0], names[maps.labels[row]]
    said = f"{subject}\n{maps.outcomes[row]}\ntrue: {true}\nmaps of: {explained}"
    panels[0].set_ylabel(said, fontsize=6, rotation=0, ha="right", va="center", labelpad=4)
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
        brightest = float(np.percentile(image[image > 0], BRIGHTEST_PERCENT)) if image.any() else 255
        axes.imshow(image.mean(axis=0), cmap="gray", vmin=0, vmax=brightest, interpolation="none")
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
    axes.imshow(values, cmap=COLOURS, vmin=0, vmax=1, alpha=OPACITY, interpolation="none")
    if values.min() < OUTLINED < values.max():
        axes.contour(values, levels=[OUTLINED], colors="white", linewidths=0.7)


def colour_bar(canvas: Figure, grid: np.ndarray) -> None:
    """What the colours of all maps mean."""
    bar = canvas.colorbar(ScalarMappable(Normalize(0, 1), COLOURS), ax=[*grid.flat], shrink=0.35, aspect=25, pad=0.01)
    bar.set_ticks([0, OUTLINED, 1], labels=["0", "half", "maximum\nof this map"])
    bar.outline.set_visible(False)


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
    grid = " × ".join(map(str, maps.cells))
    return (
        f"Spearman's ρ between maps, mean over the subjects shown (pairs that have one): {'; '.join(means)}. Maps are of "
        f"the layer {str(maps.layer).removeprefix('network.')}, {grid} cells. {maps.note}"
    ).strip()
