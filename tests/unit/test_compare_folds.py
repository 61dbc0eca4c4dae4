"""Comparisons of cross-validated datasets: pooled predictions, and repeats as replicates instead of seeds."""

import numpy as np
import pytest
from comparison_cases import in_folds, judged, rows_of, simulated

from imbalance_aware.evaluation.bases import bases
from imbalance_aware.evaluation.candidates import candidates
from imbalance_aware.evaluation.compare import Dataset, compare
from imbalance_aware.evaluation.logit_adjustment import adjust_logits
from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.metrics.declaration import Outcome


def test_a_repeat_is_one_replicate_whose_seeds_are_averaged_first():
    n = 78
    first, _ = simulated(seeds=2, seed=1)
    second, _ = simulated(seeds=1, seed=2)
    labels = next(iter(first.values())).labels
    runs = in_folds(first, np.arange(n) % 5) | in_folds(second, np.arange(n) % 2, repeat=1)
    found = compare(Dataset(runs), judged())
    (row,) = rows_of(found, "values", condition="mcc-uniform", metric="auroc_macro")
    values = {
        (place.repeat, place.seed): METRICS["auroc_macro"].of(Outcome(labels, run.probabilities, run.fold))
        for place, run in runs.items()
        if place.condition == "mcc-uniform"
    }
    assert row["value"] == pytest.approx(np.mean([(values[0, 0] + values[0, 1]) / 2, values[1, 0]]))
    assert row["n_replicates"] == 2 and row["n_runs"] == 3
    assert row["new_data_low"] < row["procedure_low"] + 1e-12
    assert "training-set size" in row["note"] and "2 repeats" in row["note"]
    (pair,) = rows_of(found, "comparisons", a="mcc-uniform", metric="auroc_macro", with_baseline=True)
    models = pair["models_high"] - pair["difference"]
    assert pair["new_data_high"] - pair["difference"] >= models * (1 + 5 / 4) ** 0.5 - 1e-12


def test_with_one_repeat_the_seed_is_the_replicate():
    runs, _ = simulated(seeds=2)
    (row,) = rows_of(
        compare(Dataset(in_folds(runs, np.arange(78) % 5)), judged()), "values", condition="ce-uniform", metric="mcc"
    )
    assert row["n_replicates"] == 2 and "2 seeds" in row["note"] and "new_data_low" in row


def test_the_prior_shift_of_pooled_predictions_is_that_of_each_fold():
    runs, (_, _, p) = simulated()
    folds = np.arange(78) % 2
    pooled = in_folds(runs, folds)
    by_fold = bases(pooled, {0: {0: [60, 20, 20], 1: [10, 20, 30]}}, {}, METRICS["balanced_accuracy"])
    entrants = candidates(pooled, "sample", by_fold)
    shifted = entrants.outcomes["ce-uniform@prior", "seed-0"].probabilities
    assert shifted[folds == 1] == pytest.approx(adjust_logits(p[0, 0][folds == 1], [10, 20, 30]))
