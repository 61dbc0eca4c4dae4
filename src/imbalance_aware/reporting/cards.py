"""Cards: boxes with a title, wrapped text and small tables, laid out in inches before anything is drawn.

The width of each text is taken from the font, so that lines are broken where the card ends, whatever names they hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch
from matplotlib.textpath import text_to_path

from imbalance_aware.reporting import fonts, style

SIZE, LINE_INCH, PAD_INCH, GAP_INCH = 6.5, 0.125, 0.08, 0.05
TITLE_SIZE, TITLE_INCH = 7.5, 0.17
#: What pixels may add to the width of a text.
HINTING = 1.03
FILL, EDGE = "#F5F5F5", "#BBBBBB"


@cache
def width_inch(text: str, size: float = SIZE, bold: bool = False) -> float:
    """Width that a text of one line takes at most. Letters that the font lacks count as wide as they are high."""
    known = fonts.letters(fonts.own_path())
    own = "".join(sign for sign in text if sign in known)
    properties = FontProperties(family=fonts.OWN, size=size, weight="bold" if bold else "normal")
    points = text_to_path.get_text_width_height_descent(own, properties, ismath=False)[0] if own else 0.0
    return HINTING * float(points + size * (len(text) - len(own))) / 72


def wrap(text: str, room_inch: float, size: float = SIZE, bold: bool = False) -> list[str]:
    """Lines of at most ``room_inch``, broken at blanks, and inside of words that are longer than a line."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if width_inch(joined, size, bold) <= room_inch:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for sign in word:
            if lines[-1] and width_inch(lines[-1] + sign, size, bold) > room_inch:
                lines.append("")
            lines[-1] += sign
    return lines


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    colour: str = style.BLACK

    def lines(self, room_inch: float) -> list[str]:
        return wrap(self.text, room_inch)

    def height(self, room_inch: float) -> float:
        return LINE_INCH * len(self.lines(room_inch))

    def draw(self, axes: Axes, left: float, top: float, room_inch: float) -> None:
        for number, line in enumerate(self.lines(room_inch)):
            _write(axes, left, top - LINE_INCH * (number + 0.5), line, color=self.colour)


@dataclass(frozen=True)
class Table:
    """Rows of a name and numbers; the first row is the head.

    Attributes:
        rows: each with as many cells.
        marks: colour of a square before each name but the head's; empty for none.
    """

    rows: Sequence[Sequence[str]]
    marks: Sequence[str] = field(default=())

    COLUMN_INCH = 0.12

    def _widths(self) -> list[float]:
        """Of the columns of numbers."""
        columns = list(zip(*self.rows, strict=True))[1:]
        return [self.COLUMN_INCH + max(map(width_inch, column)) for column in columns]

    def _names(self, room_inch: float) -> list[list[str]]:
        indent = LINE_INCH if self.marks else 0.0
        room = max(room_inch - sum(self._widths()) - indent, 0.5)
        return [wrap(row[0], room) for row in self.rows]

    def height(self, room_inch: float) -> float:
        return LINE_INCH * sum(map(len, self._names(room_inch)))

    def draw(self, axes: Axes, left: float, top: float, room_inch: float) -> None:
        widths, names = self._widths(), self._names(room_inch)
        widest = max(width_inch(line) for lines in names for line in lines)
        indent = LINE_INCH if self.marks else 0.0
        for number, (row, lines) in enumerate(zip(self.rows, names, strict=True)):
            colour = style.GREY if number == 0 else style.BLACK
            middle = top - LINE_INCH / 2
            if self.marks and 0 < number <= len(self.marks):
                axes.plot(
                    left + 0.035, middle, marker="s", markersize=4, color=self.marks[number - 1], linestyle="none"
                )
            for place, line in enumerate(lines):
                _write(axes, left + indent, middle - place * LINE_INCH, line, color=colour)
            right = left + indent + widest
            for cell, width in zip(row[1:], widths, strict=True):
                right += width
                _write(axes, right, middle, cell, color=colour, ha="right")
            top -= LINE_INCH * len(lines)


@dataclass(frozen=True)
class Dots:
    """A grid with a dot where a row and a column have something in common.

    Attributes:
        rows: names on the left.
        columns: names above.
        filled: (row, column) -> colour of the dot.
        ringed: (row, column) of those with a ring.
        blocks: how many parts of the grid are side by side.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    filled: dict[tuple[int, int], str]
    ringed: frozenset[tuple[int, int]]
    blocks: int = 1

    COLUMN_GAP_INCH, BLOCK_GAP_INCH, NAME_INCH = 0.1, 0.15, 1.25

    @property
    def column_inch(self) -> float:
        """Width of a column that holds the longest word of the heads."""
        return self.COLUMN_GAP_INCH + max(width_inch(word) for name in self.columns for word in name.split())

    @property
    def least_inch(self) -> float:
        """Width below which words are broken, or names that are short enough for `NAME_INCH`."""
        names = max(map(width_inch, self.rows))
        return min(names, self.NAME_INCH) + self.BLOCK_GAP_INCH + self.column_inch * len(self.columns)

    def _block_inch(self, room_inch: float) -> float:
        return (room_inch - self.BLOCK_GAP_INCH * (self.blocks - 1)) / self.blocks

    def _column_inch(self, room_inch: float) -> float:
        return min(self.column_inch, 0.7 * self._block_inch(room_inch) / len(self.columns))

    def _names(self, room_inch: float) -> list[list[str]]:
        room = self._block_inch(room_inch) - self._column_inch(room_inch) * len(self.columns)
        return [wrap(name, room) for name in self.rows]

    def _heads(self, room_inch: float) -> list[list[str]]:
        return [wrap(name, self._column_inch(room_inch) - self.COLUMN_GAP_INCH / 2) for name in self.columns]

    def _parts(self) -> list[range]:
        most = -(-len(self.rows) // self.blocks)
        return [range(start, min(start + most, len(self.rows))) for start in range(0, len(self.rows), most)]

    def height(self, room_inch: float) -> float:
        names = self._names(room_inch)
        longest = max(sum(len(names[number]) for number in part) for part in self._parts())
        return LINE_INCH * (longest + max(map(len, self._heads(room_inch)))) + GAP_INCH

    def draw(self, axes: Axes, left: float, top: float, room_inch: float) -> None:
        block, column_inch = self._block_inch(room_inch), self._column_inch(room_inch)
        names, heads = self._names(room_inch), self._heads(room_inch)
        deepest = max(map(len, heads))
        for place, part in enumerate(self._parts()):
            start = left + place * (block + self.BLOCK_GAP_INCH)
            widest = max(width_inch(line) for lines in names for line in lines)
            first = min(start + widest + self.BLOCK_GAP_INCH, start + block - column_inch * len(self.columns))
            for column, lines in enumerate(heads):
                for number, line in enumerate(lines):
                    y = top - LINE_INCH * (deepest - len(lines) + number + 0.5)
                    _write(axes, first + column_inch * (column + 0.5), y, line, color=style.GREY, ha="center")
            y = top - LINE_INCH * deepest - GAP_INCH
            for row in part:
                for number, line in enumerate(names[row]):
                    _write(axes, start, y - LINE_INCH * (number + 0.5), line)
                for column in range(len(self.columns)):
                    if colour := self.filled.get((row, column)):
                        x, middle = first + column_inch * (column + 0.5), y - LINE_INCH / 2
                        axes.plot(x, middle, marker="o", markersize=4.5, color=colour, linestyle="none")
                        if (row, column) in self.ringed:
                            look: dict[str, Any] = {
                                "markersize": 7.5,
                                "markerfacecolor": "none",
                                "markeredgewidth": 0.8,
                            }
                            axes.plot(x, middle, marker="o", color=style.BLACK, linestyle="none", **look)
                y -= LINE_INCH * len(names[row])


Item = Text | Table | Dots


@dataclass(frozen=True)
class Card:
    """A box with a title and items below each other; those of ``beside`` are in a second column."""

    title: str
    items: Sequence[Item]
    beside: Sequence[Item] = field(default=())

    def _room(self, width: float) -> float:
        return (width - 3 * PAD_INCH) / 2 if self.beside else width - 2 * PAD_INCH

    def height(self, width: float) -> float:
        """Height that the card takes if it is so wide, both in inches."""
        room = self._room(width)
        columns = [sum(item.height(room) + GAP_INCH for item in items) for items in (self.items, self.beside)]
        return 2 * PAD_INCH + TITLE_INCH * len(self._title(width)) + max(columns) - GAP_INCH

    def _title(self, width: float) -> list[str]:
        return wrap(self.title, width - 2 * PAD_INCH, TITLE_SIZE, bold=True)

    def draw(self, axes: Axes, left: float, top: float, width: float, height: float) -> None:
        """Draw it with its upper left corner there."""
        shape = FancyBboxPatch((left, top - height), width, height, boxstyle="round,pad=0,rounding_size=0.06")
        shape.set(facecolor=FILL, edgecolor=EDGE, linewidth=0.6, zorder=0)
        axes.add_patch(shape)
        y = top - PAD_INCH
        for line in self._title(width):
            _write(axes, left + PAD_INCH, y - TITLE_INCH / 2, line, fontsize=TITLE_SIZE, fontweight="bold")
            y -= TITLE_INCH
        room = self._room(width)
        for column, items in enumerate((self.items, self.beside)):
            x, below = left + PAD_INCH + column * (room + PAD_INCH), y
            for item in items:
                item.draw(axes, x, below, room)
                below -= item.height(room) + GAP_INCH


def _write(axes: Axes, x: float, y: float, text: str, **look: Any) -> None:
    usual: dict[str, Any] = {"fontsize": SIZE, "va": "center_baseline", "ha": "left"}
    axes.text(x, y, text, **usual | look)
