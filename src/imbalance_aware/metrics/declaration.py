"""Declaration of a metric: its name, its direction, and the functions that compute it.

A metric is of one of two kinds. One of the decisions (accuracy, F1, MCC) or of single probabilities (Brier score) is
taken over all subjects of a cross-validation at once. One that ranks subjects by their probabilities (AUROC) compares
them with each other; those of different folds come from different networks, whose probabilities have no common scale.
So it is computed within each fold and averaged over the folds in which it is defined, each fold counting alike.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

Direction = Literal["higher", "lower"]
#: A setting of a dataset that some metrics need: a field of `Context`.
Need = Literal["ordered", "prevalence", "costs"]


@dataclass(frozen=True)
class Context:
    """What is known of the classes beside their names; it comes from the dataset's settings.

    Attributes:
        ordered: whether the order of the labels is one of severity.
        prevalence: share of each class where the classifier would be used, length K, adding up to one; None if unknown.
        costs: of a decision, K rows (true class) of K numbers (predicted class); None if unknown.
    """

    ordered: bool = False
    prevalence: tuple[float, ...] | None = None
    costs: tuple[tuple[float, ...], ...] | None = None


#: A measure of one class: which subjects are of it, shape (n,), their scores, shape (n,), and weights, shape
#: (replicates, n), to its values, shape (replicates,), NaN where it is undefined.
Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
#: Nothing is known.
UNKNOWN = Context()


@dataclass(frozen=True)
class Outcome:
    """One set of predictions.

    Attributes:
        labels: true classes 0 … K-1, shape (n,).
        probabilities: shape (n, K), finite.
        fold: which fold's network they are from, shape (n,); None if all are from one network.
        context: what is known of the classes.
        decisions: the predicted classes, shape (n,), where a decision rule does not take the most probable one.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    fold: np.ndarray | None = None
    context: Context = UNKNOWN
    decisions: np.ndarray | None = None

    @cached_property
    def predicted(self) -> np.ndarray:
        """The predicted class of each subject, shape (n,): `decisions`, else the most probable, the first of equals."""
        return self.probabilities.argmax(axis=1) if self.decisions is None else self.decisions

    @property
    def n_classes(self) -> int:
        return self.probabilities.shape[1]

    @cached_property
    def confusion(self) -> np.ndarray:
        """Confusion matrix, shape (K, K), rows true, float."""
        cells = self.labels * self.n_classes + self.predicted
        return np.bincount(cells, minlength=self.n_classes**2).reshape(2 * (self.n_classes,)).astype(float)

    @cached_property
    def costs(self) -> np.ndarray:
        """Of the context, shape (K, K).

        Raises:
            ValueError: none are given.
        """
        if self.context.costs is None:
            raise ValueError("no costs are given")
        return np.array(self.context.costs)

    @cached_property
    def prevalence(self) -> np.ndarray:
        """Of the context, shape (K,).

        Raises:
            ValueError: none is given.
        """
        if self.context.prevalence is None:
            raise ValueError("no prevalence is given")
        return np.array(self.context.prevalence)

    @cached_property
    def fold_members(self) -> list[np.ndarray]:
        """Places of the subjects of each fold, folds in ascending order."""
        assert self.fold is not None
        return [np.flatnonzero(self.fold == number) for number in np.unique(self.fold)]

    def of(self, places: np.ndarray) -> "Outcome":
        """The predictions for some of the subjects, as those of one network."""
        decisions = None if self.decisions is None else self.decisions[places]
        return replace(
            self, labels=self.labels[places], probabilities=self.probabilities[places], fold=None, decisions=decisions
        )

    def one_against_rest(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Of each class: which subjects are of it, shape (n,), and their probabilities of it, shape (n,)."""
        return ((self.labels == label, scores) for label, scores in enumerate(self.probabilities.T))

    def by_fold(self) -> Iterator["Outcome"]:
        """The predictions of each fold."""
        return map(self.of, self.fold_members)


@dataclass(frozen=True)
class Resamples:
    """Replicates of one set of predictions, as weights of the subjects instead of copies.

    Attributes:
        outcome: the predictions for n subjects.
        counts: how often each replicate holds each subject, shape (replicates, n), float; any weights of at least 0.
    """

    outcome: Outcome
    counts: np.ndarray

    @classmethod
    def once(cls, outcome: Outcome) -> "Resamples":
        """The predictions themselves as the only replicate."""
        return cls(outcome, np.ones((1, len(outcome.labels))))

    @cached_property
    def total(self) -> np.ndarray:
        """Sum of the weights of each replicate, shape (replicates,)."""
        return self.counts.sum(axis=1)

    @cached_property
    def confusion(self) -> np.ndarray:
        """Confusion matrix of each replicate, shape (replicates, K, K), rows true."""
        classes = self.outcome.n_classes
        cells = self.outcome.labels * classes + self.outcome.predicted
        return (self.counts @ np.eye(classes**2)[cells]).reshape(-1, classes, classes)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Weighted mean over the subjects of ``values``, shape (n,), in each replicate, shape (replicates,)."""
        return ratio(self.counts @ values, self.total)

    def by_class(self, measure: Measure) -> np.ndarray:
        """``measure`` of each class against the rest, shape (replicates, K); computed once."""
        if measure not in self._by_class:
            sides = self.outcome.one_against_rest()
            self._by_class[measure] = np.stack([measure(*side, self.counts) for side in sides], axis=1)
        return self._by_class[measure]

    @cached_property
    def _by_class(self) -> dict[Measure, np.ndarray]:
        return {}

    @cached_property
    def folds(self) -> list["Resamples"]:
        """The replicates of each fold; a replicate may leave a fold without subjects."""
        members = self.outcome.fold_members
        return [
            Resamples(part, self.counts[:, places])
            for part, places in zip(self.outcome.by_fold(), members, strict=True)
        ]


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: key in ``metrics.json`` and value of the column ``metric`` in ``metrics.csv``; of a metric of one class,
            what comes before the class (``f1`` of ``f1_early``).
        label: name in tables and figures.
        better: which values are better, ``"higher"`` or ``"lower"``.
        function: the value for one `Outcome`; of a metric of one class, a list with the value of each class. None
            where the test set does not define it, such as where it lacks a class or has only one.
        resampled: the same for every replicate of `Resamples` at once, shape (replicates,), of a metric of one class
            (replicates, K), NaN where it is undefined; None if there is no such form. Metrics that have one can be
            given confidence intervals.
        per_class: whether there is one value for each class.
        ranks: whether it compares probabilities of different subjects, and so is computed within folds, see above.
        decides: whether it depends on the predicted classes alone, not on the probabilities.
        smooth: whether a small change of the weights changes it little. Where it does not, as with a quantile, the
            variance that the delete-one jackknife estimates is not that of the metric, however large the test set.
        needs: what the `Context` must know for it to exist.
        macro: whether it weighs all classes alike, or follows from all of them together, so that its values on test
            sets of which one lacks a class do not compare.
        compared: whether `statistics` gives the differences of conditions in it; only of metrics over all classes that
            have a form for replicates and need nothing.
        bounds: the smallest and the largest value that it can have.

    `of` and `of_resamples` are what others call: they take folds into account.

    Raises:
        ValueError: the direction is neither ``"higher"`` nor ``"lower"``.
    """

    name: str
    label: str
    better: Direction
    function: Callable[[Outcome], float | list[float | None] | None]
    resampled: Callable[[Resamples], np.ndarray] | None = None
    per_class: bool = False
    ranks: bool = False
    decides: bool = False
    smooth: bool = True
    needs: Need | None = None
    macro: bool = False
    compared: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        if self.better not in get_args(Direction):
            raise ValueError(f'{self.name}: better is "higher" or "lower", not {self.better!r}')

    def applies(self, context: Context) -> bool:
        """Whether ``context`` knows what the metric needs."""
        return self.needs is None or getattr(context, self.needs) not in (None, False)

    def of(self, outcome: Outcome) -> float | list[float | None] | None:
        """The value, as `function` gives it for one network; over several folds as the head of this module says."""
        if not self.ranks or outcome.fold is None:
            return self.function(outcome)
        values: list[Any] = [self.function(part) for part in outcome.by_fold()]
        return [*map(_mean_of_defined, zip(*values, strict=True))] if self.per_class else _mean_of_defined(values)

    def of_resamples(self, resamples: Resamples) -> np.ndarray:
        """`of` for every replicate, shape (replicates,) or (replicates, K), NaN where it is undefined.

        Raises:
            TypeError: the metric has no form for replicates.
        """
        if self.resampled is None:
            raise TypeError(f"{self.name} has no form for replicates")
        if not self.ranks or resamples.outcome.fold is None:
            return self.resampled(resamples)
        values = np.stack([self.resampled(part) for part in resamples.folds])
        defined = np.isfinite(values)
        with np.errstate(invalid="ignore"):
            return np.where(defined, values, 0).sum(axis=0) / defined.sum(axis=0)


def by_class(measure: Measure) -> Callable[[Resamples], np.ndarray]:
    """The form for replicates of a metric of each class, shape (replicates, K)."""
    return lambda resamples: resamples.by_class(measure)


def macro(measure: Measure) -> Callable[[Resamples], np.ndarray]:
    """The form for replicates of the mean over all classes, shape (replicates,); NaN where one is undefined."""
    return lambda resamples: resamples.by_class(measure).mean(axis=1)


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Their quotient, of the shape to which they broadcast; NaN where the denominator is not above 0."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0)


def _mean_of_defined(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None
