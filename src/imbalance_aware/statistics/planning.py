"""The smallest difference that a study can show: before the runs, and after them."""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri, stdtrit

from imbalance_aware.statistics.intervals import MANY, half_width, moves, standard_error
from imbalance_aware.statistics.variance import Parts


def detectable(parts: Parts, power: float = 0.8, procedure: bool = True) -> float:
    """Smallest true difference that a study with this variance would show with this power, after the runs.

    ``half-width + t(power) * SE``, of interval (2), or (1) without ``procedure``. It follows from the standard error,
    not from the difference found ("observed power" says nothing beyond the p-value). NaN where there is no interval.
    """
    if not moves(parts):
        return np.nan
    df = parts.df_V
    if procedure and parts.T > 0:
        df = parts.nu * (standard_error(parts) ** 2 / parts.T) ** 2
    width = half_width(parts, 0.95, procedure)
    return float(width + stdtrit(min(df, MANY), power) * standard_error(parts, procedure))


def planned_standard_error(
    class_images: Sequence[int] | np.ndarray,
    seeds: int,
    discordance: float | np.ndarray,
    agreement: float = 0.3,
    seed_sd: float = 0.01,
    images: float = 1.0,
    icc: float = 0.3,
) -> float:
    """Standard error of a difference in balanced accuracy of two conditions, before the runs.

        Var1 = sum_k d (1 + (m - 1) icc) / n_k / K^2,    Var = Var1 (r + (1 - r) / S) + sd^2 / S

    Args:
        class_images: test images of each class, n_k, shape (K,).
        seeds: S.
        discordance: d, share of images about which one of two runs is right and the other wrong, or of each class.
        agreement: r, correlation between seeds of the difference on an image.
        seed_sd: standard deviation over seeds of the difference between the conditions.
        images: m, of a patient.
        icc: correlation between images of a patient.
    """
    n = np.asarray(class_images, float)
    one = (discordance * (1 + (images - 1) * icc) / n).sum() / len(n) ** 2
    return float(np.sqrt(one * (agreement + (1 - agreement) / seeds) + seed_sd**2 / seeds))


def detectable_with(standard_error: float, power: float = 0.8, level: float = 0.95) -> float:
    """Smallest true difference that a study with this standard error shows with this power: 2.80 SE."""
    return float((ndtri((1 + level) / 2) + ndtri(power)) * standard_error)


def largest_standard_error_for_equivalence(relevant: float, power: float = 0.8) -> float:
    """Standard error up to which two equal conditions are found equivalent with this power.

    Two one-sided tests at 5 % (Schuirmann 1987): ``relevant / (z(0.95) + z((1 + power) / 2))``.
    """
    return float(relevant / (ndtri(0.95) + ndtri((1 + power) / 2)))


def discordance_by_class(labels: np.ndarray, correct_a: np.ndarray, correct_b: np.ndarray) -> np.ndarray:
    """Share of the images of each class about which one of two runs is right and the other wrong, shape (K,).

    Args:
        labels: true classes, shape (n,).
        correct_a: whether the runs of one condition are right, shape (n, S), bool.
        correct_b: the same of another, for the same replicates.
    """
    differ = (correct_a != correct_b).mean(axis=1)
    return np.bincount(labels, differ) / np.maximum(np.bincount(labels), 1)
