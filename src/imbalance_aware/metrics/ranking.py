"""Metrics of how the probabilities rank the subjects: the area under the ROC curve, each class against the rest."""

import numpy as np

from imbalance_aware.metrics.declaration import Outcome, Resamples


def auroc_by_class(outcome: Outcome) -> list[float | None]:
    """Area under the ROC curve of each class against the rest; None where one of the two sides is empty."""
    from sklearn.metrics import roc_auc_score

    labels = outcome.labels
    return [
        float(roc_auc_score(labels == index, scores)) if 0 < (labels == index).sum() < len(labels) else None
        for index, scores in enumerate(outcome.probabilities.T)
    ]


def auroc_macro(outcome: Outcome) -> float | None:
    """Mean of `auroc_by_class`; None where one of them is undefined."""
    areas = [area for area in auroc_by_class(outcome) if area is not None]
    return float(np.mean(areas)) if len(areas) == outcome.n_classes else None


def resampled_auroc_macro(resamples: Resamples) -> np.ndarray:
    """`auroc_macro` of every replicate."""
    labels, probabilities = resamples.outcome.labels, resamples.outcome.probabilities
    areas = [
        weighted_auroc(labels == label, probabilities[:, label], resamples.counts)
        for label in range(resamples.outcome.n_classes)
    ]
    return np.mean(areas, axis=0)


def weighted_auroc(positive: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Share of (positive, negative) pairs in which the positive scores higher, ties counting half.

    Args:
        positive: shape (n,).
        scores: shape (n,).
        counts: times that each subject counts, shape (replicates, n).

    Returns:
        Shape (replicates,); NaN without positives or negatives.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    first_of_equals = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    counts, positive = counts[:, order], positive[order]
    positives = np.add.reduceat(counts * positive, first_of_equals, axis=1)
    negatives = np.add.reduceat(counts * ~positive, first_of_equals, axis=1)
    below = negatives.cumsum(axis=1) - negatives / 2
    with np.errstate(invalid="ignore"):
        return (positives * below).sum(axis=1) / (positives.sum(axis=1) * negatives.sum(axis=1))
