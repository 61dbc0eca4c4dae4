"""Rows of ``effects.csv``: what loss, sampling, weights and decision rule each change, averaged over the others.

Conditions that differ in one factor alone are paired. The effect of a level is the mean over its pairs of the
difference from the reference, which is the baseline's level: one contrast of means over conditions, with both
intervals. Loss, sampling and weights are compared under argmax, rules over all conditions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imbalance_aware.evaluation.candidates import ARGMAX, condition_and_rule
from imbalance_aware.evaluation.comparison_rows import Compared, words
from imbalance_aware.evaluation.estimate_rows import cells
from imbalance_aware.evaluation.families import family
from imbalance_aware.statistics.design import MIN_PATIENTS
from imbalance_aware.statistics.estimates import estimate_contrast
from imbalance_aware.statistics.intervals import p_value
from imbalance_aware.statistics.variance import parts

#: Factors in the order of print.
FACTORS = ("loss", "sampling", "weights", "rule")
WEIGHTED = {True: "weighted", False: "unweighted"}


@dataclass(frozen=True)
class Effect:
    """The contrast of one level with the reference.

    Attributes:
        factor: of `FACTORS`.
        level: its name.
        reference: name of the level that it is compared with.
        pairs: (a, b) names of candidates that differ in the factor alone.
    """

    factor: str
    level: str
    reference: str
    pairs: tuple[tuple[str, str], ...]

    def coefficients(self, names: Sequence[str]) -> np.ndarray:
        """Of the mean of a minus b over the pairs, shape (C,)."""
        weights = np.zeros(len(names))
        for a, b in self.pairs:
            weights[names.index(a)] += 1 / len(self.pairs)
            weights[names.index(b)] -= 1 / len(self.pairs)
        return weights


def effects(names: Sequence[str], conditions: Mapping[str, Mapping[str, str]], baseline: str) -> list[Effect]:
    """Every effect that candidates give; levels without a pair are left out.

    Args:
        names: of the candidates that have runs.
        conditions: name -> level of ``loss``, ``sampling`` and ``weights``.
        baseline: name of the candidate whose levels are the references.
    """
    cells_of = {name: _levels(name, conditions) for name in names}
    found = []
    for factor in FACTORS:
        reference = _levels(baseline, conditions)[factor]
        others = [other for other in FACTORS if other != factor]
        of_reference = {
            tuple(cell[key] for key in others): name for name, cell in cells_of.items() if cell[factor] == reference
        }
        for level in dict.fromkeys(cell[factor] for cell in cells_of.values()):
            pairs = tuple(
                (name, of_reference[rest])
                for name, cell in cells_of.items()
                if cell[factor] == level
                and (rest := tuple(cell[key] for key in others)) in of_reference
                and (factor == "rule" or cell["rule"] == ARGMAX)
            )
            if level != reference and pairs:
                found.append(Effect(factor, level, reference, pairs))
    return found


def effect_rows(compared: Compared, wanted: Sequence[Effect]) -> Iterator[dict]:
    """A row for each effect; decisions hold for all of them together."""
    entrants, measured = compared.candidates, compared.measured
    estimable = entrants.fewest_patients >= MIN_PATIENTS
    contrasts = [parts(measured, effect.coefficients(entrants.names)) for effect in wanted]
    p_procedure, p_models = (
        [p_value(part, procedure) if estimable else np.nan for part in contrasts] for procedure in (True, False)
    )
    better = compared.metric.better
    procedure = family(contrasts, p_procedure, compared.relevant, better)
    models = family(contrasts, p_models, compared.relevant, better, procedure=False)
    for index, (effect, part) in enumerate(zip(wanted, contrasts, strict=True)):
        yield {
            "factor": effect.factor,
            "level": effect.level,
            "reference": effect.reference,
            "n_pairs": len(effect.pairs),
            "difference": part.mean,
            "p_procedure": p_procedure[index],
            "p_procedure_holm": procedure.adjusted[index],
            **cells(estimate_contrast(measured, part, folds=entrants.folds)),
            **words(procedure, models, index),
        }


def _levels(candidate: str, conditions: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    condition, rule = condition_and_rule(candidate)
    return {**conditions[condition], "rule": rule}
