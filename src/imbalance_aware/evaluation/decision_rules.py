"""How probabilities become decisions: a small table of rules that compete with losses and sampling.

A rule turns the predictions of a run into an `Outcome` from which every metric follows. ``argmax`` changes nothing.
``prior`` and ``offsets`` add a number per class to the log-probabilities and divide by the new sum: metrics of
probabilities and of ranks are then those of the shifted ones. ``cost`` chooses other classes and leaves the
probabilities as they are. Another rule is a function and a row of `RULES`.

Nothing is chosen on test data: a rule learns from training class counts, validation predictions and costs alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.logit_adjustment import adjust_logits
from imbalance_aware.evaluation.temperature import fit_temperature, scale
from imbalance_aware.metrics.calibration import SMALLEST
from imbalance_aware.metrics.declaration import Metric, Outcome, Resamples
from imbalance_aware.schema import nearest

#: Strength of the rule ``prior``, see `adjust_logits`.
TAU = 1.0
#: Rounds over the classes after which the search for offsets ends, whether it still improves or not.
MOST_ROUNDS = 20
#: Offsets tried for a class in a round: with more validation samples than this, only quantiles of what they suggest.
MOST_CANDIDATES = 500
#: A value that is not better by more than this is as good as equal.
EQUAL = 1e-12


@dataclass(frozen=True)
class Basis:
    """What a rule may learn from, all of one training run (one fold).

    Attributes:
        class_counts: training samples of each class, length K.
        validation: predictions for the validation part; None if there is none.
        metric: that offsets are tuned for; None if none is declared.
    """

    class_counts: Sequence[int]
    validation: Outcome | None = None
    metric: Metric | None = None

    @cached_property
    def offsets(self) -> np.ndarray:
        """What `tune_offsets` finds on the validation part, shape (K,)."""
        assert self.validation is not None and self.metric is not None
        return tune_offsets(self.validation, self.class_counts, self.metric)

    @cached_property
    def temperature(self) -> float:
        """What `fit_temperature` finds on the validation part."""
        assert self.validation is not None
        return fit_temperature(self.validation.labels, self.validation.probabilities)


#: The basis of predictions of one network, or, of predictions pooled over folds, that of each fold.
AnyBasis = Basis | Mapping[int, Basis]


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        label: what tables and figures call it.
        decide: from predictions of one network, and the basis, to the outcome under the rule.
        lacks: why the rule does not exist for such predictions and basis, as a sentence; empty where it does.
    """

    label: str
    decide: Callable[[Outcome, Basis], Outcome]
    lacks: Callable[[Outcome, Basis], str] = lambda outcome, basis: ""


def decide(rule: str, outcome: Outcome, basis: AnyBasis) -> Outcome:
    """The outcome under a rule.

    Args:
        rule: its name in `RULES`.
        outcome: the predictions.
        basis: of the run; of predictions pooled over folds, that of each fold, by which its own are decided.

    Raises:
        UserError: there is no such rule, or it lacks what it needs.
    """
    if reason := lacks(rule, outcome, basis):
        raise UserError(f"decision rule {rule}: {reason}")
    return _by_fold(RULES[rule].decide, outcome, basis)


def lacks(rule: str, outcome: Outcome, basis: AnyBasis) -> str:
    """Why a rule does not exist for these predictions; empty where it does.

    Raises:
        UserError: there is no such rule.
    """
    if rule not in RULES:
        raise UserError(f'there is no decision rule "{rule}".{nearest(rule, RULES)}')
    return next((reason for _, part, own in _parts(outcome, basis) if (reason := RULES[rule].lacks(part, own))), "")


def usable(rule: str, outcome: Outcome, basis: AnyBasis) -> bool:
    """Whether a rule exists for these predictions."""
    return not lacks(rule, outcome, basis)


def can_calibrate(outcome: Outcome, basis: AnyBasis) -> bool:
    """Whether there are validation predictions to fit a temperature on, of each fold."""
    return not any(_lacks_validation(own) for _, _, own in _parts(outcome, basis))


def calibrate(outcome: Outcome, basis: AnyBasis) -> Outcome:
    """The outcome after temperature scaling; the decisions stay those of the most probable class."""
    return _by_fold(
        lambda part, own: replace(part, probabilities=scale(part.probabilities, own.temperature)), outcome, basis
    )


def shift(probabilities: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Probabilities after adding ``offsets``, shape (K,), to their logarithms: shape (n, K), rows adding up to one."""
    return _softmax(_logarithms(probabilities) + offsets)


def tune_offsets(validation: Outcome, class_counts: Sequence[int], metric: Metric) -> np.ndarray:
    """Offsets of the log-probabilities under which the decisions on the validation part are best.

    Coordinate search, from no offsets and from those of the rule ``prior``: class by class, every offset at which a
    decision changes is tried by the midpoints between them, and the best is kept, of equals the one nearest to the
    present. It ends when no class improves. The better of the two ends is taken, of equals that from no offsets; the
    first class then has the offset 0, as only differences count. No random numbers; the result is a local maximum.

    Args:
        validation: predictions of the validation part, finite.
        class_counts: training samples of each class.
        metric: one of decisions, with a form for replicates.

    Returns:
        Shape (K,).
    """
    logarithms = _logarithms(validation.probabilities)
    once = np.ones((1, len(validation.labels)))
    sign = 1 if metric.better == "higher" else -1

    def value(offsets: np.ndarray) -> float:
        decided = replace(validation, decisions=(logarithms + offsets).argmax(axis=1))
        found = sign * float(metric.of_resamples(Resamples(decided, once))[0])
        return found if np.isfinite(found) else -np.inf

    priors = np.asarray(class_counts, dtype=np.float64) / np.sum(class_counts)
    ends = [_search(start, logarithms, value) for start in (np.zeros(len(priors)), -TAU * np.log(priors))]
    best = ends[1] if ends[1][1] > ends[0][1] + EQUAL else ends[0]
    return best[0] - best[0][0]


def _search(
    offsets: np.ndarray, logarithms: np.ndarray, value: Callable[[np.ndarray], float]
) -> tuple[np.ndarray, float]:
    """The end of the coordinate search from ``offsets``, and its value."""
    best = value(offsets)
    for _ in range(MOST_ROUNDS):
        before = best
        for label in range(len(offsets)):
            for candidate in _candidates(label, offsets, logarithms):
                tried = np.where(np.arange(len(offsets)) == label, candidate, offsets)
                if (found := value(tried)) > best + EQUAL:
                    offsets, best = tried, found
        if best <= before + EQUAL:
            break
    return offsets, best


def _candidates(label: int, offsets: np.ndarray, logarithms: np.ndarray) -> np.ndarray:
    """Offsets of a class between which a decision changes, the nearest to the present one first."""
    rivals = logarithms + offsets
    rivals[:, label] = -np.inf
    changes = np.unique(rivals.max(axis=1) - logarithms[:, label])
    between = np.r_[changes[0] - 1, (changes[1:] + changes[:-1]) / 2, changes[-1] + 1]
    if len(between) > MOST_CANDIDATES:
        between = between[np.linspace(0, len(between) - 1, MOST_CANDIDATES).round().astype(int)]
    return between[np.argsort(np.abs(between - offsets[label]), kind="stable")]


def _as_it_is(outcome: Outcome, basis: Basis) -> Outcome:
    return outcome


def _without_prior(outcome: Outcome, basis: Basis) -> Outcome:
    return replace(outcome, probabilities=adjust_logits(outcome.probabilities, basis.class_counts, TAU))


def _with_offsets(outcome: Outcome, basis: Basis) -> Outcome:
    return replace(outcome, probabilities=shift(outcome.probabilities, basis.offsets))


def _lacks_validation(basis: Basis) -> str:
    if basis.validation is None or not len(basis.validation.labels):
        return "there are no validation predictions"
    return "" if np.isfinite(basis.validation.probabilities).all() else "validation probabilities are not finite"


def _lacks_tuning(outcome: Outcome, basis: Basis) -> str:
    metric = basis.metric
    if metric is None:
        return "no metric is declared to tune offsets for"
    if not metric.decides or metric.per_class or metric.resampled is None:
        return f"{metric.name} is no metric of the decisions on all classes, so offsets cannot be tuned for it"
    return _lacks_validation(basis)


def _least_cost(outcome: Outcome, basis: Basis) -> Outcome:
    """The class of least expected cost, sum over true classes of probability times cost; the first of equals."""
    return replace(outcome, decisions=(outcome.probabilities @ outcome.costs).argmin(axis=1))


def _lacks_costs(outcome: Outcome, basis: Basis) -> str:
    return "the dataset gives no costs" if outcome.context.costs is None else ""


#: Name of a rule -> the rule.
RULES = {
    "argmax": Rule("most probable class", _as_it_is),
    "prior": Rule("prior shift", _without_prior),
    "offsets": Rule("tuned offsets", _with_offsets, _lacks_tuning),
    "cost": Rule("least expected cost", _least_cost, _lacks_costs),
}


def _parts(outcome: Outcome, basis: AnyBasis) -> Iterator[tuple[np.ndarray, Outcome, Basis]]:
    """Places, predictions and basis of each fold, or of the run."""
    if isinstance(basis, Basis):
        yield np.arange(len(outcome.labels)), outcome, basis
        return
    for places in outcome.fold_members:
        assert outcome.fold is not None
        yield places, outcome.of(places), basis[int(outcome.fold[places[0]])]


def _by_fold(function: Callable[[Outcome, Basis], Outcome], outcome: Outcome, basis: AnyBasis) -> Outcome:
    """``function`` of the predictions of each fold with its own basis, together again."""
    if isinstance(basis, Basis):
        return function(outcome, basis)
    probabilities, decisions = np.empty(outcome.probabilities.shape), np.empty(len(outcome.labels), dtype=np.int64)
    for places, part, own in _parts(outcome, basis):
        decided = function(part, own)
        probabilities[places], decisions[places] = decided.probabilities, decided.predicted
    return replace(outcome, probabilities=probabilities, decisions=decisions)


def _logarithms(probabilities: np.ndarray) -> np.ndarray:
    """With the smallest probability that counts in place of zero."""
    return np.log(np.maximum(probabilities, SMALLEST))


def _softmax(scores: np.ndarray) -> np.ndarray:
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)
