"""The layout of a flow diagram: boxes from top to bottom, those of the side indented, all text broken into lines.

The diagram is narrow (`WIDTH`), so that it is readable on a telephone without being scaled down. A template draws it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

#: In pixels: the diagram, how far boxes of the side are indented, where the spine runs, between boxes, inside a box.
WIDTH, INDENT, SPINE, GAP, PADDING = 380, 52, 26, 22, 10
#: Height of a line, and width that a character takes at most on average; of scripts with wide characters, one of those.
LINE, CHARACTER, WIDE = 18, 7, 14
#: Where lines may be broken, and the space between a name and its number, where they may not.
BREAKS, NO_BREAK = re.compile(r"[ \t\n]+"), "\u00a0"
#: Around a name, so that text that runs from right to left does not reorder the text beside it.
ISOLATE, END_OF_ISOLATE = "\u2068", "\u2069"


@dataclass(frozen=True)
class Stage:
    """A box before its layout.

    Attributes:
        title: first line, in bold.
        lines: further text.
        side: whether it branches off to the side, as exclusions and the parts of a split do.
    """

    title: str
    lines: tuple[str, ...] = ()
    side: bool = False


@dataclass(frozen=True)
class Text:
    """A line of text: its baseline, in pixels from the top of the diagram, and whether it is of the title."""

    y: int
    words: str
    strong: bool


@dataclass(frozen=True)
class Box:
    """A box of the diagram, in pixels."""

    x: int
    y: int
    width: int
    height: int
    side: bool
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class Diagram:
    """Boxes, and the lines between them.

    Attributes:
        width, height: of the whole, in pixels.
        boxes: from top to bottom.
        spines: (x, from y, to y, whether it ends with an arrow) of each vertical line.
        branches: (from x, to x, y) of each horizontal arrow to a box of the side.
        description: all of its text, for those who cannot see it.
    """

    width: int
    height: int
    boxes: tuple[Box, ...]
    spines: tuple[tuple[int, int, int, bool], ...]
    branches: tuple[tuple[int, int, int], ...]
    description: str


def counted(name: str, number: int, between: str = "") -> str:
    """A name of a class, cohort or reason and how many there are of it, for the middle of a line of text."""
    return f"{ISOLATE}{name}{END_OF_ISOLATE}{between}{NO_BREAK}{number}"


def lay_out(stages: Sequence[Stage]) -> Diagram:
    """Place the boxes of stages; the first stage must be on the spine."""
    boxes: list[Box] = []
    top = 1
    for stage in stages:
        x = INDENT if stage.side else 1
        width = WIDTH - 1 - x
        lines = [(words, True) for words in wrap(stage.title, width - 2 * PADDING)]
        lines += [(words, False) for line in stage.lines for words in wrap(line, width - 2 * PADDING)]
        texts = tuple(
            Text(top + PADDING + LINE * (number + 1) - 5, words, strong) for number, (words, strong) in enumerate(lines)
        )
        boxes.append(Box(x, top, width, 2 * PADDING + LINE * len(lines), stage.side, texts))
        top += boxes[-1].height + GAP
    words = "; ".join(": ".join(filter(None, (stage.title, ", ".join(stage.lines)))) for stage in stages)
    return Diagram(WIDTH, top - GAP + 1, tuple(boxes), tuple(_spines(boxes)), tuple(_branches(boxes)), words)


def _middle(box: Box) -> int:
    return box.y + box.height // 2


def _spines(boxes: Sequence[Box]) -> Iterator[tuple[int, int, int, bool]]:
    """From each box on the spine to the next one; from the last to the middle of the last box of the side below it."""
    places = [number for number, box in enumerate(boxes) if not box.side]
    for place, following in zip(places, [*places[1:], None], strict=True):
        bottom = boxes[place].y + boxes[place].height
        if following is not None:
            yield SPINE, bottom, boxes[following].y, True
        elif place + 1 < len(boxes):
            yield SPINE, bottom, _middle(boxes[-1]), False


def _branches(boxes: Sequence[Box]) -> Iterator[tuple[int, int, int]]:
    return ((SPINE, box.x, _middle(box)) for box in boxes if box.side)


def wrap(text: str, width_px: float) -> list[str]:
    """``text`` in lines that are no wider, broken at spaces that allow it; a word that is too long is cut."""
    lines, line = [], ""
    for word in _pieces(BREAKS.split(text.strip()), width_px):
        longer = f"{line} {word}" if line else word
        if line and breadth(longer) > width_px:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line] if line else lines


def _pieces(words: Iterable[str], width_px: float) -> Iterator[str]:
    for word in words:
        piece = ""
        for character in word:
            if piece and breadth(piece + character) > width_px:
                yield piece
                piece = ""
            piece += character
        if piece:
            yield piece


def breadth(text: str) -> float:
    """Width of a text in pixels, at most on average; marks and isolates have none."""
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return WIDE if unicodedata.east_asian_width(character) in ("W", "F") else CHARACTER
