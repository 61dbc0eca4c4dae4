"""Text for a terminal of 80 columns: tables, paragraphs, and numbers with their units."""

import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 80
GAP = "  "
CUT = "…"
#: Narrower than this, no column of text is cut.
LEAST = 12


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table no wider than `WIDTH`: numbers to the right, text to the left, the widest text cut.

    Args:
        head: names of the columns; one that begins with ``>`` is of numbers.
        rows: cells of each row.
    """
    right = [name.startswith(">") for name in head]
    cells = [[name.lstrip(">") for name in head], *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    while sum(widths) + len(GAP) * (len(widths) - 1) > WIDTH:
        column = max((n for n in range(len(widths)) if not right[n]), key=lambda n: widths[n], default=None)
        if column is None or widths[column] <= LEAST:
            break
        widths[column] -= 1
    lines = []
    for row in cells:
        parts = [cut(cell, width) for cell, width in zip(row, widths, strict=True)]
        aligned = zip(parts, widths, right, strict=True)
        lines.append(GAP.join(part.rjust(n) if numbers else part.ljust(n) for part, n, numbers in aligned).rstrip())
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def cut(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters, without its middle where it is longer."""
    if len(text) <= width:
        return text
    start = (width - len(CUT)) // 2
    return text[:start] + CUT + text[len(text) - (width - len(CUT) - start) :]


def paragraph(text: str, indent: str = "") -> list[str]:
    """Lines of a paragraph; a path is never broken, since it is there to be copied."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def heading(text: str) -> list[str]:
    """An empty line and a heading."""
    return ["", *paragraph(text)]


def duration(seconds: float) -> str:
    """``34 s``, ``12 min`` or ``5.2 h``."""
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.1f} min" if seconds < 9.95 * 60 else f"{seconds / 60:.0f} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 99.5 else f"{hours:.0f} h"


def size(n_bytes: float) -> str:
    """``1.2 GB`` and so on, in powers of 1000."""
    for unit in ("kB", "MB"):
        n_bytes /= 1000
        if n_bytes < 999.5:
            return f"{n_bytes:.0f} {unit}" if n_bytes >= 9.95 else f"{n_bytes:.1f} {unit}"
    return f"{n_bytes / 1000:.1f} GB"


def count(number: int, thing: str) -> str:
    """``1 run``, ``3 runs``."""
    return f"{number} {thing}" + ("" if number == 1 else "s")
