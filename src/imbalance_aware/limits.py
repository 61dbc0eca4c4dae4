"""Formatting of a value and the limit that it misses, with enough digits to differ."""

import math

#: More decimals than a float has.
MOST_DECIMALS = 20


def apart(value: float, limit: float, decimals: int = 2, kind: str = "f") -> tuple[str, str]:
    """Texts of ``value`` and ``limit`` with the same number of decimals: as few as tell them apart.

    Args:
        value: what was found.
        limit: what it is compared with.
        decimals: the fewest to print.
        kind: ``"f"``, or ``"%"`` for shares in per cent.

    Returns:
        Two texts, which differ if the numbers do.
    """
    for places in range(decimals, MOST_DECIMALS):
        texts = f"{value:.{places}{kind}}", f"{limit:.{places}{kind}}"
        if texts[0] != texts[1] or value == limit or math.isnan(value):
            return texts
    return repr(value), repr(limit)
