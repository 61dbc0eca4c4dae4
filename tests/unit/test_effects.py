"""Effects: mean differences over pairs of conditions that differ in one factor."""

import json

import numpy as np
import pytest
from comparison_cases import LEVELS, basis_of, judged, rows_of, simulated

from imbalance_aware.evaluation.compare import Dataset, compare, read_levels
from imbalance_aware.evaluation.effect_rows import effects
from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.statistics.multiplicity import holm


def test_effects_are_means_over_pairs_that_differ_in_one_thing():
    runs, (labels, _, p) = simulated()
    levels = read_levels(json.dumps(LEVELS))
    found = compare(Dataset(runs, basis_of(runs, [60, 20, 20])), judged(), levels)
    rows = {(row["factor"], row["level"]): row for row in rows_of(found, "effects", metric="balanced_accuracy")}
    assert {key: row["n_pairs"] for key, row in rows.items()} == {
        ("loss", "mcc"): 3,
        ("sampling", "oversampling"): 2,
        ("weights", "weighted"): 2,
        ("rule", "prior"): 6,
    }
    value = np.array([[METRICS["balanced_accuracy"].of(Outcome(labels, p[c, s])) for s in range(3)] for c in range(6)])
    means = dict(zip((level["condition"] for level in LEVELS), value.mean(axis=1), strict=True))
    expected = (means["ce-oversampling"] - means["ce-uniform"] + means["mcc-oversampling"] - means["mcc-uniform"]) / 2
    assert rows["sampling", "oversampling"]["difference"] == pytest.approx(expected)
    assert all(row["models_low"] < row["difference"] < row["models_high"] for row in rows.values())
    adjusted = holm([row["p_procedure"] for row in rows.values()])
    assert [row["p_procedure_holm"] for row in rows.values()] == pytest.approx(adjusted)


def test_effects_without_a_partner_are_left_out():
    levels = read_levels(json.dumps(LEVELS))
    assert effects(["ce-uniform", "mcc-oversampling"], levels, "ce-uniform") == []
    (only,) = effects(["ce-uniform", "ce-weighted", "mcc-oversampling"], levels, "ce-uniform")
    assert (only.factor, only.pairs) == ("weights", (("ce-weighted", "ce-uniform"),))
