"""How much each patient moves a metric: the delete-one-patient jackknife, stratified by class.

With theta_(-g) the metric without patient g of class k, which has G_k patients,

    U_g = sqrt((G_k - 1) / G_k) * (mean over class k of theta_(-h)  -  theta_(-g)),

so that ``U.T @ U`` is the covariance matrix of the metric of all runs over test sets of other patients with as many of
each class (Efron and Stein 1981, "The jackknife estimate of variance"; stratified: Rao and Wu 1988, JASA 83:231). It
draws no random numbers, and holds for any smooth function of the weights of images. The metric without a patient is
its weighted form (`imbalance_aware.metrics.declaration.Resamples`) with weight 0 for all images of the patient.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from imbalance_aware.metrics.declaration import Outcome, Resamples
from imbalance_aware.statistics.design import Design

#: Weights held at a time: patients are worked through in blocks of so many numbers (16 MB).
BLOCK = 2_000_000

#: A metric of all replicates of `Resamples` at once: shape (replicates,), or (replicates, K) if it is of each class.
WeightedForm = Callable[[Resamples], np.ndarray]


@dataclass(frozen=True, eq=False)
class Measured:
    """One metric of every run, and how much each patient moves it.

    Attributes:
        design: the study.
        values: shape (C, S); NaN where there is no run, or the metric is undefined.
        influence: shape (G, C, S), as in the head of this module; NaN where there is no run, or no jackknife was taken.
        Of a metric of each class, both have one more axis of length K until `of_class` takes one.
    """

    design: Design
    values: np.ndarray
    influence: np.ndarray

    def of_class(self, label: int) -> "Measured":
        """The metric of one class."""
        return Measured(self.design, self.values[..., label], self.influence[..., label])

    @property
    def n_replicates(self) -> np.ndarray:
        """How many replicates each condition has, shape (C,)."""
        return np.isfinite(self.values).sum(axis=1)

    @property
    def means(self) -> np.ndarray:
        """The reported value of each condition, the mean over its replicates, shape (C,); NaN without any."""
        total = np.where(np.isfinite(self.values), self.values, 0.0).sum(axis=1)
        return np.where(self.n_replicates > 0, total / np.maximum(self.n_replicates, 1), np.nan)


def measure(
    design: Design,
    outcomes: Mapping[tuple[str, str], Outcome],
    forms: Mapping[str, WeightedForm],
    jumps: Collection[str] = (),
) -> dict[str, Measured]:
    """Values and influence of every run, for each metric.

    Args:
        design: the study.
        outcomes: predictions by (condition, replicate), for the images of the design in its order. Runs that diverged
            are left out; contrasts use the replicates that all their conditions have.
        forms: weighted form of each metric, by name.
        jumps: names of metrics that are no smooth function of the weights. The jackknife does not hold for them, so
            their influence is NaN.

    Raises:
        ValueError: an outcome of other images, or one with probabilities that are not finite.
    """
    for run, outcome in outcomes.items():
        if not np.array_equal(outcome.labels, design.labels):
            raise ValueError(f"{run}: images differ from those of the design")
        if not np.isfinite(outcome.probabilities).all():
            raise ValueError(f"{run}: probabilities that are not finite; leave out runs that diverged")
    places = [(design.conditions.index(c), design.replicates.index(s)) for c, s in outcomes]
    blocks: dict[str, list[np.ndarray]] = {name: [] for name in forms}
    needed = dict(forms)
    for weights in weights_without_each(design):
        # One run at a time: what a run's metrics share, such as its confusion matrices, is let go before the next.
        runs = [_values(Resamples(outcome, weights), needed) for outcome in outcomes.values()]
        for name in needed:
            blocks[name].append(np.stack([run[name] for run in runs], axis=1))
        needed = {name: form for name, form in forms.items() if name not in jumps}
    return {name: _on_grid(design, places, np.concatenate(parts)) for name, parts in blocks.items()}


def jackknife(design: Design, function: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Value and influence of any function of the weights of images.

    Args:
        design: the study; of it, patients and strata are used.
        function: weights, shape (replicates, n), to values, shape (replicates, …).

    Returns:
        theta, shape (…), and U, shape (G, …).
    """
    values = np.concatenate([function(weights) for weights in weights_without_each(design)])
    return values[0], stratified(values[1:], design.strata)


def weights_without_each(design: Design) -> Iterator[np.ndarray]:
    """Weights of images, shape (rows, n), in blocks: first one row of ones, then a row without each patient."""
    yield np.ones((1, len(design.labels)))
    rows = max(1, BLOCK // len(design.labels))
    for start in range(0, design.n_patients, rows):
        left_out = np.arange(start, min(start + rows, design.n_patients))
        yield (design.patient != left_out[:, None]).astype(float)


def stratified(without: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Influence U from the values without each patient; both of shape (G, …). The only patient of a stratum has 0."""
    influence = np.empty_like(without)
    for stratum in np.unique(strata):
        of = strata == stratum
        n = of.sum()
        influence[of] = (without[of].mean(axis=0) - without[of]) * np.sqrt((n - 1) / n) if n > 1 else 0.0
    return influence


def _values(resamples: Resamples, forms: Mapping[str, WeightedForm]) -> dict[str, np.ndarray]:
    return {name: form(resamples) for name, form in forms.items()}


def _on_grid(design: Design, places: list[tuple[int, int]], values: np.ndarray) -> Measured:
    """Values of runs, shape (1 + G, runs, …) or without influence (1, runs, …), put at condition and replicate."""
    trailing = values.shape[2:]
    grid = (len(design.conditions), len(design.replicates))
    theta = np.full((*grid, *trailing), np.nan)
    influence = np.full((design.n_patients, *grid, *trailing), np.nan)
    for column, (condition, replicate) in enumerate(places):
        theta[condition, replicate] = values[0, column]
        if len(values) > 1:
            influence[:, condition, replicate] = stratified(values[1:, column], design.strata)
    return Measured(design, theta, influence)
