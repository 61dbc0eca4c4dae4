"""Read the pages of tables, which `reporting.formats.to_html` writes, back as grids."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from imbalance_aware.errors import UserError
from imbalance_aware.reporting.grid import Cell, Grid, Panel, Row


def read_table_page(path: Path) -> Grid:
    """The grid of a table's page: panels with their titles, and the notes below.

    Labels that the page leaves blank because they repeat the row above are filled in, so that rows may be sorted.

    Raises:
        UserError: there is no such file, or it holds no table.
    """
    reader = _Reader()
    try:
        reader.feed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    return Grid(path.stem, reader.title, tuple(map(_panel, reader.panels)), tuple(reader.notes))


@dataclass
class _Table:
    """What is read of a table."""

    caption: str = ""
    heads: list[list["_Item"]] = field(default_factory=list)
    rows: list[tuple[bool, list["_Item"]]] = field(default_factory=list)


@dataclass
class _Item:
    """A cell: its text, how much of it at the start is bold, over how many columns, and whether it is a label."""

    label: bool
    span: int
    text: str = ""
    bold: str = ""


class _Reader(HTMLParser):
    """Collects title, panels and notes."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.panels: list[_Table] = []
        self.notes: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "meta":
            return
        self._open.append(tag)
        if tag == "table":
            self.panels.append(_Table())
        elif tag == "p":
            self.notes.append("")
        elif tag == "tr":
            muted = "muted" in (given.get("class") or "").split()
            if "thead" in self._open:
                self.panels[-1].heads.append([])
            else:
                self.panels[-1].rows.append((muted, []))
        elif tag in ("th", "td"):
            self._row().append(_Item(tag == "th", int(given.get("colspan") or 1)))

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        within = self._open
        if "th" in within or "td" in within:
            item = self._row()[-1]
            item.text += data
            if "strong" in within:
                item.bold += data
        elif "caption" in within:
            self.panels[-1].caption += data
        elif "title" in within:
            self.title += data
        elif "p" in within:
            self.notes[-1] += data

    def _row(self) -> list[_Item]:
        table = self.panels[-1]
        return table.heads[-1] if "thead" in self._open else table.rows[-1][1]


def _panel(table: _Table) -> Panel:
    *groups, heads = table.heads
    stubs = sum(item.label for item in table.rows[0][1]) if table.rows else 0
    spans = [item for row in groups for item in row if item.text]
    rows, above = [], [""] * stubs
    for muted, items in table.rows:
        labels = [item.text for item in items if item.label]
        blank = next((index for index, label in enumerate(labels) if label), len(labels))
        above = above[:blank] + labels[blank:]
        rows.append(Row(tuple(above), tuple(_cell(item) for item in items if not item.label), muted=muted))
    names = [item.text for item in heads]
    return Panel(
        tuple(names[:stubs]),
        tuple(names[stubs:]),
        tuple(rows),
        tuple((item.text, item.span) for item in spans),
        table.caption,
    )


def _cell(item: _Item) -> Cell:
    if item.bold:
        return Cell(item.bold, item.text.removeprefix(item.bold), bold=True)
    return Cell(item.text)
