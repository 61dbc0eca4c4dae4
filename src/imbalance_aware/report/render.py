"""The environment of the templates: every value is text unless a filter says otherwise."""

import base64
import importlib.util
import math
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from imbalance_aware.errors import UserError
from imbalance_aware.reporting.grid import MINUS, MISSING, Panel
from imbalance_aware.reporting.labels import readable

TEMPLATES = Path(__file__).with_name("templates")
#: Letters that are written from right to left; below, with the signs and spaces between them.
LETTERS = r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]+"
RIGHT_TO_LEFT = re.compile(rf"{LETTERS}(?:[\s\-,.]+{LETTERS})*")
#: What a cell of numbers begins with, and what one without a value holds.
NUMBER = re.compile(rf"\[?([+{MINUS}-]?\d+(?:\.\d+)?)(?![\w-])")
EMPTY = ("", MISSING)


def isolated(text: object) -> Markup:
    """``text`` escaped, with every part that is written from right to left isolated from its surroundings."""
    parts, end = [], 0
    words = str(text)
    for found in RIGHT_TO_LEFT.finditer(words):
        parts += [escape(words[end : found.start()]), Markup("<bdi>"), escape(found.group()), Markup("</bdi>")]
        end = found.end()
    return Markup("").join([*parts, escape(words[end:])])


def capitalised(text: str) -> str:
    """``text`` with a capital first, the rest unchanged."""
    return text[:1].upper() + text[1:]


def kilobytes(size: int) -> str:
    """A number of bytes as ``"12 kB"``."""
    return f"{math.ceil(size / 1000)} kB"


def order(text: str) -> float | None:
    """The number that ``text`` begins with, by which a column is sorted.

    ``"−0.05 [−0.2, 0.1]"`` -> -0.05; of an interval alone, its lower bound.
    """
    found = NUMBER.match(text)
    return float(found[1].replace(MINUS, "-")) if found else None


def of_numbers(panel: Panel) -> list[bool]:
    """Whether each column of cells holds numbers: all of its cells that hold anything begin with one."""
    columns = zip(*(row.cells for row in panel.rows), strict=True)
    kinds = [[order(cell.plain) for cell in column if cell.plain not in EMPTY] for column in columns]
    return [bool(found) and all(number is not None for number in found) for found in kinds]


def assets() -> dict[str, str]:
    """Style and script of DataTables, from the files that `itables` ships; nothing of itables itself is imported."""
    spec = importlib.util.find_spec("itables")
    if spec is None or spec.origin is None:
        raise UserError("the package itables is missing; install the extra `analysis`: pip install -e '.[analysis]'")
    bundle = Path(spec.origin).parent / "html"
    return {
        "library_style": (bundle / "dt_bundle.css").read_text(encoding="utf-8"),
        "library": base64.b64encode((bundle / "dt_bundle.js").read_bytes()).decode("ascii"),
    }


def environment() -> Environment:
    """Templates of the report; an unknown name is an error."""
    made: Environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "capitalised": capitalised,
        "isolated": isolated,
        "kilobytes": kilobytes,
        "of_numbers": of_numbers,
        "order": order,
        "readable": readable,
    }
    return made
