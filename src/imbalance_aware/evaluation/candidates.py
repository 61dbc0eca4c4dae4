"""The candidates of a study: every condition under every decision rule, on the same test images.

The name of a candidate is that of its condition if classes are decided as usual, by the most probable one, and else
``condition@rule``, such as ``ce-uniform@prior``. Names of conditions cannot have an @.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imbalance_aware.conditions import trained_and_rival
from imbalance_aware.evaluation.decision_rules import RULES, AnyBasis, Basis, decide, usable
from imbalance_aware.evaluation.metrics import COLLAPSED, DIVERGED, status_of
from imbalance_aware.evaluation.units import samples_of, take
from imbalance_aware.evaluation.value_intervals import measure_metrics
from imbalance_aware.metrics.declaration import UNKNOWN, Context, Metric, Outcome
from imbalance_aware.runs.identity import Run
from imbalance_aware.statistics.cross_validation import average_by_repeat
from imbalance_aware.statistics.design import Design
from imbalance_aware.statistics.influence import Measured
from imbalance_aware.statistics.notes import fewest_patients
from imbalance_aware.tables.predictions import Predictions

#: Rules that this package names: that of the plain name, that which the verdict asks for, that which decides on units.
ARGMAX, PRIOR, COST = "argmax", "prior", "cost"
MARK = "@"


def candidate_name(condition: str, rule: str) -> str:
    """``ce-uniform``, or under another rule than argmax ``ce-uniform@prior``."""
    return condition if rule == ARGMAX else f"{condition}{MARK}{rule}"


def condition_and_rule(candidate: str) -> tuple[str, str]:
    """The two that `candidate_name` joined."""
    condition, _, rule = candidate.partition(MARK)
    return condition, rule or ARGMAX


@dataclass(frozen=True, eq=False)
class Candidates:
    """The candidates of a study on one dataset, and their predictions for one unit.

    Attributes:
        classes: K names.
        design: candidates as its conditions, seeds or repeats as replicates, test units and their patients. A condition
            is unstable if some of its runs diverged, or if some but not all of them collapsed: its spread over seeds is
            then not that of the others.
        outcomes: predictions of every run that did not diverge, by candidate and replicate.
        repeats: the repeat of each replicate, where there are several repeats; else empty.
        folds: of a cross-validation; None for a fixed split.
        n_runs: of each condition.
        n_collapsed: of each condition.
        diverged: runs of each condition that are left out.
    """

    classes: tuple[str, ...]
    design: Design
    outcomes: Mapping[tuple[str, str], Outcome]
    repeats: tuple[str, ...]
    folds: int | None
    n_runs: Mapping[str, int]
    n_collapsed: Mapping[str, int]
    diverged: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        return self.design.conditions

    def measure(self, metrics: Mapping[str, Metric]) -> dict[str, Measured]:
        """Values and influence by metric; repeats in the place of seeds, where there are several."""
        if not self.outcomes:
            return {}
        measured = measure_metrics(self.design, self.outcomes, metrics)
        if not self.repeats:
            return measured
        return {name: average_by_repeat(of, self.repeats) for name, of in measured.items()}

    def correct(self, candidate: str) -> np.ndarray:
        """Whether each run is right about each unit, shape (n, S)."""
        runs = [outcome for (name, _), outcome in self.outcomes.items() if name == candidate]
        return np.array([outcome.predicted == outcome.labels for outcome in runs]).T

    @property
    def fewest_patients(self) -> int:
        """Patients in the rarest class of the test set."""
        return fewest_patients(self.design, None)

    @cached_property
    def class_patients(self) -> dict[str, int]:
        """Patients with test images of each class."""
        counts = [*self.design.class_patients.tolist(), *[0] * len(self.classes)]
        return dict(zip(self.classes, counts, strict=False))


def candidates(
    runs: Mapping[Run, Predictions],
    unit: str,
    bases: Mapping[Run, AnyBasis] | None = None,
    context: Context = UNKNOWN,
) -> Candidates:
    """The candidates of one dataset.

    Args:
        runs: predictions, all of the same test images.
        unit: what metrics count, see `imbalance_aware.evaluation.units`.
        bases: what decision rules may learn from, of each run, see `imbalance_aware.evaluation.bases`. Without it there
            is no rule but argmax.
        context: what is known of the classes.
    """
    status = {place: status_of(run.labels, run.probabilities, run.fold) for place, run in runs.items()}
    conditions = tuple(dict.fromkeys(place.condition for place in runs))
    finite = {place: run for place, run in runs.items() if status[place] != DIVERGED}
    outcomes: dict[tuple[str, str], Outcome] = {}
    named = {condition: condition for condition in conditions}
    for rule in RULES if bases is not None else [ARGMAX]:
        for condition in conditions:
            of = {place: run for place, run in finite.items() if place.condition == condition}
            found = _under(rule, of, unit, bases, context)
            named |= {candidate_name(condition, rule): condition} if found else {}
            outcomes |= {(candidate_name(condition, rule), place.replicate): of for place, of in found.items()}
    replicates = {place.replicate: place for place in sorted(runs, key=lambda place: (place.repeat, place.seed or 0))}
    unstable = {condition for condition in conditions if _unstable(_of(status, condition))}
    first = next(iter(runs.values()))
    test = take(unit, samples_of(first))
    design = Design(
        tuple(named),
        tuple(replicates),
        test.labels,
        test.groups,
        frozenset(name for name, condition in named.items() if condition in unstable),
        derived=frozenset(
            name for name, condition in named.items() if name != condition or trained_and_rival(condition)[1]
        ),
    )
    repeats = tuple(f"repeat {place.repeat}" for place in replicates.values())
    return Candidates(
        first.classes,
        design,
        outcomes,
        repeats if len({*repeats}) > 1 else (),
        None if first.fold is None else len(np.unique(first.fold)),
        {condition: len(_of(status, condition)) for condition in conditions},
        {condition: _of(status, condition).count(COLLAPSED) for condition in conditions},
        {
            condition: tuple(
                place.replicate for place, what in status.items() if (place.condition, what) == (condition, DIVERGED)
            )
            for condition in conditions
        },
    )


def _under(
    rule: str,
    runs: Mapping[Run, Predictions],
    unit: str,
    bases: Mapping[Run, AnyBasis] | None,
    context: Context,
) -> dict[Run, Outcome]:
    """Predictions for the units under a rule; none if one of the runs lacks what the rule needs.

    Probabilities are adjusted for each sample, then averaged over the samples of a group; costs decide on the average,
    as in the step ``evaluate``.
    """
    decided: dict[Run, Outcome] = {}
    for place, run in runs.items():
        samples = Outcome(run.labels, run.probabilities, run.fold, context)
        basis: AnyBasis = Basis(()) if bases is None else bases[place]
        if not usable(rule, samples, basis):
            return {}
        units = take(unit, samples_of(run, decide(rule, samples, basis).probabilities))
        outcome = Outcome(units.labels, units.probabilities, units.fold, context)
        decided[place] = decide(COST, outcome, Basis(())) if rule == COST else outcome
    return decided


def _of(status: Mapping[Run, str], condition: str) -> list[str]:
    return [what for place, what in status.items() if place.condition == condition]


def _unstable(statuses: Sequence[str]) -> bool:
    counts = Counter(statuses)
    return counts[DIVERGED] > 0 or 0 < counts[COLLAPSED] < len(statuses)
