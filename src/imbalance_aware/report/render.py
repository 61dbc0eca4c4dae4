"""The environment of the templates: every value is text unless a filter says otherwise."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

TEMPLATES = Path(__file__).with_name("templates")
#: Letters that are written from right to left; below, with the signs and spaces between them.
LETTERS = r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]+"
RIGHT_TO_LEFT = re.compile(rf"{LETTERS}(?:[\s\-,.]+{LETTERS})*")


def isolated(text: object) -> Markup:
    """``text`` escaped, with every part that is written from right to left isolated from its surroundings."""
    parts, end = [], 0
    words = str(text)
    for found in RIGHT_TO_LEFT.finditer(words):
        parts += [escape(words[end : found.start()]), Markup("<bdi>"), escape(found.group()), Markup("</bdi>")]
        end = found.end()
    return Markup("").join([*parts, escape(words[end:])])


def environment() -> Environment:
    """Templates of the report; an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["isolated"] = isolated
    return made
