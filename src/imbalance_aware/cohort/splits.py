"""Random splits, stratified by class, that keep the images of a patient together.

They depend only on the identifiers and the seed, not on the order of the rows.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from operator import itemgetter

import numpy as np
import pandas as pd

from imbalance_aware.errors import UserError

#: A grouped split is drawn several times and the best is kept: many times for few groups, where the search for a better
#: one may get stuck, and once for thousands, where it does not.
MOST_STARTS = 16
STARTS_TIMES_GROUPS = 3000
#: What a squared relative deviation in groups costs, if one in samples costs 1. Small, since the start has the right
#: number of groups, from which the search then departs only where samples gain by it.
WEIGHT_OF_GROUPS = 0.1
#: Cost of a class that a part lacks, times the number of classes: more than all deviations together.
LACKING = 4.0
#: Share of all samples above which a group counts as large.
LARGE = 0.03
#: Below this gain in squared relative deviation the search ends (1e-6: a tenth of a percent of a class).
LEAST_GAIN = 1e-6
#: Kinds of groups of a part that are tried at a time, which bounds time and memory where all groups differ.
MOST_KINDS = 300
#: Decimal digits to which costs are compared.
DIGITS = 12


def stratified_split(units: pd.Series, classes: pd.Series, test_fraction: float, seed: int) -> pd.Series:
    """Split samples so that each class has ``test_fraction`` of its members in the test set.

    The test set has ``round(test_fraction * n)`` samples; each class contributes its exact share rounded up
    or down (largest remainders are rounded up), at least one and never all. Within a class, samples are
    ranked by a hash of seed and identifier: a sample added later moves few of the others. Samples that share an
    identifier (equal pixels) go to one side by that hash, and the others make up the shares; where they are too few
    for that, `grouped_split` takes over.

    Args:
        units: identifier of each sample; samples with the same one stay together.
        classes: class of each, same index.

    Returns:
        "train" or "test" for each row, same index.

    Raises:
        UserError: a class has fewer than two identifiers.
    """
    counts = classes.value_counts().sort_index()
    for name, count in counts.items():
        if count < 2:
            raise UserError(
                f'class "{name}" has {count} usable sample: it cannot be in both training and test. '
                "Add samples of it, remove the class, or give the split in the table."
            )
        if units[classes == name].nunique() < 2:
            raise UserError(
                f'the {count} usable samples of class "{name}" have the same pixels: they cannot be in both training '
                "and test. Add samples of it, remove the class, or give the split in the table."
            )
    keys = units.map(lambda unit: _rank_key(seed, unit))
    joined = units.duplicated(keep=False)
    in_test = joined & (keys < test_fraction)
    missing = _apportion(counts, test_fraction) - in_test.groupby(classes).sum()
    alone = (~joined).groupby(classes).sum()
    if ((missing < 0) | (missing > alone)).any():
        return grouped_split(units, classes, test_fraction, seed)
    rank = keys.where(~joined).groupby(classes).rank(method="first")
    return (in_test | (rank <= classes.map(missing))).map({True: "test", False: "train"})


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
    """Split whole groups (patients) at random: each class has near to ``test_fraction`` of its samples, and of its
    groups, in the test set.

    See `draw_parts` for how, and for what holds of a group's chance.

    Args:
        groups: group of each sample.
        classes: class of each, same index. A group may hold several classes.

    Returns:
        "train" or "test" for each row, same index.

    Raises:
        UserError: a class is in one group only.
    """
    counts = pd.crosstab(groups, classes)
    for name in counts.columns:
        if (counts[name] > 0).sum() < 2:
            raise UserError(
                f'class "{name}" is in one group only ("{counts.index[counts[name] > 0][0]}"): a grouped split '
                "cannot have it in both training and test. Add groups of it or remove the class."
            )
    parts = draw_parts(groups, classes, (1 - test_fraction, test_fraction), seed)
    return parts.map({0: "train", 1: "test"})


def draw_parts(groups: pd.Series, classes: pd.Series, shares: Sequence[float], seed: int) -> pd.Series:
    """Distribute whole groups at random over parts: training and test, or k folds of ``1 / k`` each.

    A start in which every group has the same chance (`_draw`) is improved by moving and swapping groups
    (`_improve`); of several starts, the best is kept. What is minimised is the sum, over parts j and quantities q, of
    ``((q_j - shares_j q) / q)^2``, where the quantities are the samples of each class, the groups that hold each
    class, and all groups; the latter two count `WEIGHT_OF_GROUPS`. A class that a part lacks costs more than any such
    deviation. Few groups change place after the start, so that the chance of a group hardly depends on its number of
    samples, unless a class leaves no choice: one group that holds most of a class goes to the largest part. Where the
    search ends with a part that lacks a class, it starts once more from an exact solution, if there is one
    (`parts_with_every_class`).

    Args:
        groups: group of each sample.
        classes: class of each, same index. A group may hold several classes.
        shares: of the parts; they sum to 1.
        seed: of the draw. The result does not depend on the order of the rows.

    Returns:
        Number of the part, counted from 0, for each row, same index.
    """
    counts = pd.crosstab(groups, classes)
    keys = pd.Series(counts.index, index=counts.index).map(lambda group: _rank_key(seed, group))
    counts = counts.loc[keys.sort_values().index]
    generator = np.random.default_rng(seed)
    task = _Task.of(counts.to_numpy(np.int64), shares)
    starts = range(max(1, min(MOST_STARTS, STARTS_TIMES_GROUPS // len(counts))))
    found = [_improve(_draw(counts.to_numpy(np.int64), task.shares, generator), task, generator) for _ in starts]
    best = min(found, key=lambda parts: round(task.total_cost(parts), DIGITS))
    if task.lacks_a_class(best):
        complete = parts_with_every_class(counts.to_numpy(np.int64), len(shares))
        if complete is not None:
            best = _search(complete, np.ones(len(task.quantities), bool), task, generator)
    return groups.map(pd.Series(best, index=counts.index))


def parts_with_every_class(counts: np.ndarray, parts: int) -> np.ndarray | None:
    """Some distribution of whole groups over parts such that each part has every class, if there is one.

    An integer programme over the kinds of groups, told apart by the classes that they hold: ``x[kind, part]`` groups
    of a kind go to a part, each part has at least one group that holds each class. Solved exactly (HiGHS).

    Args:
        counts: samples of each class in each group, shape (G, K).
        parts: their number.

    Returns:
        Part of each group, shape (G,); None if no distribution has every class in every part.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    held = counts > 0
    if (held.sum(axis=0) < parts).any():
        return None
    kinds, kind_of, sizes = np.unique(held, axis=0, return_inverse=True, return_counts=True)
    kind_of = kind_of.reshape(-1)
    whole = np.kron(np.eye(len(kinds)), np.ones(parts))
    present = np.vstack([np.kron(kinds.T, row) for row in np.eye(parts)]).astype(float)
    solution = milp(
        np.zeros(len(kinds) * parts),
        constraints=[LinearConstraint(whole, sizes, sizes), LinearConstraint(present, 1, np.inf)],
        integrality=1,
        bounds=Bounds(0, np.repeat(sizes, parts)),
    )
    if solution.x is None:
        return None
    found = np.empty(len(counts), int)
    for kind, numbers in enumerate(solution.x.round().astype(int).reshape(len(kinds), parts)):
        found[kind_of == kind] = np.repeat(np.arange(parts), numbers)
    return found


@dataclass(frozen=True)
class _Task:
    """What is to be distributed. Groups with the same number of samples of each class are of one kind.

    Attributes:
        quantities: of a group of each kind (N, Q): samples of each class, 1 for each class that it holds, and 1.
        kind_of: kind of each group (G,).
        classes: number of classes; that many quantities count samples.
        shares: of the parts (P,).
    """

    quantities: np.ndarray
    kind_of: np.ndarray
    classes: int
    shares: np.ndarray

    @classmethod
    def of(cls, counts: np.ndarray, shares: Sequence[float]) -> "_Task":
        """From how many samples of each class each group holds, (G, K)."""
        kinds, kind_of = np.unique(counts, axis=0, return_inverse=True)
        quantities = np.hstack([kinds, kinds > 0, np.ones((len(kinds), 1), np.int64)])
        return cls(quantities, kind_of.reshape(-1), counts.shape[1], np.array(shares, float))

    @cached_property
    def totals(self) -> np.ndarray:
        """Each quantity over all groups (Q,)."""
        return self.quantities[self.kind_of].sum(axis=0)

    def sums(self, parts: np.ndarray) -> np.ndarray:
        """Each quantity in each part (P, Q), from the part of each group."""
        return np.stack([self.quantities[self.kind_of[parts == part]].sum(axis=0) for part in range(len(self.shares))])

    def cost(self, sums: np.ndarray, part: int) -> np.ndarray:
        """Cost of what a part holds, (..., Q) -> (...)."""
        squares = ((sums - self.shares[part] * self.totals) / self.totals) ** 2
        samples, groups = squares[..., : self.classes].sum(axis=-1), squares[..., self.classes :].sum(axis=-1)
        lacking = (sums[..., : self.classes] == 0).sum(axis=-1)
        return samples + WEIGHT_OF_GROUPS * groups + LACKING * self.classes * lacking

    def lacks_a_class(self, parts: np.ndarray) -> bool:
        """Whether some part has no sample of some class."""
        return bool((self.sums(parts)[:, : self.classes] == 0).any())

    def total_cost(self, parts: np.ndarray) -> float:
        """Cost of all parts, from the part of each group."""
        return float(sum(self.cost(held, part) for part, held in enumerate(self.sums(parts))))


def _draw(counts: np.ndarray, shares: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Part of each group, at random, where every group has the chance ``shares`` and parts have like groups.

    Systematic sampling (Madow 1949): groups in order of their rarest class and their size, neighbours shuffled,
    are taken at equal steps from a random point. Whatever the order, each group is taken with the same probability;
    the order makes the parts alike in classes and in sizes.
    """
    parts = np.zeros(len(counts), int)
    rarest = np.where(counts > 0, counts.sum(axis=0), np.iinfo(np.int64).max).argmin(axis=1)
    left = np.lexsort([generator.random(len(counts)), counts.sum(axis=1), rarest])
    for part in range(len(shares) - 1, 0, -1):
        fraction = shares[part] / shares[: part + 1].sum()
        neighbours = np.arange(len(left)) // round(1 / min(fraction, 1 - fraction))
        left = left[np.lexsort([generator.random(len(left)), neighbours])]
        steps = np.floor(fraction * np.arange(len(left) + 1) + generator.random())
        taken = np.diff(steps) > 0
        parts[left[taken]] = part
        left = left[~taken]
    return parts


def _improve(parts: np.ndarray, task: _Task, generator: np.random.Generator) -> np.ndarray:
    """Move and swap groups, large ones only for what small ones cannot do.

    The best single change often takes the largest group out of a small part, so that its chance would be too low.
    """
    samples = task.quantities[:, : task.classes].sum(axis=1)
    small = samples <= LARGE * task.totals[: task.classes].sum()
    return _search(_search(parts, small, task, generator), np.ones_like(small), task, generator)


def _search(parts: np.ndarray, movable: np.ndarray, task: _Task, generator: np.random.Generator) -> np.ndarray:
    """Move one group of a ``movable`` kind (N,), or swap two, while that lowers the cost by more than `LEAST_GAIN`.

    Of each kind and part only one group is tried, and at most `MOST_KINDS` kinds of a part at a time.
    """
    parts, sums = parts.copy(), task.sums(parts)
    while True:
        held = [np.unique(task.kind_of[parts == part]) for part in range(len(sums))]
        held = [_some(kinds[movable[kinds]], generator) for kinds in held]
        changes = (_best_change(sums, held, pair, task) for pair in combinations(range(len(sums)), 2))
        gain, moves = max(changes, key=itemgetter(0))
        if gain <= LEAST_GAIN:
            return parts
        # Both groups are chosen before either moves: afterwards the second could be the first again.
        groups = [np.flatnonzero((task.kind_of == kind) & (parts == source))[0] for kind, source, _ in moves]
        for group, (kind, source, target) in zip(groups, moves, strict=True):
            parts[group] = target
            sums[source] -= task.quantities[kind]
            sums[target] += task.quantities[kind]


def _some(kinds: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return kinds if len(kinds) <= MOST_KINDS else np.sort(generator.choice(kinds, MOST_KINDS, replace=False))


def _best_change(
    sums: np.ndarray, held: list[np.ndarray], pair: tuple[int, int], task: _Task
) -> tuple[float, list[tuple[int, int, int]]]:
    """The change between two parts that lowers the cost most.

    Returns:
        Its gain, and its one or two moves: the kind of the group, the part that it leaves, the part that it enters.
    """
    one, other = pair
    # A row of zeros in front: nothing moves in this direction.
    nothing = np.zeros_like(task.quantities[:1])
    given = np.vstack([nothing, task.quantities[held[one]]])
    taken = np.vstack([nothing, task.quantities[held[other]]])
    change = given[:, None] - taken[None]
    before = task.cost(sums[one], one) + task.cost(sums[other], other)
    after = task.cost(sums[one] - change, one) + task.cost(sums[other] + change, other)
    # Rounded, so that the last bits, in which processors differ, decide nothing.
    gains = (before - after).round(DIGITS)
    row, column = np.unravel_index(int(gains.argmax()), gains.shape)
    moves = [(int(held[one][row - 1]), one, other)] if row else []
    moves += [(int(held[other][column - 1]), other, one)] if column else []
    return float(gains[row, column]), moves
