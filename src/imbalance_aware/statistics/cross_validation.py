"""Cross-validated data: pooled out-of-fold predictions, with repeats in the place of seeds.

Every repeat predicts every subject once. Its metric is computed on the pooled predictions, and the repeats take the
place of seeds; folds are no separate observations (a t-test over folds covers 54 to 84 %). Interval (2) then speaks of
these data and of training sets of this size; that other data would be trained on is only partly in it. For claims
about new training data interval (1) is widened, as Nadeau and Bengio 2003 (Mach. Learn. 52:239) widen the variance over
folds, written here for pooled predictions. No unbiased estimate exists (Bengio and Grandvalet 2004, JMLR 5:1089).
"""

from dataclasses import replace

import numpy as np

from imbalance_aware.statistics.influence import Measured
from imbalance_aware.statistics.intervals import Interval, half_width, interval
from imbalance_aware.statistics.variance import Parts


def widening(folds: int) -> float:
    """``sqrt(1 + F / (F - 1))`` for F folds: 1.5 for 5.

    Raises:
        ValueError: fewer than two folds.
    """
    if folds < 2:
        raise ValueError(f"{folds} folds: a cross-validation has at least 2")
    return float(np.sqrt(1 + folds / (folds - 1)))


def new_training_data_half_width(parts: Parts, folds: int, level: float = 0.95) -> float:
    """Half-width for a claim about new training data: that of (1), widened, or that of (2) if it is larger."""
    first, second = half_width(parts, level, procedure=False), half_width(parts, level)
    return float(np.fmax(widening(folds) * first, second))


def new_training_data_interval(
    parts: Parts, folds: int, level: float = 0.95, models: Interval | None = None
) -> Interval | None:
    """Interval for a claim about new training data; None where (1) cannot be estimated.

    Args:
        parts: of the value or difference, with repeats as replicates.
        folds: of each repeat.
        level: confidence.
        models: interval (1) of another kind, such as that of `proportions`; each side of it is widened.
    """
    first = models or interval(parts, level, procedure=False)
    if first is None:
        return None
    by = widening(folds)
    wide = Interval(parts.mean - by * (parts.mean - first.low), parts.mean + by * (first.high - parts.mean), level)
    second = interval(parts, level)
    return wide.union(second) if second else wide


def average_by_repeat(measured: Measured, repeats: tuple[str, ...]) -> Measured:
    """One replicate for each repeat: the mean over its seeds, of values and of influence.

    A repeat of a condition that lacks one of its seeds is missing, so that conditions are compared on the same seeds.

    Args:
        measured: one metric of all runs.
        repeats: the repeat of each replicate, S names.
    """
    names = tuple(dict.fromkeys(repeats))
    columns = [np.flatnonzero([repeat == name for repeat in repeats]) for name in names]
    design = measured.design
    return Measured(
        replace(design, replicates=names, replicate="repeat"),
        np.stack([measured.values[:, of].mean(axis=1) for of in columns], axis=1),
        np.stack([measured.influence[:, :, of].mean(axis=2) for of in columns], axis=2),
    )
