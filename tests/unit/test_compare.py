"""Values, comparisons, ranks and effects of a study: by hand, and equal to the room of statistics and its reference."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from imbalance_aware.__main__ import main
from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.bases import bases
from imbalance_aware.evaluation.candidates import ARGMAX, PRIOR, candidate_name, candidates, condition_and_rule
from imbalance_aware.evaluation.compare import Dataset, compare, read_levels
from imbalance_aware.evaluation.decision_rules import Basis, decide
from imbalance_aware.evaluation.effect_rows import effects
from imbalance_aware.evaluation.families import family
from imbalance_aware.evaluation.logit_adjustment import adjust_logits
from imbalance_aware.evaluation.settings import EvaluationSettings
from imbalance_aware.metrics.catalogue import METRICS, RESAMPLED
from imbalance_aware.metrics.declaration import Context, Outcome
from imbalance_aware.runs.identity import Run
from imbalance_aware.statistics.intervals import half_width
from imbalance_aware.statistics.multiplicity import holm
from imbalance_aware.statistics.variance import Parts
from imbalance_aware.tables.comparisons import COMPARISONS
from imbalance_aware.tables.effects import EFFECTS
from imbalance_aware.tables.predictions import Predictions
from imbalance_aware.tables.ranks import RANKS
from imbalance_aware.tables.values import VALUES
from oracles import statistics_reference as reference

CLASSES = ("no", "early", "advanced")
LEVELS = [
    {"condition": "ce-uniform", "loss": "ce", "sampling": "uniform", "weighted": False},
    {"condition": "ce-weighted", "loss": "ce", "sampling": "uniform", "weighted": True},
    {"condition": "ce-oversampling", "loss": "ce", "sampling": "oversampling", "weighted": False},
    {"condition": "mcc-uniform", "loss": "soft_mcc", "sampling": "uniform", "weighted": False},
    {"condition": "mcc-weighted", "loss": "soft_mcc", "sampling": "uniform", "weighted": True},
    {"condition": "mcc-oversampling", "loss": "soft_mcc", "sampling": "oversampling", "weighted": False},
]


def predicted(labels, probabilities, classes=CLASSES, groups=None, fold=None):
    subjects = np.array([f"s{i}" for i in range(len(labels))], dtype=object)
    groups = subjects if groups is None else np.array([f"p{g}" for g in groups], dtype=object)
    return Predictions(subjects, classes, labels, probabilities, groups, np.full(len(labels), "here"), {}, fold)


def simulated(seeds=3, conditions=6, images=1, sizes=(40, 16, 22), seed=0, spread=0.6):
    """Runs of a study, and the arrays that the reference takes."""
    rng = np.random.default_rng(seed)
    effect = spread * rng.normal(size=(conditions, 1)) * np.ones(3)
    labels, patients, p = reference.simulate(rng, sizes, conditions, seeds, images, effect=effect)
    runs = {
        Run("s", "toy", LEVELS[c]["condition"], s): predicted(labels, p[c, s], groups=patients)
        for c in range(conditions)
        for s in range(seeds)
    }
    return runs, (labels, patients, p)


def basis_of(runs, counts, **known):
    """What rules may learn from: the same class counts in every run."""
    return {place: Basis(counts, **known) for place in runs}


def judged(**keys):
    return EvaluationSettings(**keys)


def rows_of(found, table, **keys):
    rows = [row for row in found[table] if all(row.get(key) == value for key, value in keys.items())]
    assert rows, (table, keys)
    return rows


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


def test_metrics_that_jump_have_values_and_no_intervals():
    runs, _ = simulated(conditions=2)
    (row,) = rows_of(compare(Dataset(runs), judged()), "values", condition="ce-uniform", metric="sens_at_90_spec_macro")
    assert np.isfinite(row["value"]) and "models_low" not in row and "jumps" in row["note"]
    with pytest.raises(ValueError, match="jumps when one patient is left out"):
        judged(primary="sens_at_90_spec_macro")


def test_names_of_candidates():
    assert candidate_name("ce-uniform", ARGMAX) == "ce-uniform"
    assert candidate_name("ce-uniform", PRIOR) == "ce-uniform@prior"
    assert condition_and_rule("ce-uniform@prior") == ("ce-uniform", PRIOR)
    assert condition_and_rule("ce-uniform") == ("ce-uniform", ARGMAX)


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
    assert row["note"] == "not estimable: no patient changes it"


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


# Cross-validated datasets: pooled predictions; repeats in the place of seeds.


def in_folds(runs, folds, repeat=0):
    return {replace(place, repeat=repeat): replace(run, fold=folds) for place, run in runs.items()}


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


def write_runs(folder, runs):
    paths = []
    for place, run in runs.items():
        path = folder / place.place / "predictions.csv"
        path.parent.mkdir(parents=True)
        table = pd.DataFrame({"subject": run.subjects, "group": run.groups, "cohort": run.cohorts})
        table["class"], table["label"] = [run.classes[label] for label in run.labels], run.labels
        table[[f"prob_{name}" for name in run.classes]] = run.probabilities
        table.to_csv(path, index=False)
        paths.append(str(path))
    return paths


def test_the_step_writes_tables_that_read_back_the_same_every_time(tmp_path):
    runs, _ = simulated(seeds=2)
    paths = write_runs(tmp_path, runs)
    arguments = [
        "statistics",
        "--conditions",
        json.dumps(LEVELS),
        "--out",
        str(tmp_path / "out"),
        "--predictions",
        *paths,
    ]
    assert main(arguments) == 0
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert main(arguments) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == first
    expected = compare(Dataset(runs), judged(), read_levels(json.dumps(LEVELS)))
    for name, form in {"values": VALUES, "comparisons": COMPARISONS, "ranks": RANKS, "effects": EFFECTS}.items():
        table = form.read(tmp_path / "out" / f"{name}.csv")
        assert len(table) == len(expected[name]) and set(table["dataset"]) == {"toy"}
        for row, found in zip(expected[name], table.to_dict("records"), strict=True):
            for key, value in row.items():
                same = pytest.approx(value, nan_ok=True) if isinstance(value, float) else value
                assert found[key] == same, (name, key)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--evaluation", "{"], "--evaluation: not valid JSON"),
        (["--evaluation", '{"primary": "mc"}'], '"mc" is not known'),
        (["--context", "[]"], "--context: expected keys with values (got [])"),
        (["--conditions", "[{}]"], "--conditions: expected condition, loss, sampling and weighted"),
    ],
)
def test_mistakes_in_arguments_are_told(tmp_path, capsys, arguments, message):
    paths = write_runs(tmp_path, simulated(seeds=1, conditions=2)[0])
    assert main(["statistics", *arguments, "--out", str(tmp_path / "out"), "--predictions", *paths]) == 2
    assert message in capsys.readouterr().err


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
