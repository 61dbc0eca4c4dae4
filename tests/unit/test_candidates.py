"""Candidates of a comparison: conditions under each decision rule."""

import json

import numpy as np
import pytest
from comparison_cases import LEVELS, basis_of, judged, rows_of, simulated

from imbalance_aware.evaluation.candidates import ARGMAX, PRIOR, candidate_name, candidates, condition_and_rule
from imbalance_aware.evaluation.compare import Dataset, compare, read_levels
from imbalance_aware.evaluation.decision_rules import Basis, decide
from imbalance_aware.evaluation.logit_adjustment import adjust_logits
from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.metrics.declaration import Context, Outcome
from imbalance_aware.runs.identity import Run


def test_rules_compete_with_conditions():
    """Under the prior shift every run is that of the adjusted probabilities; its seeds are no further seeds."""
    runs, (labels, _, p) = simulated()
    counts = [60, 20, 20]
    entrants = candidates(runs, "sample", basis_of(runs, counts))
    assert entrants.names[:7] == (*(level["condition"] for level in LEVELS), "ce-uniform@prior")
    outcome = entrants.outcomes["ce-oversampling@prior", "seed-1"]
    assert outcome.probabilities == pytest.approx(adjust_logits(p[2, 1], counts))
    found = compare(Dataset(runs, basis_of(runs, counts)), judged())
    (row,) = rows_of(found, "comparisons", a="mcc-weighted@prior", metric="mcc", with_baseline=True)
    values = [
        METRICS["mcc"].of(Outcome(labels, adjust_logits(p[4, s], counts))) - METRICS["mcc"].of(Outcome(labels, p[0, s]))
        for s in range(3)
    ]
    assert row["difference"] == pytest.approx(np.mean(values))
    alone = compare(Dataset(runs), judged())
    assert "the average of 6 conditions" in row["note"], "not of 12"
    both = [
        rows_of(table, "comparisons", a="mcc-weighted", metric="mcc", with_baseline=True)[0] for table in (found, alone)
    ]
    assert both[0]["procedure_low"] == both[1]["procedure_low"]


def test_offsets_need_validation_and_costs_need_costs():
    """With both, each condition competes under four rules; one run without validation takes the rule from all seeds."""
    runs, (labels, _, p) = simulated(seeds=2, conditions=2)
    part = Outcome(labels, p[0, 0])
    known = basis_of(runs, [60, 20, 20], validation=part, metric=METRICS["balanced_accuracy"])
    costs = Context(costs=((0, 1, 1), (5, 0, 1), (5, 1, 0)))
    entrants = candidates(runs, "sample", known, costs)
    rules = ("", "@prior", "@offsets", "@cost")
    assert entrants.names == tuple(f"{name}{rule}" for rule in rules for name in ("ce-uniform", "ce-weighted"))
    shifted = entrants.outcomes["ce-weighted@offsets", "seed-1"]
    assert (
        shifted.predicted
        == decide("offsets", Outcome(labels, p[1, 1]), known[Run("s", "toy", "ce-weighted", 1)]).predicted
    ).all()
    cheapest = entrants.outcomes["ce-uniform@cost", "seed-0"]
    assert (cheapest.predicted == (p[0, 0] @ np.array(costs.costs)).argmin(axis=1)).all()
    known[Run("s", "toy", "ce-weighted", 1)] = Basis([60, 20, 20])
    assert "ce-weighted@offsets" not in candidates(runs, "sample", known, costs).names
    found = compare(Dataset(runs, known, costs), judged())
    (row,) = rows_of(found, "values", condition="ce-uniform", rule="cost", metric="expected_cost")
    assert (
        row["value"]
        < rows_of(found, "values", condition="ce-uniform", rule="argmax", metric="expected_cost")[0]["value"]
    )


def test_costs_of_a_group_decide_on_its_mean():
    runs, (_, patients, p) = simulated(seeds=1, conditions=1, images=4)
    costs = Context(costs=((0, 1, 1), (5, 0, 1), (5, 1, 0)))
    entrants = candidates(runs, "group", basis_of(runs, [60, 20, 20]), costs)
    outcome = entrants.outcomes["ce-uniform@cost", "seed-0"]
    mean = p[0, 0][patients == patients[0]].mean(axis=0)
    assert outcome.predicted[0] == (mean @ np.array(costs.costs)).argmin()


def test_names_of_candidates():
    assert candidate_name("ce-uniform", ARGMAX) == "ce-uniform"
    assert candidate_name("ce-uniform", PRIOR) == "ce-uniform@prior"
    assert condition_and_rule("ce-uniform@prior") == ("ce-uniform", PRIOR)
    assert condition_and_rule("ce-uniform") == ("ce-uniform", ARGMAX)


def test_one_condition_under_two_rules_has_no_average_seed_variance():
    """Its own is all that there is; ranks then vary over patients alone, and say so."""
    runs, _ = simulated(seeds=3, conditions=1)
    found = compare(Dataset(runs, basis_of(runs, [60, 20, 20])), judged(), read_levels(json.dumps(LEVELS)))
    (row,) = rows_of(found, "comparisons", metric="balanced_accuracy")
    assert (row["a"], row["b"]) == ("ce-uniform@prior", "ce-uniform") and "3 seeds only" in row["note"]
    width = (row["simultaneous_high"] - row["simultaneous_low"], row["procedure_high"] - row["procedure_low"])
    assert width[0] == pytest.approx(width[1]), "one pair"
    assert {(rank["question"], rank["note"]) for rank in rows_of(found, "ranks", metric="balanced_accuracy")} == {
        ("models", "the variance over replicates is unknown: resamples are of patients alone")
    }
    (effect,) = rows_of(found, "effects", metric="balanced_accuracy")
    assert effect["difference"] == pytest.approx(row["difference"]) and effect["factor"] == "rule"
