"""`Grid`: the cells, headers and notes of a table, independent of the format."""

from collections.abc import Sequence
from dataclasses import dataclass, field

COLLAPSED, DIVERGED, MINUS, MISSING = "†", "‡", "−", "–"


@dataclass(frozen=True)
class Cell:
    """One value: ``text`` (bold if the best of its column or dataset), then ``rest`` (its spread), then marks."""

    text: str
    rest: str = ""
    bold: bool = False
    marks: str = ""

    @property
    def plain(self) -> str:
        return self.text + self.rest + (f" {self.marks}" if self.marks else "")


@dataclass(frozen=True)
class Row:
    """Labels on the left, then cells; ``rule`` asks for a line above it, ``muted`` for a lighter print."""

    labels: tuple[str, ...]
    cells: tuple[Cell, ...]
    rule: bool = False
    muted: bool = False


@dataclass(frozen=True)
class Panel:
    """A block of columns: ``stubs`` head the labels, ``columns`` the cells; ``groups`` span columns from above.

    A panel of a table that shows many things has a ``title`` of its own.
    """

    stubs: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    groups: tuple[tuple[str, int], ...] = ()
    title: str = ""


@dataclass(frozen=True)
class Grid:
    """A table of one or more panels below each other (a wide one is cut), with a title above and notes below."""

    name: str
    title: str
    panels: tuple[Panel, ...]
    notes: tuple[str, ...] = field(default=())


def number(value: float, decimals: int, signed: bool = False) -> str:
    """``-0.051`` -> ``"−0.05"``, never ``"−0.00"``; with ``signed`` also ``"+0.05"``."""
    text = f"{value:{'+' if signed else ''}.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def without_repeats(labels: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Each row's labels, blank where they and all on their left repeat the row above."""
    shown: list[tuple[str, ...]] = []
    above: tuple[str, ...] = ()
    for row in labels:
        same = 0
        while same < min(len(row) - 1, len(above)) and row[same] == above[same]:
            same += 1
        shown.append(("",) * same + row[same:])
        above = row
    return shown
