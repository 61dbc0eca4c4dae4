"""All metrics of one set of predictions, from labels and probabilities alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from imbalance_aware.class_names import metric_of_class
from imbalance_aware.metrics.catalogue import METRICS, TEST_SUBJECTS, metric_names, metrics_for
from imbalance_aware.metrics.declaration import UNKNOWN, Context, Outcome

#: Why a metric has no value though the test set has subjects of several classes and of each.
UNEXPLAINED = "undefined for these predictions"
#: The same for a metric within folds.
NO_FOLD = "no fold has test subjects of the classes that it compares"
#: What can become of a run.
DIVERGED, COLLAPSED, OK = "diverged", "collapsed", "ok"


def classification_metrics(
    labels: np.ndarray,
    probabilities: np.ndarray,
    classes: Sequence[str],
    fold: np.ndarray | None = None,
    context: Context = UNKNOWN,
) -> dict[str, Any]:
    """All metrics of one set of predictions whose most probable class, the first of equals, is the predicted one.

    Args:
        labels: true classes 0 … K-1, shape (n,).
        probabilities: shape (n, K), rows adding up to one.
        classes: K names in the order of the labels.
        fold: of a cross-validation, the fold that tested each subject, shape (n,).
        context: what is known of the classes.

    Returns:
        What `outcome_metrics` returns.
    """
    return outcome_metrics(Outcome(labels, probabilities, fold, context), classes)


def outcome_metrics(outcome: Outcome, classes: Sequence[str]) -> dict[str, Any]:
    """All metrics of one set of predictions.

    Args:
        outcome: the predictions, whose probabilities need not be finite. In a cross-validation, metrics that rank
            subjects are means over the folds that define them (see `imbalance_aware.metrics.declaration`), all others
            are taken over all subjects at once.
        classes: K names in the order of the labels.

    Returns:
        ``n``, ``classes``, ``test_subjects`` (of each class), ``status``, one number for each of `metric_names`,
        ``confusion_matrix`` (rows: true class, columns: predicted) and ``undefined``, which says why a metric is None;
        of a cross-validation also ``folds``: number, test subjects and status of each.

        ``status`` is ``diverged`` if a probability is not finite (then there are no metrics), ``collapsed`` if all
        subjects get one class though the test set has several, else ``ok``. A cross-validation is ``collapsed`` if
        each fold gives all its subjects one class; what its single folds are is in ``folds``.
    """
    labels, probabilities, fold = outcome.labels, outcome.probabilities, outcome.fold
    counts = np.bincount(labels, minlength=len(classes)).tolist()
    report = {
        "n": len(labels),
        "classes": list(classes),
        TEST_SUBJECTS: dict(zip(classes, counts, strict=True)),
    }
    folds = (
        [] if fold is None else [_of_fold(number, fold, labels, probabilities, classes) for number in np.unique(fold)]
    )
    report |= {"status": status_of(labels, probabilities, fold), **({"folds": folds} if folds else {})}
    if report["status"] == DIVERGED:
        broken = ~np.isfinite(probabilities).all(axis=1)
        reason = f"probabilities of {broken.sum()} of {len(labels)} subjects are not finite"
        names = metric_names(classes, outcome.context)
        return report | {
            **dict.fromkeys(names),
            "confusion_matrix": None,
            "undefined": dict.fromkeys(names, reason),
        }

    from sklearn.metrics import confusion_matrix

    values = _values(outcome, classes)
    return report | {
        **{name: values[name] for name in metric_names(classes, outcome.context)},
        "confusion_matrix": confusion_matrix(labels, outcome.predicted, labels=range(len(classes))).tolist(),
        "undefined": _undefined(values, counts, classes, UNEXPLAINED if fold is None else NO_FOLD),
    }


def status_of(labels: np.ndarray, probabilities: np.ndarray, fold: np.ndarray | None = None) -> str:
    """``diverged``, ``collapsed`` or ``ok``, see `classification_metrics`.

    A cross-validation of which one fold diverged has diverged: without those subjects it has no metrics.
    """
    if not np.isfinite(probabilities).all():
        return DIVERGED
    predicted = probabilities.argmax(axis=1)
    parts = [slice(None)] if fold is None else [fold == number for number in np.unique(fold)]
    constant = all(len(np.unique(predicted[part])) == 1 for part in parts)
    return COLLAPSED if constant and len(np.unique(labels)) > 1 else OK


def _of_fold(
    number: int, fold: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    """Number, status and test subjects of a fold."""
    members = fold == number
    counts = np.bincount(labels[members], minlength=len(classes)).tolist()
    return {
        "fold": int(number),
        "status": status_of(labels[members], probabilities[members]),
        TEST_SUBJECTS: dict(zip(classes, counts, strict=True)),
    }


def _values(outcome: Outcome, classes: Sequence[str]) -> dict[str, float | None]:
    """Value of each of `metric_names`."""
    values: dict[str, float | None] = {}
    for metric in metrics_for(outcome.context).values():
        result = metric.of(outcome)
        if isinstance(result, list):
            values |= {metric_of_class(metric.name, of): value for of, value in zip(classes, result, strict=True)}
        else:
            values[metric.name] = result
    return values


def _undefined(
    values: dict[str, float | None], counts: Sequence[int], classes: Sequence[str], unexplained: str
) -> dict[str, str]:
    """Why each metric without a value has none: first those of each class, then those over all classes.

    What leaves a metric undefined is a class that the test set lacks, or one that has all its subjects.
    """
    why = {of: _why(of, count, sum(counts)) for of, count in zip(classes, counts, strict=True)}
    names = {metric_of_class(name, of): of for of in classes for name, metric in METRICS.items() if metric.per_class}
    undefined = {name for name, value in values.items() if value is None}
    reasons = {name: why[of] or unexplained for name, of in names.items() if name in undefined}
    first = next((reason for reason in why.values() if reason), unexplained)
    overall = [name for name, metric in METRICS.items() if not metric.per_class]
    return reasons | {name: first for name in overall if name in undefined}


def _why(of: str, count: int, total: int) -> str:
    """What is wrong with the number of test subjects of a class; empty if nothing is."""
    if count == 0:
        return f"no test subject of class {of}"
    return f"all test subjects are of class {of}" if count == total else ""
