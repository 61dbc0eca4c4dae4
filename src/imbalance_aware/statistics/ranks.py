"""Which condition is best, and how sure the order is."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau, rankdata

from imbalance_aware.metrics.declaration import Direction
from imbalance_aware.statistics.influence import Measured
from imbalance_aware.statistics.multiplicity import DRAWS, AllPairs, joint_draws

#: Values closer than this share a rank: their order would be one of rounding.
TIE = 1e-9


@dataclass(frozen=True, eq=False)
class Ranks:
    """Ranks of the C conditions, each of shape (C,); 1 is the best, equals share a rank, NaN without runs.

    Attributes:
        observed: of the means over replicates.
        expected: mean rank over resamples.
        low, high: 2.5 % and 97.5 % quantile of the rank over resamples.
        first: share of resamples in which a condition is first. It is no probability of being the best: with ten equal
            conditions the leader has 0.4.
    """

    observed: np.ndarray
    expected: np.ndarray
    low: np.ndarray
    high: np.ndarray
    first: np.ndarray


def ranks(measured: Measured, better: Direction, procedure: bool = True, draws: int = DRAWS, seed: int = 0) -> Ranks:
    """Ranks, and how they vary over resamples: draws of interval (2), or of (1) without ``procedure``.

    Conditions are ranked by their reported values, the mean over all replicates that a condition has.

    Raises:
        ValueError: for the procedure, if the variance over seeds is unknown, as with one replicate.
    """
    sign = 1 if better == "higher" else -1
    known = np.flatnonzero(np.isfinite(measured.means))
    errors = np.zeros((1, len(measured.values)))
    if len(known) > 1:
        errors = joint_draws(measured, procedure, draws, seed).of_means(measured.n_replicates)
    resampled = _ranked(sign * (measured.means + errors)[:, known])
    first = resampled == resampled.min(axis=1, keepdims=True)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0, method="inverted_cdf")
    found = (
        _ranked(sign * measured.means[None, known])[0],
        resampled.mean(axis=0),
        low,
        high,
        (first / first.sum(axis=1, keepdims=True)).mean(axis=0),
    )
    return Ranks(*(_spread(column, known, len(measured.means)) for column in found))


def possible_best(measured: Measured, pairs: AllPairs, better: Direction, level: float = 0.95) -> np.ndarray:
    """Which conditions are not worse than the leader by the simultaneous interval, shape (C,), bool.

    A condition whose difference from the leader cannot be estimated is one of them; one without runs is not.

    Args:
        measured: the metric that ``pairs`` compares.
        pairs: all pairs of the same metric.
        better: which values are better.
        level: confidence.
    """
    sign = 1 if better == "higher" else -1
    means = sign * measured.means
    possible = np.isfinite(means)
    if not possible.any():
        return possible
    leader = int(np.nanargmax(means))
    widths = pairs.half_widths(level)
    for condition in np.flatnonzero(possible).tolist():
        if condition != leader:
            row, direction = pairs.find(leader, condition)
            ahead = sign * direction * pairs.differences[row]
            possible[condition] = not ahead > widths[row]
    return possible


def agreement_over_replicates(measured: Measured) -> float:
    """Mean over pairs of replicates of Kendall's tau-b between their orders of the conditions that both have.

    1 if every seed gives the same order, about 0 if the order is chance. NaN with one replicate.
    """
    taus = []
    for first in range(measured.values.shape[1]):
        for second in range(first):
            both = np.isfinite(measured.values[:, [first, second]]).all(axis=1)
            if both.sum() > 1:
                pair = np.round(measured.values[both][:, [first, second]] / TIE)
                taus.append(kendalltau(pair[:, 0], pair[:, 1]).statistic)
    known = [tau for tau in taus if np.isfinite(tau)]
    return float(np.mean(known)) if known else np.nan


def _ranked(values: np.ndarray) -> np.ndarray:
    """Ranks within each row, the largest value first."""
    return rankdata(-np.round(values / TIE), axis=1)


def _spread(values: np.ndarray, places: np.ndarray, n: int) -> np.ndarray:
    spread = np.full(n, np.nan)
    spread[places] = values
    return spread
