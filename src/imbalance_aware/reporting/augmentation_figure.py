"""Draw the effect of augmentation on one training image: each change alone, then all together.

Photographs are drawn whole; for volumes, the three planes through the middle of one sequence.
"""

import argparse
import math
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from imbalance_aware.errors import UserError
from imbalance_aware.reporting import style
from imbalance_aware.reporting.labels import readable

#: Spatial axes of a volume (left, back, up) that run to the right and down in a picture of each plane.
PLANES = {"Axial": (0, 1), "Coronal": (0, 2), "Sagittal": (1, 2)}
UP = 2
#: Directions of the axes of photographs and of volumes, by their number.
DIRECTIONS = {2: ("top–bottom", "left–right"), 3: ("left–right", "front–back", "top–bottom")}
#: Kind of crop -> colour of its outline on the image before any crop.
CROPS = {"Central crop": style.SKY, "Random crop": style.ORANGE}
#: All images of a volume are shown from 0 to this percentile of the brightest of them.
BRIGHTEST_PERCENT = 99.5
#: Photographs in a row; letters in a line above a panel.
COLUMNS, LETTERS = 4, 17
NO_BREAK = "\N{NO-BREAK SPACE}"
#: Edge of a panel, two lines of its title, the name above all, a legend, and the names of planes, in inches.
PANEL_INCH, TITLE_INCH, NAME_INCH, LEGEND_INCH, BESIDE_INCH = 0.86, 0.28, 0.13, 0.2, 0.15


@dataclass(frozen=True)
class Picture:
    """An image and what was done to it.

    Attributes:
        image: (C, *spatial), uint8.
        title: what was done, and below how much of it.
        boxes: kind of crop -> (first voxel, edges), to be outlined.
    """

    image: np.ndarray
    title: str
    boxes: dict[str, tuple[np.ndarray, tuple[int, ...]]] = field(default_factory=dict)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    parser.add_argument("--sequences", nargs="+", help="for volumes: names of the channels; the last one is drawn")
    parser.add_argument("examples", type=Path, help="…/<dataset>/augmentation_examples.npz")


def run(args: argparse.Namespace) -> None:
    """Draw a panel per change for photographs, a column per change for volumes."""
    try:
        examples = dict(np.load(args.examples))
    except FileNotFoundError:
        raise UserError(f"{args.examples}: no such file") from None
    drawn = pictures(examples)
    name = readable(args.examples.parent.name)
    above_inch = NAME_INCH + (LEGEND_INCH if drawn[0].boxes else 0)
    if examples["whole"].ndim == 3:
        rows = math.ceil(len(drawn) / COLUMNS)
        size = (COLUMNS * PANEL_INCH, rows * (PANEL_INCH + TITLE_INCH) + above_inch)
        with style.figure(args, *size) as canvas:
            draw_photographs(canvas, drawn)
            head(canvas, name, drawn)
        return
    if len(args.sequences or []) != len(examples["whole"]):
        raise UserError(f"--sequences has to name the {len(examples['whole'])} channels of the volumes")
    panel = min(PANEL_INCH, (style.TWO_COLUMNS_INCH - BESIDE_INCH) / len(drawn))
    size = (panel * len(drawn) + BESIDE_INCH, panel * len(PLANES) + TITLE_INCH + above_inch)
    with style.figure(args, *size) as canvas:
        draw_volumes(canvas, drawn)
        head(canvas, f"{name}: {readable(args.sequences[-1])}", drawn)


def pictures(examples: dict[str, np.ndarray]) -> list[Picture]:
    """All images of the step ``augmentation_examples``; before a crop, the whole image with the crops outlined."""
    whole, images = examples["whole"], examples["images"]
    result = [Picture(image, title(examples, position)) for position, image in enumerate(images)]
    size = images.shape[2:]
    if size == whole.shape[1:]:
        return result
    moved = np.flatnonzero((examples["origin"] != examples["origin"][0]).any(axis=1))
    places = [examples["origin"][position] for position in (0, *moved[:1])]
    boxes = {kind: (place, size) for kind, place in zip(CROPS, places, strict=False)}
    return [Picture(whole, f"Whole\n{edges(whole.shape[1:])}", boxes), *result]


def title(examples: dict[str, np.ndarray], position: int) -> str:
    """What was done to one image, and below how much of it."""
    strengths = {
        "Gamma": ("γ", examples["gamma"][position], 1),
        "Contrast": ("gain", examples["gain"][position], np.nan),
        "Blur": ("σ", examples["sigma"][position], 0),
    }
    made = {
        name: f"{symbol} = {value:.3g}"
        for name, (symbol, value, nothing) in strengths.items()
        if not (value == nothing or np.isnan(value))
    }
    amounts = ", ".join(made.values()).replace(" = ", NO_BREAK)
    directions = DIRECTIONS[examples["flip"].shape[1]]
    flips = [directions[axis] for axis in np.flatnonzero(examples["flip"][position])]
    moved = examples["origin"][position] - examples["origin"][0]
    made |= {"Flip": ", ".join(flips)} if flips else {}
    made |= {"Random crop": ", ".join(map(signed, moved))} if moved.any() else {}
    if not made:
        size = examples["images"].shape[2:]
        return f"{'Unchanged' if size == examples['whole'].shape[1:] else 'Central crop'}\n{edges(size)}"
    name, amount = next(iter(made.items()))
    return f"{name}\n{amount}" if len(made) == 1 else f"All together\n{textwrap.fill(amounts, LETTERS)}"


def signed(step: int) -> str:
    """``"+3"``, ``"−3"`` with a true minus, or ``"0"``."""
    return f"{step:+d}".replace("-", "−") if step else "0"


def edges(size: tuple[int, ...]) -> str:
    """``"64³ voxels"``, or ``"240 × 240"``."""
    return f"{size[0]}³ voxels" if len(size) == 3 and len(set(size)) == 1 else " × ".join(map(str, size))


def head(canvas: Figure, name: str, drawn: list[Picture]) -> None:
    """The name of the dataset above all, and what the outlines are."""
    kinds = drawn[0].boxes
    if kinds:
        style.legend_above(canvas, [Line2D([], [], color=CROPS[kind], label=kind) for kind in kinds], name)
    else:
        canvas.suptitle(name, fontsize=7.5, fontweight="bold")


def draw_photographs(canvas: Figure, drawn: list[Picture]) -> None:
    """A panel per change, row by row; colour if there are three channels."""
    canvas.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    grid = canvas.subplots(math.ceil(len(drawn) / COLUMNS), COLUMNS, squeeze=False)
    for axes in grid.flat:
        style.bare(axes)
    for axes, picture in zip(grid.flat, drawn, strict=False):
        image = picture.image.transpose(1, 2, 0) if len(picture.image) == 3 else picture.image[0]
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="none")
        axes.set_title(picture.title, fontsize=6.5, pad=2)
        for kind, ((top, left), (height, width)) in picture.boxes.items():
            outline(axes, (left, top), (width, height), kind)
    for axes in grid.flat[len(drawn) :]:
        axes.set_axis_off()


def draw_volumes(canvas: Figure, drawn: list[Picture]) -> None:
    """A column per change, a row per plane; the last channel."""
    canvas.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    grid = canvas.subplots(len(PLANES), len(drawn), squeeze=False)
    brightest = max(np.percentile(picture.image[-1], BRIGHTEST_PERCENT) for picture in drawn) or 1
    for column, picture in zip(grid.T, drawn, strict=True):
        column[0].set_title(picture.title, fontsize=6, pad=2)
        for axes, (plane, (across, down)) in zip(column, PLANES.items(), strict=True):
            style.bare(axes)
            axes.imshow(middle(picture.image[-1], plane), cmap="gray", vmin=0, vmax=brightest, interpolation="none")
            for kind, (first, size) in picture.boxes.items():
                low = first[down] if down != UP else picture.image.shape[1 + UP] - first[UP] - size[UP]
                outline(axes, (first[across], low), (size[across], size[down]), kind)
    for axes, plane in zip(grid[:, 0], PLANES, strict=True):
        axes.set_ylabel(plane)


def middle(volume: np.ndarray, plane: str) -> np.ndarray:
    """Slice through the middle of (x, y, z) as radiologists look at it: patient's left on the right, head on top."""
    across, down = PLANES[plane]
    through = 3 - across - down
    picture = np.take(volume, volume.shape[through] // 2, axis=through).T
    return picture[::-1] if down == UP else picture


def outline(axes: Axes, corner: tuple[int, int], size: tuple[int, int], kind: str) -> None:
    """Outline of a crop; ``corner`` and ``size`` as (across, down)."""
    place = (corner[0] - 0.5, corner[1] - 0.5)
    axes.add_patch(Rectangle(place, *size, fill=False, edgecolor=CROPS[kind], linewidth=0.8))
