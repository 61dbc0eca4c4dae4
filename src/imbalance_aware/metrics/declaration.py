"""What a metric is: its name, its direction, and the functions that compute it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np

Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Outcome:
    """One set of predictions.

    Attributes:
        labels: true classes 0 … K-1, shape (n,).
        probabilities: shape (n, K), finite.
    """

    labels: np.ndarray
    probabilities: np.ndarray

    @cached_property
    def predicted(self) -> np.ndarray:
        """The most probable class of each subject, the first of equals, shape (n,)."""
        return self.probabilities.argmax(axis=1)

    @property
    def n_classes(self) -> int:
        return self.probabilities.shape[1]


@dataclass(frozen=True)
class Resamples:
    """Bootstrap replicates of one set of predictions, as counts instead of copies.

    Attributes:
        outcome: the predictions for n subjects.
        counts: how often each replicate holds each subject, shape (replicates, n), float.
    """

    outcome: Outcome
    counts: np.ndarray

    @cached_property
    def confusion(self) -> np.ndarray:
        """Confusion matrix of each replicate, shape (replicates, K, K), rows true."""
        classes = self.outcome.n_classes
        cells = self.outcome.labels * classes + self.outcome.predicted
        return (self.counts @ np.eye(classes**2)[cells]).reshape(-1, classes, classes)


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: key in ``metrics.json`` and value of the column ``metric`` in ``metrics.csv``; of a metric of one class,
            what comes before the class (``f1`` of ``f1_early``).
        label: name in tables and figures.
        better: which values are better, ``"higher"`` or ``"lower"``.
        function: the value for one `Outcome`; of a metric of one class, a list with the value of each class. None
            where the test set does not define it, which is where it lacks a class or has only one.
        resampled: the same for every replicate of `Resamples` at once, shape (replicates,), NaN where it is undefined;
            None if there is no such form. Metrics that have one are compared with confidence intervals.
        per_class: whether there is one value for each class.

    Raises:
        ValueError: the direction is neither ``"higher"`` nor ``"lower"``.
    """

    name: str
    label: str
    better: Direction
    function: Callable[[Outcome], float | list[float | None] | None]
    resampled: Callable[[Resamples], np.ndarray] | None = None
    per_class: bool = False

    def __post_init__(self) -> None:
        if self.better not in get_args(Direction):
            raise ValueError(f'{self.name}: better is "higher" or "lower", not {self.better!r}')
