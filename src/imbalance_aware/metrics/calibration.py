"""Metrics of whether the probabilities are as frequent as they say: Brier score, log loss, calibration errors."""

import numpy as np

from imbalance_aware.metrics.declaration import Outcome, Resamples, ratio

#: Of the calibration error of the most probable class: bins of equal width.
ECE_BINS = 15
#: Of the calibration error of each class: bins of equal mass.
MASS_BINS = 10
#: Smallest probability in a logarithm, as in scikit-learn, so that one certain mistake is not infinitely bad.
SMALLEST = float(np.finfo(np.float64).eps)


def brier(outcome: Outcome) -> float:
    """Mean over subjects of the sum over classes of squared errors, in [0, 2] (Brier 1950)."""
    return float(_squared_errors(outcome).mean())


def log_loss(outcome: Outcome) -> float:
    """Mean over subjects of the negative logarithm of the probability of the true class, at least `SMALLEST`."""
    return float(_surprise(outcome).mean())


def expected_calibration_error(outcome: Outcome) -> float:
    """Mean gap between confidence and accuracy over `ECE_BINS` equal bins of confidence, weighted by their size.

    Guo et al. 2017, "On calibration of modern neural networks", equation 3; of the most probable class.
    """
    return float(resampled_calibration_error(Resamples.once(outcome))[0])


def calibration_error_by_class(outcome: Outcome) -> list[float | None]:
    """Mean gap between probability and frequency of each class over `MASS_BINS` bins of equal mass.

    Subjects are sorted by the probability of the class and cut into bins of n / `MASS_BINS` subjects; a subject at a
    cut, and subjects of equal probability, are shared between the bins in proportion. Nixon et al. 2019, "Measuring
    calibration in deep learning" (adaptive calibration error), with exact bins.
    """
    return Resamples.once(outcome).by_class(weighted_calibration_error)[0].tolist()


def calibration_error_macro(outcome: Outcome) -> float:
    """Mean of `calibration_error_by_class`."""
    return float(Resamples.once(outcome).by_class(weighted_calibration_error)[0].mean())


def bins_of_equal_mass(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean probability of a class, and share of subjects of it, in each of the bins of `calibration_error_by_class`.

    The mean over the bins of their distance is that error.

    Args:
        positive: whether a subject is of the class, shape (n,).
        scores: its probability of the class, shape (n,).

    Returns:
        Both shape (`MASS_BINS`,), from the lowest probabilities to the highest.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    last_of_equals = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    mass = (last_of_equals + 1.0)[None]
    cuts = np.linspace(0, 1, MASS_BINS + 1)[None] * len(scores)
    sums = (np.cumsum(values)[last_of_equals][None] for values in (ranked, positive[order]))
    probability, share = (np.diff(_interpolate(cuts, mass, up_to))[0] * MASS_BINS / len(scores) for up_to in sums)
    return probability, share


def resampled_brier(resamples: Resamples) -> np.ndarray:
    """`brier` of every replicate."""
    return resamples.mean(_squared_errors(resamples.outcome))


def resampled_log_loss(resamples: Resamples) -> np.ndarray:
    """`log_loss` of every replicate."""
    return resamples.mean(_surprise(resamples.outcome))


def resampled_calibration_error(resamples: Resamples) -> np.ndarray:
    """`expected_calibration_error` of every replicate."""
    outcome = resamples.outcome
    confidence = outcome.probabilities.max(axis=1)
    gaps = confidence - (outcome.probabilities.argmax(axis=1) == outcome.labels)
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    by_bin = resamples.counts @ (np.eye(ECE_BINS)[bins] * gaps[:, None])
    return ratio(np.abs(by_bin).sum(axis=1), resamples.total)


def weighted_calibration_error(positive: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean gap between probability and frequency of one class over bins of equal mass (a `Measure`).

    The gap of a bin is the difference, between its two cuts, of the sum of (probability - is of the class) up to a cut.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    last_of_equals = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    weights = counts[:, order]
    mass = np.cumsum(weights, axis=1)[:, last_of_equals]
    gap = np.cumsum(weights * (ranked - positive[order]), axis=1)[:, last_of_equals]
    total = mass[:, -1:]
    cuts = np.linspace(0, 1, MASS_BINS + 1) * total
    return ratio(np.abs(np.diff(_interpolate(cuts, mass, gap), axis=1)).sum(axis=1), total[:, 0])


def _interpolate(places: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Piecewise linear function of each row, from (0, 0) through the points (x, y), at ``places``; all (rows, …)."""
    origin = np.zeros((len(x), 1))
    x, y = np.hstack([origin, x]), np.hstack([origin, y])
    return np.stack([np.interp(*row) for row in zip(places, x, y, strict=True)])


def _squared_errors(outcome: Outcome) -> np.ndarray:
    """Sum over classes, shape (n,)."""
    one_hot = np.eye(outcome.n_classes)[outcome.labels]
    return ((outcome.probabilities - one_hot) ** 2).sum(axis=1)


def _surprise(outcome: Outcome) -> np.ndarray:
    """Shape (n,)."""
    chosen = outcome.probabilities[np.arange(len(outcome.labels)), outcome.labels]
    return -np.log(np.clip(chosen, SMALLEST, 1))
