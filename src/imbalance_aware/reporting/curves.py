"""Curves of one class against the rest, and what several of them have in common: their mean and their range.

A curve is a polyline whose x never falls; where it jumps, two points share an x. Curves are averaged at each x of any
of them ("vertical averaging", Fawcett 2006, "An introduction to ROC analysis"), before and after each jump, so that the
area under the mean curve is the mean of the areas.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from imbalance_aware.metrics.calibration import bins_of_equal_mass
from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.metrics.ranking import passed

#: More places than this are replaced by evenly spaced ones: they could not be told apart in print.
MOST_PLACES = 1000


@dataclass(frozen=True, eq=False)
class Curve:
    """Points of a polyline, both shape (points,); ``x`` never falls."""

    x: np.ndarray
    y: np.ndarray

    @property
    def area(self) -> float:
        """Under the polyline."""
        return float((np.diff(self.x) * (self.y[1:] + self.y[:-1]) / 2).sum())

    def at(self, places: np.ndarray) -> np.ndarray:
        """Value before and after a jump at each place, shape (places, 2); the same two where there is no jump."""
        first = np.searchsorted(self.x, places, side="left").clip(max=len(self.x) - 1)
        last = (np.searchsorted(self.x, places, side="right") - 1).clip(min=0)
        on_a_point = self.x[first] == places
        between = np.interp(places, self.x, self.y)
        return np.stack([np.where(on_a_point, self.y[place], between) for place in (first, last)], axis=1)


@dataclass(frozen=True, eq=False)
class Band:
    """The mean of several curves and the range that they cover, all shape (points,)."""

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


#: From which subjects are of the class, shape (n,), and their probabilities of it, shape (n,), to a curve.
Make = Callable[[np.ndarray, np.ndarray], Curve]


def roc(positive: np.ndarray, scores: np.ndarray) -> Curve:
    """Sensitivity over the share of false positives; equal scores are joined by a straight line."""
    at = passed(positive, scores, np.ones((1, len(scores))))
    return Curve(
        np.r_[0, at.negatives[0] / at.all_negatives[0]],
        np.r_[0, at.positives[0] / at.all_positives[0]],
    )


def precision_recall(positive: np.ndarray, scores: np.ndarray) -> Curve:
    """Precision over sensitivity, in steps as average precision counts them, which is the area.

    Up to the sensitivity that a threshold reaches, the precision is that at the threshold.
    """
    at = passed(positive, scores, np.ones((1, len(scores))))
    adds = np.diff(at.positives[0], prepend=0) > 0
    recall = at.positives[0][adds] / at.all_positives[0]
    precision = (at.positives[0] / (at.positives[0] + at.negatives[0]))[adds]
    return Curve(np.r_[0, np.repeat(recall, 2)[:-1]], np.repeat(precision, 2))


def of_class(outcome: Outcome, label: int, make: Make) -> Curve | None:
    """The curve of one run; of several folds the mean of their curves, as the metrics of ranks are averaged.

    None where the class, or the rest, has no subject; such folds do not count.
    """
    parts = [outcome] if outcome.fold is None else [*outcome.by_fold()]
    pairs = [(part.labels == label, part.probabilities[:, label]) for part in parts]
    found = [make(is_of, scores) for is_of, scores in pairs if 0 < is_of.sum() < len(is_of)]
    if not found:
        return None
    band = band_of(found)
    return Curve(band.x, band.mean)


def band_of(curves: Sequence[Curve]) -> Band:
    """Mean, smallest and largest value at every place where one of the curves has a point."""
    places = np.unique(np.concatenate([curve.x for curve in curves]))
    if len(places) > MOST_PLACES:
        places = np.linspace(places[0], places[-1], MOST_PLACES)
    values = np.stack([curve.at(places).ravel() for curve in curves])
    return Band(np.repeat(places, 2), values.mean(axis=0), values.min(axis=0), values.max(axis=0))


def mean_of_runs(outcomes: Sequence[Outcome], label: int, make: Make) -> Band | None:
    """The curves of the runs of a condition; None where the class, or the rest, has no subject.

    The area under the mean is the mean of the metric (AUROC or average precision of the class).
    """
    found = [curve for outcome in outcomes if (curve := of_class(outcome, label, make)) is not None]
    return band_of(found) if found else None


def reliability(outcomes: Sequence[Outcome], label: int) -> Band | None:
    """Share of a class over its mean probability, in bins of equal mass; bin by bin over several runs.

    The metric "calibration error" is the mean over the bins of the distance from the diagonal, of each run. None
    without test subjects of the class, or of the others.
    """
    is_of = outcomes[0].labels == label
    if not 0 < is_of.sum() < len(is_of):
        return None
    bins = [bins_of_equal_mass(outcome.labels == label, outcome.probabilities[:, label]) for outcome in outcomes]
    probability, share = (np.stack(values) for values in zip(*bins, strict=True))
    return Band(probability.mean(axis=0), share.mean(axis=0), share.min(axis=0), share.max(axis=0))
