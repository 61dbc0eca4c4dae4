"""How alike two images are."""

import numpy as np

BINS = 16
#: Share of intensities clamped at both ends before they are binned.
TAILS = 0.01


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Dice coefficient of two masks: 2 |A ∩ B| / (|A| + |B|); 0 if both are empty."""
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / total if total else 0.0


def normalised_mutual_information(one: np.ndarray, other: np.ndarray) -> float:
    """(H(A) + H(B)) / H(A, B) of paired values: 1 if independent, 2 if one determines the other.

    Studholme et al. 1999 (doi:10.1016/S0031-3203(98)00091-0), over 16 bins per image between its 1st and 99th
    percentile.

    Args:
        one: values, any shape.
        other: values at the same places.
    """
    joint = np.bincount(_bins(one) * BINS + _bins(other), minlength=BINS * BINS).reshape(BINS, BINS)
    both = _entropy(joint.ravel())
    return (_entropy(joint.sum(axis=0)) + _entropy(joint.sum(axis=1))) / both if both > 0 else 1.0


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation of paired values."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def _bins(values: np.ndarray) -> np.ndarray:
    low, high = np.quantile(values, [TAILS, 1 - TAILS])
    scaled = (values.ravel() - low) / max(high - low, 1e-12)
    return np.clip(scaled * BINS, 0, BINS - 1).astype(np.int64)


def _entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
