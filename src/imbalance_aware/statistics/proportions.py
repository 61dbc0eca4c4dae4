"""Interval (1) of recalls and of balanced accuracy: Wilson by class, joined by MOVER.

Near a recall of 1 the t interval fails: it covers 50 % with 5 patients and all recalls 0.95. Wilson's interval (1927)
for the recall p of a class takes an effective number of patients N in the place of the number of trials,

    N = max(G_k, p (1 - p) / v),    v = G_k / (G_k - 1) * sum_g (hits_g - size_g p)^2 / (sum_g size_g)^2,

with G_k patients of size_g images each, of which hits_g are predicted right on average over seeds. MOVER (Newcombe
1998; Zou and Donner 2008, Stat. Med. 27:1693) joins the lower distances p_k - l_k of the K classes to that of their
mean,

    low = mean - sqrt(sum_jk r_jk (p_j - l_j) (p_k - l_k)) / K,

and the upper ones likewise; r_jk is the correlation of two recalls, which is 0 unless patients have images of both.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from imbalance_aware.statistics.design import Design
from imbalance_aware.statistics.intervals import Interval


@dataclass(frozen=True)
class _Recall:
    """Recall p of one class, its interval, and what each patient adds to its error, shape (G,)."""

    p: float
    low: float
    high: float
    residual: np.ndarray


def recall_interval(design: Design, correct: np.ndarray, label: int, level: float = 0.95) -> Interval | None:
    """Interval (1) of the recall of one class; None if the test set lacks the class.

    Args:
        design: the study.
        correct: whether each run of a condition is right about each image, shape (n, S), bool or 0/1.
        label: the class.
        level: confidence.
    """
    if not (design.labels == label).any():
        return None
    recall = _recall(design, correct, label, level)
    return Interval(recall.low, recall.high, level)


def balanced_accuracy_interval(design: Design, correct: np.ndarray, level: float = 0.95) -> Interval:
    """Interval (1) of the balanced accuracy of one condition, over the classes that the test set has.

    Args:
        design: the study.
        correct: as for `recall_interval`.
        level: confidence.
    """
    recalls = [_recall(design, correct, label, level) for label in np.flatnonzero(design.class_patients).tolist()]
    p, low, high = (np.array([getattr(recall, name) for recall in recalls]) for name in ("p", "low", "high"))
    r = _correlation(np.array([recall.residual for recall in recalls]))
    below, above = (np.sqrt(max(side @ r @ side, 0.0)) / len(p) for side in (p - low, high - p))
    return Interval(float(p.mean() - below), float(p.mean() + above), level)


def _recall(design: Design, correct: np.ndarray, label: int, level: float) -> _Recall:
    inside = design.labels == label
    size = np.bincount(design.patient[inside], minlength=design.n_patients)
    hits = np.bincount(design.patient[inside], correct[inside].mean(axis=1), minlength=design.n_patients)
    patients = int((size > 0).sum())
    p = hits.sum() / size.sum()
    residual = hits - size * p
    v = patients / max(patients - 1, 1) * (residual**2).sum() / size.sum() ** 2
    effective = max(p * (1 - p) / v, patients) if v > 0 and 0 < p < 1 else patients
    q = ndtri((1 + level) / 2)
    scale = 1 + q * q / effective
    centre = (p + q * q / (2 * effective)) / scale
    half = q * np.sqrt(p * (1 - p) / effective + (q / (2 * effective)) ** 2) / scale
    return _Recall(float(p), float(centre - half), float(centre + half), residual)


def _correlation(residuals: np.ndarray) -> np.ndarray:
    """Correlation of the sums of rows, shape (K, K), from residuals of shape (K, G); 0 where one has no spread."""
    covariance = residuals @ residuals.T
    spread = np.sqrt(np.diag(covariance))
    scale = np.outer(spread, spread)
    r = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0)
    np.fill_diagonal(r, 1.0)
    return r
