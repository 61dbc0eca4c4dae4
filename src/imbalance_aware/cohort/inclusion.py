"""The table of subjects: who is included, the reasons that keep some of them out, and the sides of the others."""

from collections.abc import Iterable

import pandas as pd

from imbalance_aware.tables.cohort import included
from imbalance_aware.tables.samples import SPLITS

__all__ = ["SEPARATOR", "criterion", "exclude", "included", "parts_of"]

SEPARATOR = "; "


def exclude(subjects: pd.DataFrame, rows: Iterable, reason: str) -> None:
    """Add ``reason`` to the rows at index labels ``rows``, in place.

    A reason reads ``criterion`` or ``criterion: detail``; the flow table counts by criterion.
    """
    reason = reason.replace(SEPARATOR, ", ")
    for row in rows:
        previous = str(subjects.at[row, "excluded"])
        subjects.at[row, "excluded"] = f"{previous}{SEPARATOR}{reason}" if previous else reason


def criterion(reasons: str) -> str:
    """The first criterion among joined reasons: ``"size: 227x240; missing"`` -> ``"size"``."""
    return reasons.split(SEPARATOR)[0].split(": ")[0]


def parts_of(subjects: pd.DataFrame) -> list[str]:
    """The parts of a fixed split that need every class: training, test, and validation if somebody is in it."""
    return [side for side in SPLITS if side != "validation" or (subjects["split"] == side).any()]
