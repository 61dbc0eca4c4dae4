"""Shared by `statistics` and `cohort_metrics`: values of runs, and the intervals that a metric has.

Metrics that jump are measured without the jackknife, which does not estimate their variance. Balanced accuracy and
recall have Wilson's interval, and metrics of one class other than recall depend on the patients of the other classes.
"""

from collections.abc import Mapping

import numpy as np

from imbalance_aware.metrics.declaration import Metric, Outcome
from imbalance_aware.statistics.design import MIN_PATIENTS, Design
from imbalance_aware.statistics.influence import Measured, measure
from imbalance_aware.statistics.intervals import Interval
from imbalance_aware.statistics.proportions import balanced_accuracy_interval, recall_interval

NOT_SMOOTH = "no interval: its value jumps when one patient is left out, so the jackknife does not hold"
#: Metrics with Wilson's interval.
BALANCED_ACCURACY, RECALL = "balanced_accuracy", "recall"


def measure_metrics(
    design: Design, outcomes: Mapping[tuple[str, str], Outcome], metrics: Mapping[str, Metric]
) -> dict[str, Measured]:
    """`imbalance_aware.statistics.influence.measure` of these metrics; the influence on those that jump is NaN."""
    forms = {name: metric.of_resamples for name, metric in metrics.items()}
    jumps = {name for name, metric in metrics.items() if not metric.smooth}
    with np.errstate(invalid="ignore", divide="ignore"):  # without one of its few patients a class may be absent
        return measure(design, outcomes, forms, jumps)


def wilson(design: Design, metric: Metric, label: int | None, correct: np.ndarray) -> Interval | None:
    """Interval (1) of a balanced accuracy or recall, also where no patient changes the value; None of other metrics.

    Args:
        design: the study.
        metric: any.
        label: the class of a metric of each class.
        correct: whether each run of a condition is right about each unit, shape (n, S), bool.
    """
    if metric.name == BALANCED_ACCURACY:
        return balanced_accuracy_interval(design, correct)
    return recall_interval(design, correct, label) if metric.name == RECALL and label is not None else None


def patients_of_others(design: Design, metric: Metric, label: int | None) -> int | None:
    """Patients with units of other classes that affect a metric of one class; None if it does not depend on them.

    False positives are of the other classes, so only a recall does not depend on them.
    """
    if label is None or metric.name == RECALL:
        return None
    return len(np.unique(design.groups[design.labels != label]))


def too_few_others(others: int | None) -> str:
    """Why `patients_of_others` leave no interval; empty if they are enough."""
    if others is None or others >= MIN_PATIENTS:
        return ""
    return f"not estimable: {others} patients of the other classes, fewer than {MIN_PATIENTS}"
