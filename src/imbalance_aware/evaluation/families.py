"""Conclusions about several differences, corrected for multiple comparisons.

``better`` and ``worse`` need Holm's adjusted p-value at most 5 % and the 95 % interval without 0. ``equivalent`` and
"by a relevant amount" take intervals with Bonferroni's share of the error, since Holm has no intervals.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imbalance_aware.metrics.declaration import Direction
from imbalance_aware.statistics.conclusions import DIFFERENCE_LEVEL, EQUIVALENCE_LEVEL, Conclusion
from imbalance_aware.statistics.intervals import half_width, moves
from imbalance_aware.statistics.multiplicity import holm
from imbalance_aware.statistics.variance import Parts

UNDECIDED = Conclusion("undecided")


@dataclass(frozen=True)
class Family:
    """What is said of each of m differences.

    Attributes:
        adjusted: Holm's p-values, shape (m,); NaN where there is none.
        conclusions: m of them.
    """

    adjusted: np.ndarray
    conclusions: tuple[Conclusion, ...]


def family(
    parts: Sequence[Parts], p: Sequence[float], relevant: float, better: Direction, procedure: bool = True
) -> Family:
    """Conclusions on several differences.

    Args:
        parts: of each difference.
        p: p-value of each; NaN where it cannot be estimated.
        relevant: the smallest difference that matters.
        better: which values of the metric are better.
        procedure: for other patients and seeds; without, for other patients and the same models.
    """
    adjusted = holm(p)
    m = max(int(np.isfinite(adjusted).sum()), 1)
    said = (_conclude(part, each, m, relevant, better, procedure) for part, each in zip(parts, adjusted, strict=True))
    return Family(adjusted, tuple(said))


def _conclude(parts: Parts, adjusted: float, m: int, relevant: float, better: Direction, procedure: bool) -> Conclusion:
    if not moves(parts) or np.isnan(adjusted):
        return UNDECIDED
    size = abs(parts.mean)
    if size + half_width(parts, 1 - (1 - EQUIVALENCE_LEVEL) / m, procedure) < relevant:
        return Conclusion("equivalent")
    if not (adjusted <= 1 - DIFFERENCE_LEVEL and size > half_width(parts, DIFFERENCE_LEVEL, procedure)):
        return UNDECIDED
    a_is_better = (parts.mean > 0) == (better == "higher")
    by_relevant = size - half_width(parts, 1 - (1 - DIFFERENCE_LEVEL) / m, procedure) > relevant
    return Conclusion("better" if a_is_better else "worse", bool(by_relevant))
