"""All metrics of one set of predictions, from labels and probabilities alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from imbalance_aware.class_names import metric_of_class
from imbalance_aware.metrics.catalogue import METRICS, TEST_SUBJECTS, metric_names
from imbalance_aware.metrics.declaration import Outcome

#: Why a metric has no value though the test set has subjects of several classes and of each.
UNEXPLAINED = "undefined for these predictions"


def is_collapsed(labels: np.ndarray, predicted: np.ndarray) -> bool:
    """Whether all subjects get one class though there are several; both of shape (n,)."""
    return len(np.unique(predicted)) == 1 and len(np.unique(labels)) > 1


def classification_metrics(labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """All metrics of one set of predictions.

    Args:
        labels: true classes 0 … K-1, shape (n,).
        probabilities: shape (n, K), rows adding up to one. The predicted class is the most probable one, the first of
            equals.
        classes: K names in the order of the labels.

    Returns:
        ``n``, ``classes``, ``test_subjects`` (of each class), ``status``, one number for each of `metric_names`,
        ``confusion_matrix`` (rows: true class, columns: predicted) and ``undefined``, which says why a metric is None.

        ``status`` is ``diverged`` if a probability is not finite (then there are no metrics), ``collapsed`` if all
        subjects get one class though the test set has several, else ``ok``.
    """
    counts = np.bincount(labels, minlength=len(classes)).tolist()
    report = {
        "n": len(labels),
        "classes": list(classes),
        TEST_SUBJECTS: dict(zip(classes, counts, strict=True)),
    }
    broken = ~np.isfinite(probabilities).all(axis=1)
    if broken.any():
        reason = f"probabilities of {broken.sum()} of {len(labels)} subjects are not finite"
        names = metric_names(classes)
        return {
            **report,
            "status": "diverged",
            **dict.fromkeys(names),
            "confusion_matrix": None,
            "undefined": dict.fromkeys(names, reason),
        }

    from sklearn.metrics import confusion_matrix

    outcome = Outcome(labels, probabilities)
    values = _values(outcome, classes)
    return {
        **report,
        "status": "collapsed" if is_collapsed(labels, outcome.predicted) else "ok",
        **{name: values[name] for name in metric_names(classes)},
        "confusion_matrix": confusion_matrix(labels, outcome.predicted, labels=range(len(classes))).tolist(),
        "undefined": _undefined(values, counts, classes),
    }


def _values(outcome: Outcome, classes: Sequence[str]) -> dict[str, float | None]:
    """Value of each of `metric_names`."""
    values: dict[str, float | None] = {}
    for metric in METRICS.values():
        result = metric.function(outcome)
        if isinstance(result, list):
            values |= {metric_of_class(metric.name, of): value for of, value in zip(classes, result, strict=True)}
        else:
            values[metric.name] = result
    return values


def _undefined(values: dict[str, float | None], counts: Sequence[int], classes: Sequence[str]) -> dict[str, str]:
    """Why each metric without a value has none: first those of each class, then those over all classes.

    What leaves a metric undefined is a class that the test set lacks, or one that has all its subjects.
    """
    why = {of: _why(of, count, sum(counts)) for of, count in zip(classes, counts, strict=True)}
    names = {metric_of_class(name, of): of for of in classes for name, metric in METRICS.items() if metric.per_class}
    reasons = {name: why[of] or UNEXPLAINED for name, of in names.items() if values[name] is None}
    first = next((reason for reason in why.values() if reason), UNEXPLAINED)
    overall = [name for name, metric in METRICS.items() if not metric.per_class]
    return reasons | {name: first for name in overall if values[name] is None}


def _why(of: str, count: int, total: int) -> str:
    """What is wrong with the number of test subjects of a class; empty if nothing is."""
    if count == 0:
        return f"no test subject of class {of}"
    return f"all test subjects are of class {of}" if count == total else ""
