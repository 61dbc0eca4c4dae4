"""Reporting checklists: CLAIM 2024 and TRIPOD+AI, filled where the workflow knows the answer.

The items are rows of ``resources/reporting_items.csv``: the number of the item, its topic in other words, ``answer``
(the macro of ``templates/answers.jinja`` that fills it, or nothing) and ``author``, what only the authors can say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imbalance_aware.errors import UserError
from imbalance_aware.journal.rendering import MARKDOWN, PLAIN, in_one_line, macros
from imbalance_aware.journal.texts import ANSWERS, CHECKLISTS
from imbalance_aware.reporting.markdown import escape_markdown
from imbalance_aware.schema import nearest
from imbalance_aware.tables.csv_text import csv_text, read_rows

COLUMNS = ("checklist", "item", "section", "topic", "answer", "author", "source")
CONTENT = "the table of checklist items, which ships with the project"
#: What the sheet says of an item.
FILLED, PART, AUTHOR = "filled", "filled in part", "author"


@dataclass(frozen=True)
class Item:
    """A row of the table.

    Attributes:
        checklist: name in `CHECKLISTS`.
        number: of the item, such as ``"12a"``.
        section: of the checklist.
        topic: what the item asks, in other words than the checklist's.
        answer: name of a macro; empty where the workflow knows nothing.
        author: what only the authors can say; empty where nothing is missing.
        source: of the checklist.
    """

    checklist: str
    number: str
    section: str
    topic: str
    answer: str
    author: str
    source: str


def read_items(path: Path) -> list[Item]:
    """All items of all checklists, in their order.

    Raises:
        UserError: an unknown checklist, an item that is there twice, that has neither an answer nor a note for the
            author, or whose answer is no macro.
    """
    _, rows = read_rows(path, CONTENT, COLUMNS)
    known = macros(ANSWERS, PLAIN)
    items: list[Item] = []
    for line, row in rows:
        item = Item(*(row[name] for name in COLUMNS))
        place = f"{path}, line {line}: item {item.number} of {item.checklist}"
        if item.checklist not in CHECKLISTS:
            raise UserError(f"{place}: there is no such checklist.{nearest(item.checklist, CHECKLISTS)}")
        if item.answer and item.answer not in known:
            raise UserError(f"{place}: {ANSWERS} has no macro {item.answer}.{nearest(item.answer, known)}")
        if not (item.answer or item.author):
            raise UserError(f"{place}: needs an answer, or a note for the author")
        if (item.checklist, item.number) in {(other.checklist, other.number) for other in items}:
            raise UserError(f"{place}: is listed twice")
        items.append(item)
    return items


@dataclass(frozen=True)
class Row:
    """A filled row of a sheet: all cells are text."""

    item: Item
    status: str
    plain: str
    markdown: str


def fill(items: Sequence[Item], study: Mapping[str, Any]) -> list[Row]:
    """The items with their answers; one whose answer is empty for this study is left to the author."""
    written = {form: macros(ANSWERS, form) for form in (PLAIN, MARKDOWN)}
    rows = []
    for item in items:
        told = {form: in_one_line(written[form][item.answer](study)) if item.answer else "" for form in written}
        filled = PART if item.author else FILLED
        status = filled if told[PLAIN] else AUTHOR
        rows.append(Row(item, status, told[PLAIN], told[MARKDOWN]))
    return rows


def sheet_csv(rows: Sequence[Row]) -> str:
    """Text of the table ``item, section, topic, status, answer, author, source``."""
    lines = (
        (row.item.number, row.item.section, row.item.topic, row.status, row.plain, _left(row), row.item.source)
        for row in rows
    )
    return csv_text(("item", "section", "topic", "status", "answer", "author", "source"), lines)


def sheet_markdown(rows: Sequence[Row], study: str) -> str:
    """The sheet as a page.

    Args:
        rows: of one checklist.
        study: its name.
    """
    counts = [f"{sum(row.status == status for row in rows)} {status}" for status in (FILLED, PART, AUTHOR)]
    title, source = CHECKLISTS[rows[0].item.checklist], rows[0].item.source
    lines = [
        f"# {escape_markdown(f'{title}: {study}')}",
        "",
        f"{escape_markdown(source)}. Topics are in other words than the checklist's; its own text is in the article. "
        f"{len(rows)} items: {', '.join(counts)}.",
        "",
        "| Item | Topic | Status | Answer of the workflow | Left to the author |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        cells = (escape_markdown(text) for text in (f"{row.item.section}: {row.item.topic}", row.status, _left(row)))
        topic, status, left = cells
        lines.append(f"| {row.item.number} | {topic} | {status} | {row.markdown} | {left} |")
    return "\n".join(lines) + "\n"


def _left(row: Row) -> str:
    """What the author still has to say."""
    return row.item.author or ("not in the files of this study" if row.status == AUTHOR else "")
