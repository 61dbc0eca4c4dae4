"""Style of figures: sizes for printed pages, colours for colour-blind readers, reproducible bytes.

Colours: Okabe and Ito 2008, "Color universal design".
"""

import argparse
import logging
import math
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imbalance_aware.files import atomic
from imbalance_aware.reporting import fonts

if TYPE_CHECKING:
    from matplotlib.typing import LineStyleType, RcKeyType

# It reports every font that it embeds.
logging.getLogger("fontTools").setLevel(logging.WARNING)

#: Widths of a journal's page.
ONE_COLUMN_INCH, TWO_COLUMNS_INCH = 3.5, 7.1
PNG_DPI = 300

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW, BLACK = OKABE_ITO = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00"),
    *("#CC79A7", "#56B4E9", "#F0E442", "#000000"),
)
GREY = "#666666"
#: Of losses: seven in a row differ for every kind of colour vision, and each is dark enough for a line on white.
LOSS_COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES: "tuple[LineStyleType, ...]" = ("-", "--", "-.", ":")
#: Height of a line of a legend or a note, and what a legend's entry and each of its letters take, in inches.
TEXT_LINE_INCH, ENTRY_INCH, LETTER_INCH = 0.135, 0.3, 0.055
NOTE_SIZE, NOTE_LETTER_INCH = 6, 0.046
#: Of what is averaged over the folds of a cross-validation, to end a sentence with.
WITHIN_FOLDS = ", within each fold and then over the folds"
HAIR_SPACE = "\N{HAIR SPACE}"

SETTINGS: "dict[RcKeyType, str | float | list[str]]" = {
    "font.family": fonts.OWN,  # hence the same on every machine
    "text.parse_math": False,  # a name may hold dollar signs
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
    """A figure of at least that size, saved as ``args.png`` and ``args.pdf`` when the block ends, without a date.

    The figure is as much higher as `legend_above` and `note_below` ask for.
    """
    with matplotlib.rc_context(SETTINGS):
        canvas = Figure(figsize=(width_inch, height_inch), layout="constrained")
        yield canvas
        fonts.complete(canvas)
        _freeze(canvas)
        for path, metadata in ((args.png, {"Software": None}), (args.pdf, {"CreationDate": None})):
            with atomic(path) as temporary:
                canvas.savefig(temporary, metadata=metadata)


def _freeze(canvas: Figure) -> None:
    """Keep the layout as it is, in steps of a thousandth of the figure's width or height.

    The last bits of what the layout's solver gives differ between processes; picture and vectors have one layout.
    """
    canvas.draw_without_rendering()
    canvas.set_layout_engine("none")
    for axes in canvas.axes:
        left, bottom, width, height = axes.get_position(original=True).bounds
        right, top = left + width, bottom + height
        left, bottom, right, top = (round(edge, 3) for edge in (left, bottom, right, top))
        axes.set_position((left, bottom, right - left, top - bottom))


def colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name, in order; after eight they repeat, so that markers or labels must tell them apart."""
    return {name: OKABE_ITO[place % len(OKABE_ITO)] for place, name in enumerate(names)}


def loss_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each loss, in order; after seven they repeat, with another style of line."""
    return {name: LOSS_COLOURS[place % len(LOSS_COLOURS)] for place, name in enumerate(names)}


def loss_lines(names: Sequence[str]) -> "dict[str, LineStyleType]":
    """A style of line for each loss, in order; of 28, no two share both colour and style."""
    return {name: LINES[place // len(LOSS_COLOURS) % len(LINES)] for place, name in enumerate(names)}


def dashes(names: Sequence[str]) -> "dict[str, LineStyleType]":
    """A style of line for each name, in order, for lines of one colour; after four they repeat."""
    return {name: LINES[place % len(LINES)] for place, name in enumerate(names)}


def shortened(names: Sequence[str], most: int) -> list[str]:
    """Names of at most ``most`` columns: longer ones are cut, with a number where they would then be alike."""
    cut = [name if text_width(name) <= most else _cut(name, most - 1) + "…" for name in names]
    if len({*cut}) == len({*names}):
        return cut
    places = {name: place for place, name in enumerate(dict.fromkeys(names), 1)}
    return [name if text_width(name) <= most else f"{places[name]}: {_cut(name, most - 6)}…" for name in names]


def _cut(name: str, most: int) -> str:
    while text_width(name) > most:
        name = name[:-1]
    return name.rstrip()


def markers(names: Sequence[str]) -> dict[str, str]:
    """A marker for each name, in order; of 64 names, no two share both colour and marker."""
    turn = len(MARKERS)
    return {name: MARKERS[(place + place // turn) % turn] for place, name in enumerate(names)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that every figure has."""
    parser.add_argument("--png", type=Path, required=True, help="picture to write, 300 dots per inch")
    parser.add_argument("--pdf", type=Path, required=True, help="vector version of the picture to write")


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
    """One legend for the whole figure, above it, under a bold ``title``; ``look`` goes to matplotlib.

    It has as many columns as its longest label leaves room for; every line beyond the first makes the figure higher.
    """
    for handle in handles:
        if str(handle.get_label()).startswith("_"):
            handle.set_label(f"{HAIR_SPACE}{handle.get_label()}")  # else matplotlib leaves it out
    width_inch = canvas.get_figwidth()
    longest = max((text_width(str(handle.get_label())) for handle in handles), default=0)
    most = 3 * max(1, round(width_inch / ONE_COLUMN_INCH))
    columns = max(1, min(most, len(handles), int(width_inch / (ENTRY_INCH + LETTER_INCH * longest))))
    _grow(canvas, math.ceil(len(handles) / columns) - 1)
    legend = canvas.legend(
        handles=handles,
        loc="outside upper center",
        ncols=columns,
        columnspacing=1.2,
        handletextpad=0.4,
        title=title or None,
        **look,
    )
    legend.get_title().set(fontweight="bold", fontsize=7.5)


def note_below(canvas: Figure, note: str, label: str = "") -> None:
    """A note below everything, under the ``label`` of the x axes of all panels; the figure grows by its lines."""
    lines = textwrap.wrap(note, int(canvas.get_figwidth() / NOTE_LETTER_INCH))
    if not lines and not label:
        return
    _grow(canvas, len(lines))
    below = canvas.supxlabel("\n".join([label] * bool(label) + lines), fontsize=7 if not lines else NOTE_SIZE)
    below.set_linespacing(1.3)


def text_width(text: str) -> int:
    """Columns that a text takes in letters of usual width; Chinese, Japanese and Korean ones are twice as wide."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _grow(canvas: Figure, lines: int) -> None:
    canvas.set_figheight(canvas.get_figheight() + lines * TEXT_LINE_INCH)
