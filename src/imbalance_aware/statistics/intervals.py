"""Two intervals for every value and every difference, and the p-values that belong to them.

(1) "these models": other patients, the same trained models: ``mean +- t(df_V) sqrt(V)``.
(2) "this procedure": other patients and other seeds, the same training data, from two seeds on:
    ``mean +- max(half-width of (1), (B t(df_V) + T t(nu)) / (B + T) * sqrt(B + T))``.

The quantile of (2) is the average of those of patients and of seeds, weighted by their shares of the variance (Cochran
1964, Biometrics 20:191), which holds its level where Satterthwaite's degrees of freedom, as in Hillis 2007 (Stat. Med.
26:596), do not: with 2 seeds those cover down to 87 %.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from imbalance_aware.statistics.variance import Parts

#: What is spread less than this over patients has no width but that of rounding in the last bits.
NO_WIDTH = 1e-9
#: Degrees of freedom from which on t is the normal distribution to all digits.
MANY = 1e9


@dataclass(frozen=True)
class Interval:
    """From ``low`` to ``high`` with confidence ``level``, such as 0.95."""

    low: float
    high: float
    level: float

    def union(self, other: "Interval") -> "Interval":
        """The smallest interval that holds both; of the level of this one."""
        return Interval(min(self.low, other.low), max(self.high, other.high), self.level)

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def half_width(parts: Parts, level: float = 0.95, procedure: bool = True) -> float:
    """Half of the width of interval (2), or of (1) without ``procedure``; NaN where there is none."""
    return _half_width(parts, (1 - level) / 2, procedure)


def interval(parts: Parts, level: float = 0.95, procedure: bool = True) -> Interval | None:
    """Interval (2), or (1) without ``procedure``; None where it cannot be estimated: see `moves`."""
    width = half_width(parts, level, procedure)
    if not moves(parts) or not np.isfinite(width):
        return None
    return Interval(parts.mean - width, parts.mean + width, level)


def moves(parts: Parts) -> bool:
    """Whether any patient moves the contrast; without, its variance over patients is unknown, not zero."""
    return bool(parts.V > NO_WIDTH**2)


def standard_error(parts: Parts, procedure: bool = True) -> float:
    """Standard error that belongs to interval (2), never below that of (1), or to (1) without ``procedure``."""
    return float(np.sqrt(np.maximum(parts.V, parts.B + parts.T) if procedure else parts.V))


def p_value(parts: Parts, procedure: bool = True) -> float:
    """One minus the level at which interval (2), or (1) without ``procedure``, just excludes 0.

    NaN where the interval cannot be estimated. For "these models" the permutation of patients is preferred, which needs
    no t distribution; for "this procedure" there is none that is valid.
    """
    if not moves(parts) or not np.isfinite(half_width(parts, 0.5, procedure)):
        return np.nan
    if not procedure:
        return float(2 * stdtr(min(parts.df_V, MANY), -abs(parts.mean) / np.sqrt(parts.V)))
    low, high = np.log(1e-300), 0.0  # of log p
    for _ in range(60):
        middle = (low + high) / 2
        excluded = _half_width(parts, np.exp(middle) / 2, procedure) < abs(parts.mean)
        low, high = (low, middle) if excluded else (middle, high)
    return float(np.exp(high))


def _half_width(parts: Parts, tail: float, procedure: bool) -> float:
    """Half-width that leaves the share ``tail`` on each side."""
    of_patients = -stdtrit(min(parts.df_V, MANY), tail)
    first = of_patients * np.sqrt(parts.V)
    if not procedure:
        return float(first)
    total = parts.B + parts.T
    if not total > 0:
        return float(first if total == 0 else np.nan)
    second = (parts.B * of_patients + parts.T * -stdtrit(parts.nu, tail)) / np.sqrt(total)
    return float(np.maximum(first, second))
