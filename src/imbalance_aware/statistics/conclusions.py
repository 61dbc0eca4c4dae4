"""Conclusion about a difference: better, worse, equivalent or undecided, given a relevant difference.

`equivalent` if the 90 % interval lies within plus and minus the relevant difference: two one-sided tests at 5 %
(Schuirmann 1987). Else `better` or `worse` if the 95 % interval excludes 0, "by a relevant amount" only if it excludes
the relevant difference as well. Else `undecided`, which is not equivalent.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from imbalance_aware.metrics.declaration import Direction
from imbalance_aware.statistics.intervals import half_width, moves, p_value
from imbalance_aware.statistics.multiplicity import AllPairs
from imbalance_aware.statistics.variance import Parts

Word = Literal["better", "worse", "equivalent", "undecided"]
#: Confidence of the interval that decides on a difference, and of the one that decides on equivalence.
DIFFERENCE_LEVEL, EQUIVALENCE_LEVEL = 0.95, 0.90


@dataclass(frozen=True)
class Conclusion:
    """What may be said of condition a against b.

    Attributes:
        word: ``better``, ``worse``, ``equivalent`` or ``undecided``.
        relevant: whether it is better or worse by a relevant amount.
    """

    word: Word
    relevant: bool = False

    def __str__(self) -> str:
        return f"{self.word} by a relevant amount" if self.relevant else self.word


def conclude(parts: Parts, relevant: float, better: Direction, procedure: bool = True) -> Conclusion:
    """Conclusion of one difference a minus b: by interval (2), or (1) without ``procedure``.

    ``undecided`` where the interval does not exist: for the procedure with one replicate, and where no patient moves
    the difference.
    """
    if not moves(parts):
        return Conclusion("undecided")
    wide, narrow = (half_width(parts, level, procedure) for level in (DIFFERENCE_LEVEL, EQUIVALENCE_LEVEL))
    return conclude_from(parts.mean, wide, narrow, relevant, better)


def conclude_pairs(pairs: AllPairs, relevant: float, better: Direction) -> list[Conclusion]:
    """Conclusion of each of all pairs, by the intervals that hold for all of them together."""
    wide, narrow = pairs.half_widths(DIFFERENCE_LEVEL), pairs.half_widths(EQUIVALENCE_LEVEL)
    rows = zip(pairs.differences, wide, narrow, strict=True)
    return [conclude_from(mean, at_95, at_90, relevant, better) for mean, at_95, at_90 in rows]


def conclude_from(difference: float, wide: float, narrow: float, relevant: float, better: Direction) -> Conclusion:
    """Conclusion from a difference and the half-widths of its 95 % and 90 % intervals; NaN is ``undecided``.

    Args:
        difference: a minus b.
        wide: half-width at 95 %.
        narrow: half-width at 90 %.
        relevant: the smallest difference that matters, above 0.
        better: which values of the metric are better.
    """
    if abs(difference) + narrow < relevant:
        return Conclusion("equivalent")
    if not abs(difference) > wide:
        return Conclusion("undecided")
    a_is_better = (difference > 0) == (better == "higher")
    return Conclusion("better" if a_is_better else "worse", bool(abs(difference) - wide > relevant))


def evidence_against_reverse(parts: Parts, procedure: bool = True) -> float:
    """``1 - p / 2``: how strong the evidence is that the leading condition is not the worse one; 0.5 is none.

    It is not the probability of being better: among conditions that are all equal, 0.94 means a chance of 0.50.
    """
    return 1 - p_value(parts, procedure) / 2 if np.isfinite(parts.mean) else np.nan
