"""A page of headings, paragraphs, lists and tables, as Markdown and as HTML."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from imbalance_aware.reporting.formats import STYLE, html_panel, markdown_panel
from imbalance_aware.reporting.grid import Panel
from imbalance_aware.reporting.markdown import escape_markdown


@dataclass(frozen=True)
class Heading:
    """``level`` 1 is the title of the page."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Plain text; ``strong`` if it is what the page says above all."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Items:
    """A list; without items nothing is written."""

    texts: tuple[str, ...]


Block = Heading | Paragraph | Items | Panel


def to_markdown(blocks: Sequence[Block]) -> str:
    """GitHub-flavoured Markdown."""
    return "\n\n".join(text for block in blocks if (text := _markdown(block))) + "\n"


def to_html(title: str, blocks: Sequence[Block]) -> str:
    """A page of its own, as the report of the workflow shows it."""
    body = "\n".join(text for block in blocks if (text := _html(block)))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        f"<style>\n{STYLE}{OWN_STYLE}</style></head>\n<body>\n{body}\n</body>\n</html>\n"
    )


OWN_STYLE = """\
h1 { font-size: 1.5em; }
h2 { font-size: 1.2em; margin-top: 2em; border-bottom: 1px solid #999; }
h3 { font-size: 1em; margin: 1.4em 0 .3em; }
p, li { max-width: 60em; font-size: 1em; color: #222; margin: .3em 0; }
"""


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {escape_markdown(block.text)}"
    if isinstance(block, Paragraph):
        return f"**{escape_markdown(block.text)}**" if block.strong else escape_markdown(block.text)
    if isinstance(block, Items):
        return "\n".join(f"- {escape_markdown(text)}" for text in block.texts)
    return markdown_panel(block)


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{html.escape(block.text)}</h{block.level}>"
    if isinstance(block, Paragraph):
        text = html.escape(block.text)
        return f"<p><strong>{text}</strong></p>" if block.strong else f"<p>{text}</p>"
    if isinstance(block, Items):
        items = "".join(f"<li>{html.escape(text)}</li>" for text in block.texts)
        return f"<ul>{items}</ul>" if items else ""
    return html_panel(block, block.title)
