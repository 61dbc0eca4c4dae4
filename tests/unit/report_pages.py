"""What a section of the report shows: its text, tags, pictures and tables."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from imbalance_aware.report import flow_diagram

#: All that the templates use.
TAGS = {
    *("p", "h3", "h4", "ul", "li", "strong", "b", "br", "em", "span", "bdi", "div", "figure", "figcaption", "img"),
    *("svg", "path", "rect", "text", "details", "summary"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
}


class Page(HTMLParser):
    """Text and tags of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def shown_as_text(html: str, *names: str) -> Page:
    """Check that names are text and no markup, and that every tag is one that the templates have."""
    page = Page(html)
    assert {tag for tag, _ in page.tags} <= TAGS
    assert not [attribute for _, given in page.tags for attribute in given if attribute.startswith("on")]
    for name in names:
        assert name in plainly(page.text)
    return page


def plainly(text: str) -> str:
    """Without the signs that keep names apart, and keep them on one line with their numbers."""
    return text.replace("\u2068", "").replace("\u2069", "").replace(flow_diagram.NO_BREAK, " ")


def pixels_of(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("L"))


def cells(panel) -> list[list[str]]:
    return [[*row.labels, *(cell.plain for cell in row.cells)] for row in panel.rows]
