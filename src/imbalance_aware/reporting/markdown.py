"""Text as it is in Markdown."""

import unicodedata

from imbalance_aware.class_names import UNPRINTABLE

#: Besides Markdown's own signs, those that GitHub reads as a formula, a struck line or an entity.
MARKDOWN = {sign: f"\\{sign}" for sign in "\\`*_[]<>|$~&"}


def escape_markdown(text: str) -> str:
    """``text`` as it is, in a line of GitHub-flavoured Markdown or in a cell of its tables."""
    return "".join(MARKDOWN.get(sign, sign) for sign in one_line(text))


def one_line(text: str) -> str:
    """``text`` with spaces for line breaks and control characters: a line break would end the row of a table."""
    return "".join(" " if unicodedata.category(sign) in UNPRINTABLE else sign for sign in text)
