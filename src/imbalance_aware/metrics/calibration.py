"""Metrics of whether the probabilities are as frequent as they say: Brier score, expected calibration error."""

import numpy as np

from imbalance_aware.metrics.declaration import Outcome

ECE_BINS = 15


def brier(outcome: Outcome) -> float:
    """Mean over subjects of the sum over classes of squared errors, in [0, 2] (Brier 1950)."""
    one_hot = np.eye(outcome.n_classes)[outcome.labels]
    return float(((outcome.probabilities - one_hot) ** 2).sum(axis=1).mean())


def expected_calibration_error(outcome: Outcome) -> float:
    """Mean gap between confidence and accuracy over `ECE_BINS` equal bins of confidence, weighted by their size.

    Guo et al. 2017, "On calibration of modern neural networks", equation 3; of the most probable class.
    """
    confidence = outcome.probabilities.max(axis=1)
    correct = outcome.predicted == outcome.labels
    place = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    gap = np.bincount(place, confidence, minlength=ECE_BINS) - np.bincount(place, correct, minlength=ECE_BINS)
    return float(np.abs(gap).sum() / len(outcome.labels))
