"""Metrics of the predicted classes: accuracy, balanced accuracy, F1, precision, recall, Matthews correlation.

The functions for one set of predictions are scikit-learn's. The resampled ones work on the confusion matrices of all
replicates at once.
"""

import warnings

import numpy as np

from imbalance_aware.metrics.declaration import Outcome, Resamples


def accuracy(outcome: Outcome) -> float:
    """Share of subjects whose class is predicted."""
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(outcome.labels, outcome.predicted))


def balanced_accuracy(outcome: Outcome) -> float:
    """Mean recall over the classes of the test set."""
    from sklearn.metrics import balanced_accuracy_score

    with warnings.catch_warnings():
        # A test set that lacks a class, or has only one, is legitimate; which metrics suffer is said in "undefined".
        warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
        warnings.filterwarnings("ignore", message="A single label was found")
        return float(balanced_accuracy_score(outcome.labels, outcome.predicted))


def f1_macro(outcome: Outcome) -> float:
    """Mean F1 over the classes that are true or predicted somewhere."""
    from sklearn.metrics import f1_score

    return float(f1_score(outcome.labels, outcome.predicted, average="macro", zero_division=0))


def mcc(outcome: Outcome) -> float:
    """Multi-class Matthews correlation R_K (Gorodkin 2004); 0 where one class is predicted or occurs alone."""
    from sklearn.metrics import matthews_corrcoef

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A single label was found")
        return float(matthews_corrcoef(outcome.labels, outcome.predicted))


def f1_by_class(outcome: Outcome) -> list[float | None]:
    """F1 of each class; None for a class that is neither true nor predicted."""
    _, _, f1, _ = _scores(outcome)
    return _where(_occurs(outcome) | _is_predicted(outcome), f1)


def precision_by_class(outcome: Outcome) -> list[float | None]:
    """Precision of each class, 0 if it is never predicted; None for a class that is neither true nor predicted."""
    precision, _, _, _ = _scores(outcome)
    return _where(_occurs(outcome) | _is_predicted(outcome), precision)


def recall_by_class(outcome: Outcome) -> list[float | None]:
    """Recall of each class; None for a class without test subjects."""
    _, recall, _, _ = _scores(outcome)
    return _where(_occurs(outcome), recall)


def resampled_balanced_accuracy(resamples: Resamples) -> np.ndarray:
    """`balanced_accuracy` of every replicate."""
    hits, true, _ = _counts(resamples.confusion)
    return _mean_ratio(hits, true)


def resampled_f1_macro(resamples: Resamples) -> np.ndarray:
    """`f1_macro` of every replicate."""
    hits, true, predicted = _counts(resamples.confusion)
    return _mean_ratio(2 * hits, true + predicted)


def resampled_mcc(resamples: Resamples) -> np.ndarray:
    """`mcc` of every replicate."""
    hits, true, predicted = _counts(resamples.confusion)
    total = resamples.confusion.sum(axis=(-2, -1))
    covariance = hits.sum(axis=-1) * total - (true * predicted).sum(axis=-1)
    spread = (total**2 - (true**2).sum(axis=-1)) * (total**2 - (predicted**2).sum(axis=-1))
    return np.divide(covariance, np.sqrt(spread), out=np.zeros_like(total), where=spread > 0)


def _scores(outcome: Outcome) -> tuple[np.ndarray, ...]:
    """Precision, recall, F1 and number of subjects of each class."""
    from sklearn.metrics import precision_recall_fscore_support

    classes = range(outcome.n_classes)
    return precision_recall_fscore_support(outcome.labels, outcome.predicted, labels=classes, zero_division=0)


def _occurs(outcome: Outcome) -> np.ndarray:
    return np.bincount(outcome.labels, minlength=outcome.n_classes) > 0


def _is_predicted(outcome: Outcome) -> np.ndarray:
    return np.bincount(outcome.predicted, minlength=outcome.n_classes) > 0


def _where(defined: np.ndarray, values: np.ndarray) -> list[float | None]:
    return [float(value) if has_value else None for has_value, value in zip(defined, values, strict=True)]


def _counts(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each class: subjects predicted right, subjects, and how often it is predicted; each (replicates, K)."""
    return np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1), confusion.sum(axis=-2)


def _mean_ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Mean over the last axis of the ratios that are defined."""
    defined = denominator > 0
    ratios = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=defined)
    return ratios.sum(axis=-1) / defined.sum(axis=-1)
