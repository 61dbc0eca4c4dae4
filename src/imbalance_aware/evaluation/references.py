"""Reference classifiers without images: majority class and random classes. Every model should outperform both.

Both know the class shares of the training set and nothing else, so both give every subject these shares as
probabilities, and metrics of probabilities and of ranks are the same for both. They differ in what they decide:

- **majority class**: the most frequent class of the training set, for everyone;
- **prior-random**: a class drawn with these shares, for each subject on its own. Its metrics are expected values. Those
  that are linear in the confusion matrix (accuracy, recall, specificity, costs, …) are exact as the metric of the
  expected confusion matrix; so are MCC and kappa, which are 0: given how often each class is drawn, the expected
  covariance of true and drawn classes is 0. F1 and precision are exact as sums over how often a class is drawn. For PPV
  and NPV, and for F1 and precision where shares differ between folds, or macro F1 where the test set lacks a class,
  the metric of the expected confusion matrix is used instead; it differs from the expected value by an order of 1/n.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from imbalance_aware.class_names import metric_of_class
from imbalance_aware.metrics.catalogue import metrics_for
from imbalance_aware.metrics.declaration import Outcome, Resamples

MAJORITY_CLASS, PRIOR_RANDOM = "majority_class", "prior_random"

#: Value of a metric, of one of each class a list.
Value = float | list[float | None] | None


def reference_metrics(
    outcome: Outcome, class_counts: Sequence[int] | Mapping[int, Sequence[int]], classes: Sequence[str]
) -> dict[str, dict[str, float | None]]:
    """Metrics of both references, by name, as a run's report spells them (``f1_<class>`` and so on).

    Args:
        outcome: predictions of any run for the test set; its labels, folds and context are used.
        class_counts: training samples of each class, length K; of a cross-validation, of each fold.
        classes: K names in the order of the labels.
    """
    shares = class_shares(outcome, class_counts)
    values = {MAJORITY_CLASS: majority_class(outcome, shares), PRIOR_RANDOM: prior_random(outcome, shares)}
    return {reference: _named(found, classes) for reference, found in values.items()}


def class_shares(outcome: Outcome, class_counts: Sequence[int] | Mapping[int, Sequence[int]]) -> np.ndarray:
    """Share of each class in the training set that each subject's model had, shape (n, K)."""
    if not isinstance(class_counts, Mapping):
        counts = np.tile(np.asarray(class_counts, dtype=float), (len(outcome.labels), 1))
    else:
        assert outcome.fold is not None
        counts = np.array([class_counts[int(number)] for number in outcome.fold], dtype=float)
    return counts / counts.sum(axis=1, keepdims=True)


def majority_class(outcome: Outcome, shares: np.ndarray) -> dict[str, Value]:
    """Every metric of the outcome whose probabilities are ``shares``, shape (n, K); of equals the first is decided."""
    constant = replace(outcome, probabilities=shares, decisions=None)
    return {name: metric.of(constant) for name, metric in metrics_for(outcome.context).items()}


def prior_random(outcome: Outcome, shares: np.ndarray) -> dict[str, Value]:
    """Expected value of every metric if classes are drawn with ``shares``, shape (n, K); see the head of the module."""
    n, classes = shares.shape
    drawn = Resamples(
        Outcome(
            np.repeat(outcome.labels, classes),
            np.repeat(shares, classes, axis=0),
            context=outcome.context,
            decisions=np.tile(np.arange(classes), n),
        ),
        shares.reshape(1, -1),
    )
    values = majority_class(outcome, shares)
    for name, metric in metrics_for(outcome.context).items():
        if metric.decides and metric.resampled is not None:
            values[name] = _plain(metric.resampled(drawn)[0])
    if (shares == shares[0]).all():
        values |= _exact(np.bincount(outcome.labels, minlength=classes), shares[0])
    return values


def _exact(true: np.ndarray, shares: np.ndarray) -> dict[str, Value]:
    """Expected F1 and precision by class, and macro F1.

    A class with t of n subjects is drawn m times, m binomial; of these, t m / n hits are expected. So F1, 2 hits /
    (t + m), has the expected value sum over m of P(m) 2 (t m / n) / (t + m), and precision, 0 if m = 0, has
    t / n (1 - P(0)).

    Args:
        true: subjects of each class, shape (K,).
        shares: with which each class is drawn, shape (K,).
    """
    n = int(true.sum())
    times = np.arange(n + 1)
    f1: list[float | None] = []
    precision: list[float | None] = []
    for count, share in zip(true.tolist(), shares.tolist(), strict=True):
        chance = _binomial(n, share)
        hits = count * times / n
        occurs = count + times > 0
        defined = bool(count or share)
        f1.append(
            float((chance * np.divide(2 * hits, count + times, out=0 * hits, where=occurs)).sum()) if defined else None
        )
        precision.append(float(count / n * (1 - chance[0])) if defined else None)
    exact: dict[str, Value] = {"f1": f1, "precision": precision}
    return exact | ({"f1_macro": float(np.mean([value or 0.0 for value in f1]))} if (true > 0).all() else {})


def _binomial(n: int, share: float) -> np.ndarray:
    """Probability of 0 … n successes, shape (n + 1,)."""
    if share in (0.0, 1.0):
        return np.eye(n + 1)[n if share else 0]
    factorials = np.r_[0.0, np.cumsum(np.log(np.arange(1, n + 1)))]
    times = np.arange(n + 1)
    ways = factorials[n] - factorials[times] - factorials[n - times]
    return np.exp(ways + times * np.log(share) + (n - times) * np.log1p(-share))


def _plain(values: np.ndarray) -> Value:
    plain = [float(value) if np.isfinite(value) else None for value in np.atleast_1d(values)]
    return plain if values.ndim else plain[0]


def _named(values: Mapping[str, Value], classes: Sequence[str]) -> dict[str, float | None]:
    named: dict[str, float | None] = {}
    for name, value in values.items():
        if isinstance(value, list):
            named |= {metric_of_class(name, of): each for of, each in zip(classes, value, strict=True)}
        else:
            named[name] = value
    return named
