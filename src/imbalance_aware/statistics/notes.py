"""Notes on intervals: what they cover, when they are approximate, and why an interval is missing."""

from collections.abc import Sequence

import numpy as np

from imbalance_aware.statistics.design import MIN_PATIENTS, Design
from imbalance_aware.statistics.intervals import moves
from imbalance_aware.statistics.variance import Parts

#: Below this number of patients in a class an interval is approximate.
FEW_PATIENTS = 12

ONE_REPLICATE = (
    "One {}: the interval covers other patients for these models. Whether retraining would give the same order "
    "is unknown."
)
SAME_TRAINING_DATA = "same training data"
FOLDS = (
    "Interval (2) is valid for these data and this training-set size; it includes the variance over training sets only "
    "in part, so the interval of a value is somewhat too narrow."
)


def fewest_patients(design: Design, classes: Sequence[int] | None) -> int:
    """Patients in the rarest of these classes; of those that the test set has, if none are given."""
    counts = design.class_patients[design.class_patients > 0] if classes is None else design.class_patients[classes]
    return int(counts.min())


def too_few_patients(design: Design, classes: Sequence[int] | None) -> str:
    """Why there is no interval if the rarest of these classes has too few patients; empty if it has enough."""
    fewest = fewest_patients(design, classes)
    return f"not estimable: a class has {fewest} patients, fewer than {MIN_PATIENTS}" if fewest < MIN_PATIENTS else ""


def not_estimable(design: Design, parts: Parts, classes: Sequence[int] | None = None) -> str:
    """Why there is no interval; empty if there is one.

    Args:
        design: the study.
        parts: of the value or difference.
        classes: those that the metric depends on, such as the class of a recall; all of the test set by default.
    """
    if parts.replicates == 0:
        return "not estimable: no replicate has all runs"
    if few := too_few_patients(design, classes):
        return few
    if np.isnan(parts.V):
        return "not estimable: the metric is undefined when some patient is left out"
    return "" if moves(parts) else "not estimable: no patient changes the value"


def notes(design: Design, parts: Parts, classes: Sequence[int] | None = None, folds: bool = False) -> list[str]:
    """Notes on the intervals of a value or difference; arguments as in `not_estimable`.

    Args:
        folds: whether the data are cross-validated, with repeats as replicates.
    """
    word = design.replicate
    found = [ONE_REPLICATE.format(word)] if parts.replicates == 1 else []
    if parts.replicates >= 2:
        found += [*_of_seeds(parts, word), FOLDS if folds else SAME_TRAINING_DATA]
    fewest = fewest_patients(design, classes)
    if MIN_PATIENTS <= fewest < FEW_PATIENTS:
        found.append(f"rare class ({fewest} patients): approximate")
    return found


def _of_seeds(parts: Parts, word: str) -> list[str]:
    """How well the variance over replicates is known, which are called ``word``."""
    n = parts.replicates
    if parts.supported_by and n < 5:
        average = f"the average of {parts.supported_by} conditions ({parts.nu:.0f} df)"
        return [f"{word.capitalize()} variance from {n} {word}s, supported by {average}"]
    if not parts.supported_by and n < 5:
        return [f"{n} {word}s only: the interval is wide because the {word} variance is poorly estimated."]
    return []
