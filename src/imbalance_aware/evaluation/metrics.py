"""Metrics of a classifier on imbalanced classes, from labels and probabilities alone.

scikit-learn defines every metric it has: balanced accuracy is the mean recall over the classes of the test set, macro
F1 the mean over the classes that are true or predicted somewhere, MCC the multi-class coefficient R_K (Gorodkin 2004).
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from imbalance_aware.class_names import metric_of_class

ECE_BINS = 15
OVERALL = ("accuracy", "balanced_accuracy", "f1_macro", "auroc_macro", "mcc", "brier", "ece")
PER_CLASS = ("f1", "precision", "recall", "auroc")


def metric_names(classes: Sequence[str]) -> list[str]:
    """Names of all metrics: the overall ones, then ``f1_<class>`` and so on, as `metric_of_class` spells them."""
    return [*OVERALL, *(metric_of_class(metric, name) for metric in PER_CLASS for name in classes)]


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

        ``brier`` is the mean over subjects of the sum over classes of squared errors, in [0, 2] (Brier 1950); ``ece``
        the expected calibration error of the most probable class in 15 bins of equal width (Guo et al. 2017).
    """
    counts = np.bincount(labels, minlength=len(classes)).tolist()
    report = {
        "n": len(labels),
        "classes": list(classes),
        "test_subjects": dict(zip(classes, counts, strict=True)),
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

    predicted = probabilities.argmax(axis=1)
    values = {**_overall(labels, predicted, probabilities), **_per_class(labels, predicted, probabilities, classes)}
    return {
        **report,
        "status": "collapsed" if is_collapsed(labels, predicted) else "ok",
        **{name: values[name] for name in metric_names(classes)},
        "confusion_matrix": confusion_matrix(labels, predicted, labels=range(len(classes))).tolist(),
        "undefined": _undefined(labels, predicted, classes),
    }


def _overall(labels: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    from sklearn import metrics

    with warnings.catch_warnings():
        # A test set that lacks a class, or has only one, is legitimate; which metrics suffer is said in "undefined".
        warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
        warnings.filterwarnings("ignore", message="A single label was found")
        balanced_accuracy = metrics.balanced_accuracy_score(labels, predicted)
        mcc = metrics.matthews_corrcoef(labels, predicted)
    aurocs = _auroc(labels, probabilities)
    one_hot = np.eye(probabilities.shape[1])[labels]
    return {
        "accuracy": float(metrics.accuracy_score(labels, predicted)),
        "balanced_accuracy": float(balanced_accuracy),
        "f1_macro": float(metrics.f1_score(labels, predicted, average="macro", zero_division=0)),
        "auroc_macro": None if None in aurocs else float(np.mean(aurocs)),
        "mcc": float(mcc),
        "brier": float(((probabilities - one_hot) ** 2).sum(axis=1).mean()),
        "ece": expected_calibration_error(labels, probabilities),
    }


def _per_class(
    labels: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]
) -> dict[str, float | None]:
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=range(len(classes)), zero_division=0
    )
    values: dict[str, float | None] = {}
    for index, (name, auroc) in enumerate(zip(classes, _auroc(labels, probabilities), strict=True)):
        is_true, is_predicted = support[index] > 0, (predicted == index).any()
        values[metric_of_class("f1", name)] = float(f1[index]) if is_true or is_predicted else None
        values[metric_of_class("precision", name)] = float(precision[index]) if is_true or is_predicted else None
        values[metric_of_class("recall", name)] = float(recall[index]) if is_true else None
        values[metric_of_class("auroc", name)] = auroc
    return values


def _auroc(labels: np.ndarray, probabilities: np.ndarray) -> list[float | None]:
    """Area under the ROC curve of each class against the rest; None where one of the two sides is empty."""
    from sklearn.metrics import roc_auc_score

    return [
        float(roc_auc_score(labels == index, scores)) if 0 < (labels == index).sum() < len(labels) else None
        for index, scores in enumerate(probabilities.T)
    ]


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = ECE_BINS) -> float:
    """Mean gap between confidence and accuracy over ``bins`` equal bins of confidence, weighted by their size.

    Guo et al. 2017, "On calibration of modern neural networks", equation 3.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(place, weights=confidence, minlength=bins) - np.bincount(place, correct, minlength=bins)
    return float(np.abs(gap).sum() / len(labels))


def _undefined(labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for index, name in enumerate(classes):
        count = (labels == index).sum()
        if count == 0:
            absent = f"no test subject of class {name}"
            never = ("f1", "precision") if not (predicted == index).any() else ()
            reasons |= {metric_of_class(metric, name): absent for metric in (*never, "recall", "auroc")}
        elif count == len(labels):
            reasons[metric_of_class("auroc", name)] = f"all test subjects are of class {name}"
    first = next((reason for metric, reason in reasons.items() if metric.startswith("auroc_")), None)
    return reasons | ({"auroc_macro": first} if first else {})
