"""How figures look: a printed page's sizes, colours that colour-blind readers can tell apart, the same bytes each time.

Colours: Okabe and Ito 2008, "Color universal design".
"""

import argparse
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imbalance_aware.files import atomic

# It reports every font that it embeds.
logging.getLogger("fontTools").setLevel(logging.WARNING)

#: Widths of a journal's page.
ONE_COLUMN_INCH, TWO_COLUMNS_INCH = 3.5, 7.1
PNG_DPI = 300

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, YELLOW, BLACK = OKABE_ITO = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00"),
    *("#CC79A7", "#56B4E9", "#F0E442", "#000000"),
)
GREY = "#666666"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

SETTINGS = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, hence the same on every machine
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.1,
    "patch.linewidth": 0.5,
    "grid.linewidth": 0.4,
    "grid.color": "#DDDDDD",
    "savefig.dpi": PNG_DPI,
    "pdf.fonttype": 42,
}


@contextmanager
def figure(args: argparse.Namespace, width_inch: float, height_inch: float) -> Iterator[Figure]:
    """A figure of that size, saved as ``args.png`` and ``args.pdf`` when the block ends, without a date in either."""
    with matplotlib.rc_context(SETTINGS):
        canvas = Figure(figsize=(width_inch, height_inch), layout="constrained")
        yield canvas
        for path, metadata in ((args.png, {"Software": None}), (args.pdf, {"CreationDate": None})):
            with atomic(path) as temporary:
                canvas.savefig(temporary, metadata=metadata)


def colours(names: list[str]) -> dict[str, str]:
    """A colour for each name, in order; after eight they repeat, so that markers or labels must tell them apart."""
    return {name: OKABE_ITO[place % len(OKABE_ITO)] for place, name in enumerate(names)}


def markers(names: list[str]) -> dict[str, str]:
    """A marker for each name, in order."""
    return {name: MARKERS[place % len(MARKERS)] for place, name in enumerate(names)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that every figure has."""
    parser.add_argument("--png", type=Path, required=True, help="picture to write, 300 dots per inch")
    parser.add_argument("--pdf", type=Path, required=True, help="the same as vectors")


def nothing_to_draw(canvas: Figure, title: str, reason: str) -> None:
    """A figure that says why it is empty."""
    axes = canvas.subplots()
    bare(axes)
    axes.set_title(title, fontweight="bold")
    axes.text(0.5, 0.5, reason, ha="center", va="center", color=GREY)


def bare(axes: Axes) -> None:
    """Axes that hold a picture: no ticks, no frame."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def legend_above(canvas: Figure, handles: Sequence[Artist], title: str = "", **look: float) -> None:
    """One legend for the whole figure, above it, under a bold ``title``; ``look`` goes to matplotlib."""
    legend = canvas.legend(
        handles=handles,
        loc="outside upper center",
        ncols=min(3, len(handles)),
        columnspacing=1.2,
        handletextpad=0.4,
        title=title or None,
        **look,
    )
    legend.get_title().set(fontweight="bold", fontsize=7.5)
