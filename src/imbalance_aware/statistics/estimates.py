"""A value or a difference with all that is printed of it: both intervals, or why there is none, and the notes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imbalance_aware.statistics import notes
from imbalance_aware.statistics.cross_validation import new_training_data_interval
from imbalance_aware.statistics.design import MIN_PATIENTS
from imbalance_aware.statistics.influence import Measured
from imbalance_aware.statistics.intervals import Interval, half_width, interval, moves
from imbalance_aware.statistics.variance import Parts, difference_parts, value_parts


@dataclass(frozen=True)
class Estimate:
    """One value or difference.

    Attributes:
        parts: its mean and variance parts.
        models: interval (1), "these models".
        procedure: interval (2), "this procedure"; None with one replicate.
        new_training_data: the widened interval of cross-validated data; None of others.
        not_estimable: why there is no interval at all; empty if there is.
        notes: sentences to print beside it.
    """

    parts: Parts
    models: Interval | None
    procedure: Interval | None
    new_training_data: Interval | None
    not_estimable: str
    notes: tuple[str, ...]


def estimate_value(
    measured: Measured,
    condition: int,
    wilson: Interval | None = None,
    classes: Sequence[int] | None = None,
    folds: int | None = None,
    level: float = 0.95,
) -> Estimate:
    """The value of one condition.

    Args:
        measured: one metric of all runs.
        condition: its index.
        wilson: interval (1) of `proportions`, at the same level, of a recall or balanced accuracy. It takes the place
            of the t interval, and (2) is joined with it. It has a width where no patient changes the value, as with a
            recall of 1.
        classes: those that the metric depends on, such as the class of a recall; all of the test set by default.
        folds: F of cross-validated data, with repeats as replicates.
        level: confidence.
    """
    return _estimate(measured, value_parts(measured, condition), wilson, classes, folds, level)


def estimate_difference(
    measured: Measured,
    a: int,
    b: int,
    classes: Sequence[int] | None = None,
    folds: int | None = None,
    level: float = 0.95,
) -> Estimate:
    """The difference a minus b of two conditions; further arguments as of `estimate_value`."""
    return _estimate(measured, difference_parts(measured, a, b), None, classes, folds, level)


def estimate_contrast(
    measured: Measured, contrast: Parts, classes: Sequence[int] | None = None, folds: int | None = None
) -> Estimate:
    """Any contrast of conditions at 95 %, from its `variance.parts`; further arguments as of `estimate_value`."""
    return _estimate(measured, contrast, None, classes, folds, 0.95)


def _estimate(
    measured: Measured,
    parts: Parts,
    wilson: Interval | None,
    classes: Sequence[int] | None,
    folds: int | None,
    level: float,
) -> Estimate:
    reason = notes.not_estimable(measured.design, parts, classes)
    if wilson and parts.replicates and notes.fewest_patients(measured.design, classes) >= MIN_PATIENTS:
        reason = ""
    if reason:
        return Estimate(parts, None, None, None, reason, ())
    first, second = interval(parts, level, procedure=False), interval(parts, level)
    if wilson:
        first, second = wilson, _joined(parts, wilson)
    wide = new_training_data_interval(parts, folds, level, first) if folds else None
    said = notes.notes(measured.design, parts, classes, folds=folds is not None)
    return Estimate(parts, first, second, wide, "", tuple(said))


def _joined(parts: Parts, wilson: Interval) -> Interval | None:
    """Interval (2) of a value, no narrower than (1) to either side; None with one replicate."""
    width = half_width(parts, wilson.level) if moves(parts) else 0.0
    if parts.replicates < 2 or not np.isfinite(width):
        return None
    return Interval(parts.mean - width, parts.mean + width, wilson.level).union(wilson)
