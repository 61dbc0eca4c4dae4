"""Net benefit of calling a subject positive above a threshold: decision curves (Vickers and Elkin 2006)."""

import numpy as np

from imbalance_aware.metrics.declaration import ratio


def net_benefit(
    positive: np.ndarray,
    probabilities: np.ndarray,
    thresholds: np.ndarray,
    prevalence: float | None = None,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Net benefit at each threshold t of calling those with a probability of at least t positive.

    prevalence · sensitivity - (1 - prevalence) · (1 - specificity) · t / (1 - t), in units of true positives per
    subject: a false positive costs t / (1 - t) of what a true positive brings. With the test set's own prevalence it is
    (true positives - false positives · t / (1 - t)) / n. Calling nobody positive has net benefit 0.

    Args:
        positive: whether a subject is of the class, shape (n,), bool.
        probabilities: of the class, shape (n,).
        thresholds: shape (T,), each at least 0 and below 1.
        prevalence: share of the class where the classifier would be used; None: that of the (weighted) test set.
        weights: of the subjects, shape (replicates, n); None: each counts once.

    Returns:
        Shape (T,), with ``weights`` (replicates, T); NaN where there are no positives or no negatives.

    Raises:
        ValueError: a threshold outside [0, 1).
    """
    if ((thresholds < 0) | (thresholds >= 1)).any():
        raise ValueError("thresholds of a decision curve are at least 0 and below 1")
    counts = np.ones((1, len(positive))) if weights is None else weights
    called = (probabilities[:, None] >= thresholds).astype(float)
    sensitivity = ratio((counts * positive) @ called, (counts * positive).sum(axis=1, keepdims=True))
    false_positive_rate = ratio((counts * ~positive) @ called, (counts * ~positive).sum(axis=1, keepdims=True))
    share = ratio((counts * positive).sum(axis=1, keepdims=True), counts.sum(axis=1, keepdims=True))
    share = share if prevalence is None else np.full_like(share, prevalence)
    benefit = share * sensitivity - (1 - share) * false_positive_rate * thresholds / (1 - thresholds)
    return benefit[0] if weights is None else benefit


def net_benefit_of_all(prevalence: float, thresholds: np.ndarray) -> np.ndarray:
    """Net benefit of calling everyone positive, at each threshold, shape (T,)."""
    return prevalence - (1 - prevalence) * thresholds / (1 - thresholds)
