"""Metrics of how the probabilities rank the subjects, each class against the rest: areas and points of the curves.

Their rows in the catalogue say ``ranks=True``, so that subjects are ranked against those of their own fold only.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from imbalance_aware.metrics.declaration import Measure, Outcome, Resamples, ratio

#: The rate that is held in "sensitivity at 90 % specificity", and in the reverse.
HELD = 0.9
#: By how much a rate may miss `HELD` and count as reaching it: rounding of weights.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Passed:
    """What passes each threshold, from the highest to the lowest that a subject has; equal scores pass together.

    Attributes:
        positives: weight of the subjects of the class at or above each threshold, shape (replicates, thresholds).
        negatives: the same of the others.
    """

    positives: np.ndarray
    negatives: np.ndarray

    @property
    def all_positives(self) -> np.ndarray:
        """Weight of all subjects of the class, shape (replicates,)."""
        return self.positives[:, -1]

    @property
    def all_negatives(self) -> np.ndarray:
        """The same of the others."""
        return self.negatives[:, -1]

    def where_defined(self, values: np.ndarray) -> np.ndarray:
        """``values``, shape (replicates,); NaN without positives or negatives."""
        return np.where((self.all_positives > 0) & (self.all_negatives > 0), values, np.nan)


def auroc_by_class(outcome: Outcome) -> list[float | None]:
    """Area under the ROC curve of each class against the rest; None where one of the two sides is empty."""
    from sklearn.metrics import roc_auc_score

    return _of_scores(roc_auc_score, outcome)


def auroc_macro(outcome: Outcome) -> float | None:
    """Mean of `auroc_by_class`; None where one of them is undefined."""
    return _mean_of_all(auroc_by_class(outcome))


def average_precision_by_class(outcome: Outcome) -> list[float | None]:
    """Average precision of each class against the rest; None where one of the two sides is empty.

    Sum over the thresholds, from the highest score, of the precision there times the recall that it adds.
    """
    from sklearn.metrics import average_precision_score

    return _of_scores(average_precision_score, outcome)


def average_precision_macro(outcome: Outcome) -> float | None:
    """Mean of `average_precision_by_class`; None where one of them is undefined."""
    return _mean_of_all(average_precision_by_class(outcome))


def sensitivity_by_class(outcome: Outcome) -> list[float | None]:
    """Largest sensitivity for each class of the thresholds with a specificity of at least `HELD`.

    Subjects at or above a threshold are called positive. None where the class, or the rest, has no subject.
    """
    return _of_one(weighted_sensitivity, outcome)


def sensitivity_macro(outcome: Outcome) -> float | None:
    """Mean of `sensitivity_by_class`; None where one of them is undefined."""
    return _mean_of_all(sensitivity_by_class(outcome))


def specificity_by_class(outcome: Outcome) -> list[float | None]:
    """Largest specificity for each class of the thresholds with a sensitivity of at least `HELD`, as above."""
    return _of_one(weighted_specificity, outcome)


def specificity_macro(outcome: Outcome) -> float | None:
    """Mean of `specificity_by_class`; None where one of them is undefined."""
    return _mean_of_all(specificity_by_class(outcome))


def passed(positive: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> Passed:
    """What passes each threshold.

    Args:
        positive: whether a subject is of the class, shape (n,).
        scores: shape (n,).
        counts: weights of the subjects, shape (replicates, n).
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last_of_equals = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    counts, positive = counts[:, order], positive[order]
    return Passed(
        *(np.cumsum(counts * side, axis=1)[:, last_of_equals] for side in (positive, ~positive)),
    )


def weighted_auroc(positive: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Share of (positive, negative) pairs in which the positive scores higher, ties counting half (a `Measure`)."""
    at = passed(positive, scores, counts)
    area = (
        np.diff(at.negatives, axis=1, prepend=0) * (at.positives - np.diff(at.positives, axis=1, prepend=0) / 2)
    ).sum(axis=1)
    return ratio(area, at.all_positives * at.all_negatives)


def weighted_average_precision(positive: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sum of precision times added recall over the thresholds (a `Measure`)."""
    at = passed(positive, scores, counts)
    total = at.positives + at.negatives
    precision = np.divide(at.positives, total, out=np.zeros_like(total), where=total > 0)
    added = np.diff(at.positives, axis=1, prepend=0)
    return at.where_defined(ratio((precision * added).sum(axis=1), at.all_positives))


def weighted_sensitivity(positive: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Largest sensitivity with a specificity of at least `HELD` (a `Measure`)."""
    at = passed(positive, scores, counts)
    allowed = at.negatives <= (1 - HELD + ROUNDING) * at.all_negatives[:, None]
    return at.where_defined(ratio(np.where(allowed, at.positives, 0).max(axis=1), at.all_positives))


def weighted_specificity(positive: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Largest specificity with a sensitivity of at least `HELD` (a `Measure`)."""
    at = passed(positive, scores, counts)
    allowed = at.positives >= (HELD - ROUNDING) * at.all_positives[:, None]
    false = np.where(allowed, at.negatives, np.inf).min(axis=1)
    return at.where_defined(1 - ratio(false, at.all_negatives))


def _of_scores(score: Callable[[np.ndarray, np.ndarray], float], outcome: Outcome) -> list[float | None]:
    """What scikit-learn's ``score`` gives for each class; None where the class, or the rest, has no subject."""
    return [
        float(score(is_of, scores)) if 0 < is_of.sum() < len(is_of) else None
        for is_of, scores in outcome.one_against_rest()
    ]


def _of_one(measure: Measure, outcome: Outcome) -> list[float | None]:
    """Values of the predictions themselves."""
    values = Resamples.once(outcome).by_class(measure)[0]
    return [float(value) if np.isfinite(value) else None for value in values]


def _mean_of_all(values: list[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if len(defined) == len(values) else None
