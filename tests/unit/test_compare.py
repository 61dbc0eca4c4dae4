"""Values, comparisons and ranks of a study: by hand, and equal to the reference implementation."""

import json
from dataclasses import replace

import numpy as np
import pytest
from comparison_cases import LEVELS, in_folds, judged, predicted, rows_of, simulated
from scipy.stats import t

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.candidates import candidates
from imbalance_aware.evaluation.compare import Dataset, compare, read_levels
from imbalance_aware.evaluation.families import family
from imbalance_aware.metrics.catalogue import RESAMPLED
from imbalance_aware.runs.identity import Run
from imbalance_aware.statistics.intervals import half_width
from imbalance_aware.statistics.variance import Parts
from oracles import statistics_reference as reference


def hand_study():
    """The study of docs/verdict.md: two classes of five patients, two seeds."""
    labels = np.repeat([0, 1], 5)

    def run(right):
        decided = np.where(right, labels, 1 - labels)
        return predicted(labels, 0.8 * np.eye(2)[decided] + 0.1, ("x", "y"))

    everyone = np.ones(10, bool)
    first = everyone.copy()
    first[[0, 5, 6]] = False
    second = everyone.copy()
    second[[5, 6]] = False
    return {
        Run("s", "toy", "ce-uniform", 0): run(first),
        Run("s", "toy", "ce-uniform", 1): run(second),
        Run("s", "toy", "mcc-uniform", 0): run(everyone),
        Run("s", "toy", "mcc-uniform", 1): run(everyone),
    }


def test_the_example_of_the_docs():
    """Every number with a calculator and a table of t."""
    found = compare(Dataset(hand_study()), judged())
    (value,) = rows_of(found, "values", condition="ce-uniform", metric="balanced_accuracy")
    assert (value["value"], value["n_replicates"]) == (pytest.approx(0.75), 2)
    (row,) = rows_of(found, "comparisons", a="mcc-uniform", metric="balanced_accuracy")
    V, B, T = 0.0175, 0.015, 0.0025
    df = V**2 / ((0.0025**2 + 0.015**2) / 4)
    assert row["difference"] == pytest.approx(((1 - 0.7) + (1 - 0.8)) / 2)
    assert (row["se_models"] ** 2, row["se_patients"] ** 2, row["se_replicates"] ** 2) == pytest.approx((V, B, T))
    first = t.ppf(0.975, df) * V**0.5
    second = (B * t.ppf(0.975, df) + T * t.ppf(0.975, 1)) / (B + T) * (B + T) ** 0.5
    assert (first, second) == (pytest.approx(0.3344, abs=1e-4), pytest.approx(0.5267, abs=1e-4))
    assert (row["models_low"], row["models_high"]) == pytest.approx((0.25 - first, 0.25 + first))
    assert (row["procedure_low"], row["procedure_high"]) == pytest.approx((0.25 - second, 0.25 + second))
    power = t.ppf(0.8, 1 * ((B + T) / T) ** 2)
    assert row["detectable"] == pytest.approx(second + power * (B + T) ** 0.5) == pytest.approx(0.639, abs=1e-3)
    p = row["p_procedure"]
    assert (B * t.isf(p / 2, df) + T * t.isf(p / 2, 1)) / (B + T) * (B + T) ** 0.5 == pytest.approx(0.25)
    assert p == pytest.approx(0.169, abs=1e-3) and row["evidence"] == pytest.approx(1 - p / 2)
    assert (row["decision"], row["decision_models"], row["relevant"]) == ("undecided", "undecided", False)
    assert row["p_procedure_holm"] == p, "a single comparison"
    # Three patients have a difference; swapped for all of them, or for none, it is as large: 2 of 8, at random.
    assert row["p_models"] == pytest.approx(2 / 8, abs=0.02)
    assert "2 seeds only" in row["note"]


@pytest.mark.parametrize(("images", "seeds"), [(1, 3), (4, 2), (1, 1)])
def test_intervals_p_values_and_decisions_are_those_of_the_reference(images, seeds):
    runs, (labels, patients, p) = simulated(seeds, images=images)
    found = compare(Dataset(runs), judged())
    theirs, strata = reference.jackknife(labels, patients, p.reshape(-1, *p.shape[2:]))
    for metric in RESAMPLED:
        theta, U = theirs[metric]
        pool = reference.pooled_seed_variance(theta, 6, True) if seeds > 1 else None
        rows = rows_of(found, "comparisons", metric=metric, with_baseline=True)
        assert [row["a"] for row in rows] == [level["condition"] for level in LEVELS[1:]]
        expected = []
        for c, row in enumerate(rows, 1):
            part = reference.parts(*reference.contrast(theta, U, 6, c, 0), strata, pool)
            expected.append(part)
            half = reference.half_width(part, procedure=False)
            assert row["models_high"] - row["difference"] == pytest.approx(half)
            if seeds == 1:
                assert "procedure_low" not in row and np.isnan(row["p_procedure"])
                assert row["decision"] == "undecided" and "One seed" in row["note"]
                continue
            assert row["procedure_high"] - row["difference"] == pytest.approx(reference.half_width(part))
            assert row["p_procedure"] == pytest.approx(reference.p_value(part), rel=1e-6)
            assert row["detectable"] == pytest.approx(reference.detectable(part))
        if seeds > 1:
            assert [row["p_procedure_holm"] for row in rows] == pytest.approx(
                reference.holm([reference.p_value(part) for part in expected]), rel=1e-6
            )
        for c in range(6):
            (value,) = rows_of(found, "values", condition=LEVELS[c]["condition"], metric=metric, unit="sample")
            assert value["value"] == pytest.approx(theta.reshape(6, seeds)[c].mean())


def test_both_units_have_values_and_one_is_judged():
    runs, _ = simulated(images=4)
    found = compare(Dataset(runs), judged(unit="group"))
    assert {row["unit"] for row in found["values"]} == {"sample", "group"}
    assert {row["unit"] for table in ("comparisons", "ranks") for row in found[table]} == {"group"}
    single, _ = simulated(images=1)
    assert {row["unit"] for row in compare(Dataset(single), judged(unit="group"))["comparisons"]} == {"sample"}


def test_metrics_that_jump_have_values_and_no_intervals():
    runs, _ = simulated(conditions=2)
    (row,) = rows_of(compare(Dataset(runs), judged()), "values", condition="ce-uniform", metric="sens_at_90_spec_macro")
    assert np.isfinite(row["value"]) and "models_low" not in row and "jumps" in row["note"]
    with pytest.raises(ValueError, match="is not smooth when one patient is left out"):
        judged(primary="sens_at_90_spec_macro")


def test_all_pairs_are_there_once_and_the_baseline_is_always_b():
    runs, _ = simulated()
    found = compare(Dataset(runs), judged())
    rows = rows_of(found, "comparisons", metric="balanced_accuracy")
    assert len(rows) == 15 == len({frozenset((row["a"], row["b"])) for row in rows})
    assert [row["b"] for row in rows if "ce-uniform" in (row["a"], row["b"])] == 5 * ["ce-uniform"]
    for row in rows:
        assert row["simultaneous_low"] < row["difference"] < row["simultaneous_high"]
        excludes = row["simultaneous_low"] > 0 or row["simultaneous_high"] < 0
        assert (row["decision_all_pairs"] in ("better", "worse")) <= excludes


def test_collapsed_and_diverged_runs_are_counted_and_only_the_latter_left_out():
    runs, _ = simulated()
    runs[Run("s", "toy", "mcc-uniform", 1)].probabilities[3] = np.nan
    runs[Run("s", "toy", "ce-weighted", 0)].probabilities[:] = [1, 0, 0]
    for seed in range(3):
        runs[Run("s", "toy", "mcc-weighted", seed)].probabilities[:] = np.nan
    entrants = candidates(runs, "sample")
    assert entrants.diverged["mcc-uniform"] == ("seed-1",)
    assert entrants.design.unstable == {"mcc-uniform", "mcc-weighted", "ce-weighted"}
    found = compare(Dataset(runs), judged(), read_levels(json.dumps(LEVELS)))
    counts = {
        row["condition"]: (row["n_replicates"], row["n_runs"], row["n_collapsed"], row["n_diverged"])
        for row in rows_of(found, "values", metric="balanced_accuracy")
    }
    assert counts["ce-weighted"] == (3, 3, 1, 0) and counts["mcc-uniform"] == (2, 3, 0, 1)
    assert counts["mcc-weighted"] == (0, 3, 0, 3)
    (row,) = rows_of(found, "comparisons", a="mcc-uniform", metric="balanced_accuracy", with_baseline=True)
    assert row["n_replicates"] == 2 and "2 seeds only" in row["note"], "its own seed variance"
    (row,) = rows_of(found, "comparisons", a="mcc-weighted", metric="balanced_accuracy", with_baseline=True)
    assert (row["n_replicates"], row["decision"], row["note"]) == (
        *(0, "undecided", "not estimable: no replicate has all runs"),
    )
    (rank,) = rows_of(found, "ranks", candidate="mcc-weighted", metric="balanced_accuracy")
    assert np.isnan(rank["rank"]) and not rank["possible_best"]
    assert "mcc-weighted" not in {name for row in found["effects"] for name in (row["level"], row["reference"])}


def test_a_study_whose_runs_all_diverged_has_rows_without_values():
    runs, _ = simulated()
    for run in runs.values():
        run.probabilities[:] = np.nan
    found = compare(Dataset(runs), judged())
    assert {row["note"] for row in found["values"]} == {"all runs diverged"} and not found["comparisons"]


@pytest.mark.parametrize(("sizes", "estimable"), [((20, 12, 4), False), ((20, 12, 5), True)])
def test_fewer_than_five_patients_are_not_estimable(sizes, estimable):
    runs, _ = simulated(sizes=sizes)
    found = compare(Dataset(runs), judged(), read_levels(json.dumps(LEVELS)))
    for row in (*found["comparisons"], *found["effects"]):
        assert ("models_low" in row) == ("procedure_low" in row) == estimable, row
        assert ("not estimable: a class has 4 patients" in row["note"]) != estimable
        if not estimable:
            assert row.get("decision", "undecided") == row.get("decision_all_pairs", "undecided") == "undecided"
            assert np.isnan(row.get("p_models", np.nan)) and np.isnan(row.get("p_procedure", np.nan))
    for row in rows_of(found, "ranks", metric="balanced_accuracy"):
        assert ("first" in row) == estimable
        assert row["possible_best"] or estimable
    (recall,) = rows_of(found, "values", condition="ce-uniform", metric="recall_no")
    assert "models_low" in recall, "a class of its own"


def test_equal_conditions_have_no_interval_of_width_zero():
    runs, _ = simulated()
    for seed in range(3):
        runs[Run("s", "toy", "ce-weighted", seed)] = runs[Run("s", "toy", "ce-uniform", seed)]
    (row,) = rows_of(compare(Dataset(runs), judged()), "comparisons", a="ce-weighted", metric="mcc", with_baseline=True)
    assert row["difference"] == 0 and "models_low" not in row
    assert row["note"] == "not estimable: no patient changes the value"


def test_words_of_a_family_hold_for_all_of_it():
    """A difference that its own interval finds is undecided among many, and equivalence needs wider intervals."""
    parts = Parts(0.05, 0.0004, 100.0, 0.0003, 0.0001, 8.0, 4, 6)
    own = 0.031
    alone = family([parts], [own], 0.02, "higher").conclusions[0]
    assert alone.word == "better" and not alone.relevant
    assert family([parts], [own], 0.02, "lower").conclusions[0].word == "worse"
    many = family([parts, *[replace(parts, mean=0.0)] * 5], [own, *[1.0] * 5], 0.02, "higher")
    assert many.adjusted[0] == pytest.approx(6 * own) and many.conclusions[0].word == "undecided"
    small = replace(parts, mean=0.0)
    wide = half_width(small, 0.90)
    assert family([small], [1.0], 1.01 * wide, "higher").conclusions[0].word == "equivalent"
    assert family([small] * 6, [1.0] * 6, 1.01 * wide, "higher").conclusions[0].word == "undecided"
    nothing = replace(parts, V=0.0)
    assert family([nothing], [np.nan], 0.02, "higher").conclusions[0].word == "undecided"


def test_runs_on_other_images_or_folds_and_missing_baselines_are_refused():
    runs, _ = simulated()
    with pytest.raises(UserError, match=r'the baseline "focal-uniform" has no run; there are runs of ce-uniform'):
        compare(Dataset(runs), judged(baseline="focal-uniform"))
    divided = in_folds(runs, np.arange(78) % 5)
    place = Run("s", "toy", "mcc-uniform", 1)
    divided[place] = replace(divided[place], fold=np.arange(78) % 2)
    with pytest.raises(UserError, match="s/toy/mcc-uniform/seed-1: its folds are not those of the other runs of toy"):
        compare(Dataset(divided), judged())
    other, _ = simulated(sizes=(41, 16, 21))
    runs[place] = other[place]
    with pytest.raises(UserError, match="are not those of"):
        compare(Dataset(runs), judged())
