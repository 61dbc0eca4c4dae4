"""Metrics of the predicted classes: accuracy, F1, precision, recall, specificity, predictive values, kappa, costs.

Where scikit-learn has the metric, the function for one set of predictions is scikit-learn's. The resampled ones work on
the confusion matrices of all replicates at once.
"""

import warnings

import numpy as np

from imbalance_aware.metrics.declaration import Outcome, Resamples, ratio

#: What a share of all subjects may miss zero by: rounding of weights that are not whole.
ROUNDING = 1e-12


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


def specificity_by_class(outcome: Outcome) -> list[float | None]:
    """Share of the subjects of other classes that are not predicted to be of a class; None where there are none."""
    return _listed(_specificities(outcome.confusion))


def specificity_macro(outcome: Outcome) -> float | None:
    """Mean of `specificity_by_class` over the classes that have one; None where none has, as with one class."""
    return _number(_mean_of_finite(_specificities(outcome.confusion)))


def quadratic_kappa(outcome: Outcome) -> float | None:
    """Cohen's kappa with weights that grow with the squared distance of the classes (Cohen 1968).

    1 - sum w o / sum w e, with w = (true - predicted)^2, o the confusion matrix and e what its margins give if true and
    predicted classes are independent. None where one class is all that is true and predicted.
    """
    return _number(_quadratic_kappa(outcome.confusion))


def expected_cost(outcome: Outcome) -> float:
    """Mean over subjects of the cost of the predicted class, given the true one."""
    return float(outcome.costs[outcome.labels, outcome.predicted].mean())


def accuracy_at_prevalence(outcome: Outcome) -> float | None:
    """Accuracy where the classes are as frequent as the context says: sum of prevalence times recall.

    None where the test set lacks a class that is said to occur.
    """
    return _number(_accuracy_at(_rates(outcome.confusion), outcome.prevalence))


def ppv_by_class(outcome: Outcome) -> list[float | None]:
    """Positive predictive value of each class at the prevalence of the context.

    Of subjects that are predicted to be of the class, the share that are: by Bayes' theorem from how often each true
    class gets the prediction. None for a class that is never predicted, and where the test set lacks a class that is
    said to occur.
    """
    return _listed(_ppv(_rates(outcome.confusion), outcome.prevalence))


def npv_by_class(outcome: Outcome) -> list[float | None]:
    """Negative predictive value of each class at the prevalence of the context.

    Of subjects that are predicted to be of another class, the share that are not of this one. None where all are
    predicted to be of the class, and where the test set lacks a class that is said to occur.
    """
    return _listed(_npv(_rates(outcome.confusion), outcome.prevalence))


def resampled_accuracy(resamples: Resamples) -> np.ndarray:
    """`accuracy` of every replicate."""
    hits, _, _ = _counts(resamples.confusion)
    return ratio(hits.sum(axis=-1), resamples.total)


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
    left, right = (total**2 - (side**2).sum(axis=-1) for side in (true, predicted))
    both = np.minimum(left, right) > ROUNDING * total**2
    return np.divide(covariance, np.sqrt(left * right, where=both, out=np.ones_like(total)), out=0 * total, where=both)


def resampled_f1_by_class(resamples: Resamples) -> np.ndarray:
    """`f1_by_class` of every replicate."""
    hits, true, predicted = _counts(resamples.confusion)
    return ratio(2 * hits, true + predicted)


def resampled_precision_by_class(resamples: Resamples) -> np.ndarray:
    """`precision_by_class` of every replicate."""
    hits, true, predicted = _counts(resamples.confusion)
    return np.where((true > 0) & (predicted == 0), 0.0, ratio(hits, predicted))


def resampled_recall_by_class(resamples: Resamples) -> np.ndarray:
    """`recall_by_class` of every replicate."""
    hits, true, _ = _counts(resamples.confusion)
    return ratio(hits, true)


def resampled_specificity_by_class(resamples: Resamples) -> np.ndarray:
    """`specificity_by_class` of every replicate."""
    return _specificities(resamples.confusion)


def resampled_specificity_macro(resamples: Resamples) -> np.ndarray:
    """`specificity_macro` of every replicate."""
    return _mean_of_finite(_specificities(resamples.confusion))


def resampled_quadratic_kappa(resamples: Resamples) -> np.ndarray:
    """`quadratic_kappa` of every replicate."""
    return _quadratic_kappa(resamples.confusion)


def resampled_expected_cost(resamples: Resamples) -> np.ndarray:
    """`expected_cost` of every replicate."""
    return ratio((resamples.confusion * resamples.outcome.costs).sum(axis=(-2, -1)), resamples.total)


def resampled_accuracy_at_prevalence(resamples: Resamples) -> np.ndarray:
    """`accuracy_at_prevalence` of every replicate."""
    return _accuracy_at(_rates(resamples.confusion), resamples.outcome.prevalence)


def resampled_ppv_by_class(resamples: Resamples) -> np.ndarray:
    """`ppv_by_class` of every replicate."""
    return _ppv(_rates(resamples.confusion), resamples.outcome.prevalence)


def resampled_npv_by_class(resamples: Resamples) -> np.ndarray:
    """`npv_by_class` of every replicate."""
    return _npv(_rates(resamples.confusion), resamples.outcome.prevalence)


def _specificities(confusion: np.ndarray) -> np.ndarray:
    """Shape (…, K); NaN where all subjects are of the class."""
    hits, true, predicted = _counts(confusion)
    others = true.sum(axis=-1, keepdims=True) - true
    return ratio(others - (predicted - hits), others)


def _quadratic_kappa(confusion: np.ndarray) -> np.ndarray:
    """Shape (…,); NaN where the margins leave no disagreement."""
    _, true, predicted = _counts(confusion)
    grades = np.arange(confusion.shape[-1])
    weights = (grades[:, None] - grades) ** 2.0
    observed = (weights * confusion).sum(axis=(-2, -1)) * true.sum(axis=-1)
    return 1 - ratio(observed, (weights * true[..., :, None] * predicted[..., None, :]).sum(axis=(-2, -1)))


def _rates(confusion: np.ndarray) -> np.ndarray:
    """How often each true class (rows) gets each prediction, shape (…, K, K); NaN for a class without subjects."""
    return ratio(confusion, confusion.sum(axis=-1, keepdims=True))


def _accuracy_at(rates: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Shape (…,); classes that do not occur need no subjects."""
    occurs = prevalence > 0
    return (np.diagonal(rates, axis1=-2, axis2=-1)[..., occurs] * prevalence[occurs]).sum(axis=-1)


def _ppv(rates: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Shape (…, K)."""
    joint = _joint(rates, prevalence)
    return ratio(np.diagonal(joint, axis1=-2, axis2=-1), joint.sum(axis=-2))


def _npv(rates: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Shape (…, K)."""
    others = 1 - np.eye(len(prevalence))
    elsewhere = _joint(rates, prevalence) @ others  # of each true class (rows), predicted to be of another than k
    return ratio((elsewhere * others).sum(axis=-2), elsewhere.sum(axis=-2))


def _joint(rates: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Confusion matrix as shares of all, at the prevalence; classes that do not occur need no subjects."""
    shares = prevalence[:, None]
    return np.where(shares > 0, rates * shares, 0.0)


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
    return _mean_of_finite(ratio(numerator, denominator))


def _mean_of_finite(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of the numbers that are finite; NaN without any."""
    finite = np.isfinite(values)
    return ratio(np.where(finite, values, 0).sum(axis=-1), finite.sum(axis=-1))


def _listed(values: np.ndarray) -> list[float | None]:
    return [_number(value) for value in values]


def _number(value: np.ndarray) -> float | None:
    return float(value) if np.isfinite(value) else None
