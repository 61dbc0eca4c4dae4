"""Random splits into training and test: stratified by class, and never through the middle of a patient.

Both depend on the identifiers and the seed alone, not on the order of the rows.
"""

import hashlib

import numpy as np
import pandas as pd

from imbalance_aware.errors import UserError

#: A grouped split is searched from the largest group first and from random orders: many for few groups, where a search
#: may get stuck, and none for thousands, where it does not.
MOST_RESTARTS = 15
RESTARTS_TIMES_GROUPS = 3000
#: Below this gain in squared relative deviation the search ends (1e-8: a hundredth of a percent of a class).
LEAST_GAIN = 1e-8


def stratified_split(subjects: pd.Series, classes: pd.Series, test_fraction: float, seed: int) -> pd.Series:
    """Split subjects so that each class has ``test_fraction`` of its members in the test set.

    The test set has ``round(test_fraction * n)`` subjects; each class contributes its exact share rounded up
    or down (largest remainders are rounded up), at least one and never all. Within a class, subjects are
    ranked by a hash of seed and identifier: a subject added later moves few of the others.

    Args:
        subjects: unique identifiers.
        classes: class of each, same index.

    Returns:
        "train" or "test" for each row, same index.

    Raises:
        UserError: a class has fewer than two subjects.
    """
    counts = classes.value_counts().sort_index()
    for name, count in counts.items():
        if count < 2:
            raise UserError(
                f'class "{name}" has {count} usable sample: it cannot be in both training and test. '
                "Add samples of it, remove the class, or give the split in the table."
            )
    in_test = _apportion(counts, test_fraction)
    keys = subjects.map(lambda subject: _rank_key(seed, subject))
    rank = keys.groupby(classes).rank(method="first")
    return (rank <= classes.map(in_test)).map({True: "test", False: "train"})


def _apportion(counts: pd.Series, fraction: float) -> pd.Series:
    """Whole numbers of test samples per class by largest remainder, at least 1 and at most all but one."""
    shares = counts * fraction
    whole = np.floor(shares).astype(int)
    missing = round(fraction * counts.sum()) - whole.sum()
    largest = (shares - whole).sort_values(ascending=False, kind="stable").index[:missing]
    whole[largest] += 1
    return whole.clip(lower=1, upper=counts - 1)


def _rank_key(seed: int, identifier: str) -> float:
    digest = hashlib.sha256(f"{seed}:{identifier}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def grouped_split(groups: pd.Series, classes: pd.Series, test_fraction: float, seed: int) -> pd.Series:
    """Split whole groups (patients) so that the classes' shares in the test set are as near to the fraction
    as found.

    Minimises the sum over classes of squared relative deviations, ((n_test_c - f n_c) / n_c)^2, by moving and
    swapping groups from several starts; a class that would be missing on one side costs more than any
    deviation.

    Args:
        groups: group of each sample.
        classes: class of each, same index. A group may hold several classes.

    Returns:
        "train" or "test" for each row, same index.

    Raises:
        UserError: a class stands in one group only.
    """
    counts = pd.crosstab(groups, classes)
    for name in counts.columns:
        if (counts[name] > 0).sum() < 2:
            raise UserError(
                f'class "{name}" stands in one group only ("{counts.index[counts[name] > 0][0]}"): a grouped split '
                "cannot have it in both training and test. Add groups of it or remove the class."
            )
    keys = pd.Series(counts.index, index=counts.index).map(lambda group: _rank_key(seed, group))
    table = counts.loc[keys.sort_values().index]
    chosen = _choose_groups(table.to_numpy(float), test_fraction, np.random.default_rng(seed))
    in_test = pd.Series(chosen, index=table.index)
    return groups.map(in_test).map({True: "test", False: "train"})


def _choose_groups(counts: np.ndarray, fraction: float, generator: np.random.Generator) -> np.ndarray:
    """Boolean over groups (G, K counts): which go to the test set."""
    largest_first = np.argsort(-counts.sum(axis=1), kind="stable")
    restarts = min(MOST_RESTARTS, RESTARTS_TIMES_GROUPS // len(counts))
    orders = [largest_first, *(generator.permutation(len(counts)) for _ in range(restarts))]
    found = [_improve(counts, fraction, _greedy(counts, fraction, order)) for order in orders]
    return min(found, key=lambda chosen: _cost(chosen.astype(float) @ counts, counts, fraction))


def _cost(in_test: np.ndarray, counts: np.ndarray, fraction: float) -> np.ndarray:
    """Cost of class counts in the test set, shape (..., K) -> (...)."""
    totals = counts.sum(axis=0)
    deviation = (((in_test - fraction * totals) / totals) ** 2).sum(axis=-1)
    one_sided = ((in_test < 0.5) | (in_test > totals - 0.5)).sum(axis=-1)
    return deviation + 2.0 * counts.shape[1] * one_sided


def _greedy(counts: np.ndarray, fraction: float, order: np.ndarray) -> np.ndarray:
    """Take groups in ``order`` as long as each brings the test set nearer to its target."""
    chosen = np.zeros(len(counts), bool)
    current = np.zeros(counts.shape[1])
    for group in order:
        if _cost(current + counts[group], counts, fraction) < _cost(current, counts, fraction):
            chosen[group], current = True, current + counts[group]
    return chosen


def _improve(counts: np.ndarray, fraction: float, chosen: np.ndarray) -> np.ndarray:
    """Move one group, or swap two of different make-up, while that lowers the cost."""
    chosen = chosen.copy()
    kinds, kind_of = np.unique(counts, axis=0, return_inverse=True)
    kind_of = kind_of.reshape(-1)
    current = chosen.astype(float) @ counts
    while True:
        # Groups of the same make-up are interchangeable, so only one of each kind and side is tried.
        outside = np.unique(kind_of[~chosen])
        inside = np.unique(kind_of[chosen])
        changes = np.concatenate(
            [
                kinds[outside],
                -kinds[inside],
                (kinds[outside][:, None] - kinds[inside][None]).reshape(-1, counts.shape[1]),
            ]
        )
        costs = _cost(current + changes, counts, fraction)
        best = int(costs.argmin())
        if costs[best] >= _cost(current, counts, fraction) - LEAST_GAIN:
            return chosen
        enter, leave = _decode(best, outside, inside)
        if enter is not None:
            chosen[np.flatnonzero((kind_of == enter) & ~chosen)[0]] = True
        if leave is not None:
            chosen[np.flatnonzero((kind_of == leave) & chosen)[0]] = False
        current = chosen.astype(float) @ counts


def _decode(change: int, outside: np.ndarray, inside: np.ndarray) -> tuple[int | None, int | None]:
    """Which kind enters and which leaves the test set in the ``change``-th of the listed changes."""
    if change < len(outside):
        return int(outside[change]), None
    change -= len(outside)
    if change < len(inside):
        return None, int(inside[change])
    enter, leave = divmod(change - len(inside), len(inside))
    return int(outside[enter]), int(inside[leave])
