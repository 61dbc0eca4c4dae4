"""Rows of ``comparisons.csv``: every candidate with the baseline, and all pairs."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imbalance_aware.evaluation.candidates import Candidates
from imbalance_aware.evaluation.estimate_rows import cells
from imbalance_aware.evaluation.families import Family, family
from imbalance_aware.metrics.declaration import Metric
from imbalance_aware.statistics.conclusions import (
    DIFFERENCE_LEVEL,
    EQUIVALENCE_LEVEL,
    conclude_from,
    evidence_against_reverse,
)
from imbalance_aware.statistics.design import MIN_PATIENTS
from imbalance_aware.statistics.estimates import estimate_difference
from imbalance_aware.statistics.influence import Measured
from imbalance_aware.statistics.intervals import moves, p_value
from imbalance_aware.statistics.multiplicity import AllPairs, all_pairs
from imbalance_aware.statistics.permutation import permutation_p
from imbalance_aware.statistics.planning import detectable
from imbalance_aware.statistics.variance import Parts, difference_parts
from imbalance_aware.tables.frames import MODELS, PROCEDURE

#: Random swaps of the permutation: of the primary metric, and of the others.
DRAWS, EXPLORATORY_DRAWS = 10_000, 2_000


@dataclass(frozen=True, eq=False)
class Compared:
    """One metric of all candidates of a dataset.

    Attributes:
        candidates: of the dataset.
        metric: one over all classes.
        measured: its values and influence.
        pairs: all pairs, for the procedure, or for these models with one replicate.
        relevant: the smallest difference that matters.
        primary: whether conclusions rest on it.
    """

    candidates: Candidates
    metric: Metric
    measured: Measured
    pairs: AllPairs
    relevant: float
    primary: bool

    @classmethod
    def of(
        cls, candidates: Candidates, metric: Metric, measured: Measured, relevant: float, primary: bool
    ) -> "Compared":
        """Compare all pairs."""
        procedure = bool((measured.n_replicates > 1).any())
        return cls(candidates, metric, measured, all_pairs(measured, procedure), relevant, primary)

    @property
    def question(self) -> str:
        """What the simultaneous intervals are for."""
        return PROCEDURE if self.pairs.procedure else MODELS

    @cached_property
    def widths(self) -> tuple[np.ndarray, np.ndarray]:
        """Half-widths of the simultaneous intervals that decide on a difference and on equivalence."""
        return self.pairs.half_widths(DIFFERENCE_LEVEL), self.pairs.half_widths(EQUIVALENCE_LEVEL)

    @cached_property
    def p_values(self) -> np.ndarray:
        """Adjusted p-values of all pairs."""
        return self.pairs.p_values()


def comparison_rows(compared: Compared, baseline: str) -> Iterator[dict]:
    """A row for each candidate with the baseline, then one for every other pair.

    Args:
        compared: the metric.
        baseline: name of the candidate.
    """
    names = compared.candidates.names
    place = names.index(baseline)
    others = [number for number in range(len(names)) if number != place]
    yield from _with_baseline(compared, place, others)
    for a, b in compared.pairs.pairs.tolist():
        if place not in (a, b):
            yield _pair(compared, a, b)


def _with_baseline(compared: Compared, baseline: int, others: list[int]) -> Iterator[dict]:
    parts = [difference_parts(compared.measured, other, baseline) for other in others]
    p_models = [_permutation(compared, other, baseline, part) for other, part in zip(others, parts, strict=True)]
    p_procedure = [p_value(part) if compared.candidates.fewest_patients >= MIN_PATIENTS else np.nan for part in parts]
    better = compared.metric.better
    models = family(parts, p_models, compared.relevant, better, procedure=False)
    procedure = family(parts, p_procedure, compared.relevant, better)
    for index, other in enumerate(others):
        yield (
            _pair(compared, other, baseline)
            | {"with_baseline": True, "p_models": p_models[index], "p_procedure": p_procedure[index]}
            | {"p_models_holm": models.adjusted[index], "p_procedure_holm": procedure.adjusted[index]}
            | words(procedure, models, index)
        )


def words(procedure: Family, models: Family, index: int) -> dict:
    """Cells of the two decisions on a difference; where there is no estimate, both are undecided."""
    of_procedure, of_models = procedure.conclusions[index], models.conclusions[index]
    return {
        "decision": of_procedure.word,
        "relevant": of_procedure.relevant,
        "decision_models": of_models.word,
        "relevant_models": of_models.relevant,
    }


def _pair(compared: Compared, a: int, b: int) -> dict:
    measured, names = compared.measured, compared.candidates.names
    estimate = estimate_difference(measured, a, b, folds=compared.candidates.folds)
    row = {"a": names[a], "b": names[b], "with_baseline": False, "difference": estimate.parts.mean}
    row |= cells(estimate) | {"question": compared.question, "decision_all_pairs": "undecided"}
    if estimate.not_estimable:
        return row
    procedure = estimate.procedure is not None
    row["evidence"] = evidence_against_reverse(estimate.parts, procedure)
    row["detectable"] = detectable(estimate.parts, procedure=procedure)
    return row | _simultaneous(compared, a, b)


def _simultaneous(compared: Compared, a: int, b: int) -> dict:
    """Cells of the intervals that hold for all pairs."""
    row, direction = compared.pairs.find(a, b)
    wide, narrow = (float(widths[row]) for widths in compared.widths)
    if not np.isfinite(wide):
        return {}
    difference = direction * float(compared.pairs.differences[row])
    conclusion = conclude_from(difference, wide, narrow, compared.relevant, compared.metric.better)
    return {
        "simultaneous_low": difference - wide,
        "simultaneous_high": difference + wide,
        "p_simultaneous": float(compared.p_values[row]),
        "decision_all_pairs": conclusion.word,
        "relevant_all_pairs": conclusion.relevant,
    }


def _permutation(compared: Compared, a: int, b: int, parts: Parts) -> float:
    """p-value for these models, over the replicates that both have; NaN where the difference is not estimable."""
    entrants = compared.candidates
    if not moves(parts) or entrants.fewest_patients < MIN_PATIENTS:
        return np.nan
    of = {
        place: [entrants.outcomes.get((entrants.names[place], name)) for name in entrants.design.replicates]
        for place in (a, b)
    }
    pairs = [(one, two) for one, two in zip(of[a], of[b], strict=True) if one is not None and two is not None]
    draws = DRAWS if compared.primary else EXPLORATORY_DRAWS
    return permutation_p(entrants.design, pairs, compared.metric.of_resamples, draws)
