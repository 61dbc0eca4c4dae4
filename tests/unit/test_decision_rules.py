"""Decision rules, temperature scaling and the references that need no image."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier

from imbalance_aware.__main__ import main
from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.decision_rules import (
    RULES,
    Basis,
    calibrate,
    decide,
    lacks,
    shift,
    tune_offsets,
    usable,
)
from imbalance_aware.evaluation.logit_adjustment import adjust_logits
from imbalance_aware.evaluation.metrics import outcome_metrics
from imbalance_aware.evaluation.references import MAJORITY_CLASS, PRIOR_RANDOM, reference_metrics
from imbalance_aware.evaluation.temperature import HIGHEST, LOWEST, fit_temperature, scale
from imbalance_aware.metrics import calibration
from imbalance_aware.metrics.catalogue import ADJUSTMENTS, METRICS, WEIGHTED, metrics_for, named
from imbalance_aware.metrics.declaration import Context, Outcome
from imbalance_aware.statistics.design import Design
from imbalance_aware.statistics.influence import measure
from imbalance_aware.statistics.permutation import permutation_p
from imbalance_aware.tables.run_metrics import metric_values

CLASSES = ("no", "early", "advanced")
BALANCED = METRICS["balanced_accuracy"]
COSTS = ((0.0, 1.0, 2.0), (5.0, 0.0, 1.0), (10.0, 3.0, 0.0))
CONTEXT = Context(ordered=True, prevalence=(0.9, 0.07, 0.03), costs=COSTS)


@st.composite
def outcomes(draw, classes=3):
    n = draw(st.integers(2 * classes, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    labels = np.r_[np.arange(classes), rng.integers(0, classes, n - classes)]
    scores = np.exp(rng.normal(size=(n, classes)) + np.eye(classes)[labels] + np.arange(classes)[::-1])
    return Outcome(labels, scores / scores.sum(axis=1, keepdims=True))


def value(outcome, metric=BALANCED):
    return metric.function(outcome)


@settings(max_examples=10, deadline=None)
@given(outcomes(), st.permutations(range(6)))
def test_offsets_are_no_worse_on_validation_than_argmax_and_the_prior(outcome, order):
    counts = [60, 30, 10]
    for metric in (BALANCED, METRICS["f1_macro"]):
        tuned = replace(outcome, probabilities=shift(outcome.probabilities, tune_offsets(outcome, counts, metric)))
        assert value(tuned, metric) >= value(outcome, metric) - 1e-9
        prior = decide("prior", outcome, Basis(counts))
        assert value(tuned, metric) >= value(prior, metric) - 1e-9
    shuffled = outcome.of(np.r_[list(order), np.arange(6, len(outcome.labels))])
    assert tune_offsets(shuffled, counts, BALANCED).tolist() == tune_offsets(outcome, counts, BALANCED).tolist()


@settings(max_examples=30, deadline=None)
@given(outcomes(classes=2))
def test_of_two_classes_the_tuned_offset_is_the_best_threshold(outcome):
    offsets = tune_offsets(outcome, [9, 1], BALANCED)
    assert offsets[0] == 0
    tuned = value(replace(outcome, probabilities=shift(outcome.probabilities, offsets)))
    thresholds = np.r_[outcome.probabilities[:, 1], 2.0]
    by_threshold = [replace(outcome, decisions=(outcome.probabilities[:, 1] >= t).astype(int)) for t in thresholds]
    assert tuned == pytest.approx(max(map(value, by_threshold)))


def test_offsets_are_zero_where_nothing_can_be_won():
    labels = np.repeat([0, 1, 2], 4)
    right = Outcome(labels, np.eye(3)[labels] * 0.8 + 0.1 * 2 / 3)
    assert tune_offsets(right, [1, 1, 1], BALANCED).tolist() == [0, 0, 0]


@settings(max_examples=30, deadline=None)
@given(outcomes())
def test_the_cost_rule_has_the_least_expected_cost(outcome):
    decided = decide("cost", replace(outcome, context=CONTEXT), Basis([1, 1, 1]))
    expected = outcome.probabilities @ np.array(COSTS)
    chosen = expected[np.arange(len(outcome.labels)), decided.predicted]
    assert (chosen <= expected.min(axis=1) + 1e-12).all()
    assert decided.probabilities is outcome.probabilities, "metrics of probabilities stay those of argmax"
    equal = replace(outcome, context=Context(costs=tuple(map(tuple, 1 - np.eye(3)))))
    assert decide("cost", equal, Basis([1, 1, 1])).predicted.tolist() == outcome.predicted.tolist()


def test_costs_of_two_classes_are_a_threshold():
    """Missing costs 9, a false alarm 1: called positive from 1 / (1 + 9) on."""
    share = np.array([0.05, 0.09, 0.11, 0.5])
    outcome = Outcome(np.zeros(4, int), np.column_stack([1 - share, share]), context=Context(costs=((0, 1), (9, 0))))
    assert decide("cost", outcome, Basis([1, 1])).predicted.tolist() == [0, 0, 1, 1]


def test_argmax_changes_nothing_and_the_prior_is_logit_adjustment():
    outcome = Outcome(np.array([0, 1]), np.array([[0.8, 0.2], [0.6, 0.4]]))
    assert decide("argmax", outcome, Basis([9, 1])) is outcome
    adjusted = decide("prior", outcome, Basis([9, 1])).probabilities
    assert adjusted.tolist() == adjust_logits(outcome.probabilities, [9, 1]).tolist()
    assert shift(outcome.probabilities, -np.log([0.9, 0.1])) == pytest.approx(adjusted)


def test_pooled_predictions_are_decided_by_the_basis_of_their_fold():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([1, 1, 1], 30)
    fold = np.arange(30) % 2
    outcome = Outcome(rng.integers(0, 3, 30), probabilities, fold, CONTEXT)
    parts = {number: Basis([60, 30, 10 + 50 * number], outcome.of(fold == number), BALANCED) for number in (0, 1)}
    for rule in RULES:
        decided = decide(rule, outcome, parts)
        assert decided.fold is fold
        for number, basis in parts.items():
            alone = decide(rule, outcome.of(fold == number), basis)
            assert decided.probabilities[fold == number].tolist() == alone.probabilities.tolist()
            assert decided.predicted[fold == number].tolist() == alone.predicted.tolist()
    scaled = calibrate(outcome, parts)
    assert scaled.probabilities[fold == 1].tolist() == scale(probabilities[fold == 1], parts[1].temperature).tolist()


def test_a_rule_that_cannot_be_applied_says_why():
    outcome = Outcome(np.array([0, 1]), np.array([[0.8, 0.2], [0.6, 0.4]]))
    assert [rule for rule in RULES if usable(rule, outcome, Basis([1, 1]))] == ["argmax", "prior"]
    assert lacks("cost", outcome, Basis([1, 1])) == "the dataset gives no costs"
    assert "no metric is declared" in lacks("offsets", outcome, Basis([1, 1], outcome))
    assert "auroc_macro is no metric of the decisions" in lacks(
        "offsets", outcome, Basis([1, 1], outcome, METRICS["auroc_macro"])
    )
    diverged = replace(outcome, probabilities=np.full((2, 2), np.nan))
    assert "not finite" in lacks("offsets", outcome, Basis([1, 1], diverged, BALANCED))
    with pytest.raises(UserError, match="decision rule offsets: there are no validation predictions"):
        decide("offsets", outcome, Basis([1, 1], None, BALANCED))
    with pytest.raises(UserError, match=r'no decision rule "prio"\. Did you mean "prior"\?'):
        decide("prio", outcome, Basis([1, 1]))
    folds = {0: Basis([1, 1], outcome, BALANCED), 1: Basis([1, 1])}
    assert lacks("offsets", replace(outcome, fold=np.array([0, 1])), folds)


@settings(max_examples=30, deadline=None)
@given(outcomes(), st.floats(0.2, 5))
def test_the_temperature_is_the_one_that_scipy_finds(outcome, factor):
    from scipy.optimize import minimize_scalar

    def loss(inverse):
        return calibration.log_loss(replace(outcome, probabilities=scale(outcome.probabilities, 1 / inverse)))

    found = fit_temperature(outcome.labels, outcome.probabilities)
    best = minimize_scalar(loss, bounds=(1 / HIGHEST, 1 / LOWEST), method="bounded", options={"xatol": 1e-10})
    assert loss(1 / found) <= min(best.fun, loss(1.0)) + 1e-9
    if LOWEST < found < HIGHEST / 2:
        flatter = scale(outcome.probabilities, factor)
        again = fit_temperature(outcome.labels, flatter)
        assert again == pytest.approx(found / factor, rel=1e-6) or again in (LOWEST, HIGHEST)
        assert scale(outcome.probabilities, found).argmax(axis=1).tolist() == outcome.predicted.tolist()


def test_a_temperature_has_bounds():
    right = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert fit_temperature(np.array([0, 1]), right) == LOWEST
    assert fit_temperature(np.array([1, 0]), right) == HIGHEST
    with pytest.raises(ValueError, match="finite"):
        fit_temperature(np.array([0]), np.array([[np.nan, 0.5]]))


@pytest.mark.parametrize(("labels", "counts"), [([0, 0, 1, 2], [6, 3, 1]), ([0, 1, 1, 0, 1], [4, 1])])
def test_classes_drawn_at_random_are_the_mean_over_all_draws(labels, counts):
    labels, classes = np.array(labels), len(counts)
    context = Context(True, (0.9, 0.07, 0.03), COSTS) if classes == 3 else Context(True, (0.9, 0.1), ((0, 1), (5, 0)))
    names = CLASSES[:classes]
    outcome = Outcome(labels, np.full((len(labels), classes), 1 / classes), context=context)
    found = reference_metrics(outcome, counts, names)[PRIOR_RANDOM]
    shares = np.array(counts) / sum(counts)
    expected = dict.fromkeys((name for name, metric in metrics_for(context).items() if metric.decides), 0.0)
    for draw in itertools.product(range(classes), repeat=len(labels)):
        drawn = replace(outcome, decisions=np.array(draw))
        for name in expected:
            values = METRICS[name].function(drawn)
            expected[name] = expected[name] + shares[list(draw)].prod() * np.array(values, dtype=float)
    for name, mean in expected.items():
        ours = [found[f"{name}_{of}"] for of in names] if METRICS[name].per_class else found[name]
        if name in ("ppv", "npv"):  # the metric of the expected confusion matrix stands in
            assert ours == pytest.approx([share if name == "ppv" else 1 - share for share in context.prevalence])
        else:
            assert ours == pytest.approx(mean, abs=1e-12), name


def test_the_majority_class_is_scikit_learns_dummy():
    rng = np.random.default_rng(1)
    training, labels = np.repeat([0, 1, 2], [3, 10, 7]), np.r_[0, 1, 2, rng.integers(0, 3, 20)]
    dummy = DummyClassifier(strategy="prior").fit(training[:, None], training)
    outcome = Outcome(labels, dummy.predict_proba(labels[:, None]), context=CONTEXT)
    found = reference_metrics(outcome, np.bincount(training).tolist(), CLASSES)
    report = outcome_metrics(outcome, CLASSES)
    assert found[MAJORITY_CLASS] == {name: report[name] for name in found[MAJORITY_CLASS]}
    assert found[MAJORITY_CLASS]["recall_early"] == 1 and found[MAJORITY_CLASS]["auroc_macro"] == 0.5
    for name in ("log_loss", "brier", "auroc_macro", "average_precision_no"):
        assert found[PRIOR_RANDOM][name] == found[MAJORITY_CLASS][name], "both give the shares as probabilities"
    assert [*found[PRIOR_RANDOM]] == [*found[MAJORITY_CLASS]]


def test_references_of_a_cross_validation_know_the_training_set_of_each_fold():
    labels, fold = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    outcome = Outcome(labels, np.full((4, 2), 0.5), fold)
    found = reference_metrics(outcome, {0: [9, 1], 1: [1, 3]}, ("a", "b"))
    assert found[MAJORITY_CLASS]["recall_a"] == 0.5 and found[MAJORITY_CLASS]["recall_b"] == 0.5
    assert found[PRIOR_RANDOM]["recall_a"] == pytest.approx((0.9 + 0.25) / 2)


def test_rules_are_compared_by_the_statistics_as_conditions_are():
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1, 2], [40, 12, 8])
    scores = np.exp(rng.normal(size=(60, 3)) + np.eye(3)[labels] + [2, 0, 0])
    argmax = Outcome(labels, scores / scores.sum(axis=1, keepdims=True), context=CONTEXT)
    cost = decide("cost", argmax, Basis([1, 1, 1]))
    design = Design(("argmax", "cost"), ("seed-0",), labels, np.arange(60))
    expected_cost = METRICS["expected_cost"]
    first, second = (
        permutation_p(design, [pair], expected_cost.resampled, draws=200) for pair in ((argmax, cost), (cost, argmax))
    )
    assert first == second < 0.05
    assert permutation_p(design, [(cost, cost)], expected_cost.resampled, draws=20) == 1
    forms = {name: metric.of_resamples for name, metric in WEIGHTED.items()}
    found = measure(design, {("argmax", "seed-0"): argmax, ("cost", "seed-0"): cost}, forms)
    assert found["expected_cost"].values[:, 0] == pytest.approx([value(of, expected_cost) for of in (argmax, cost)])
    assert found["ppv"].of_class(0).influence.shape == (60, 2, 1)


def write(path, outcome, fold=None, letter="s"):
    table = pd.DataFrame({"subject": [f"{letter}{k}" for k in range(len(outcome.labels))]})
    table = table.assign(group=table["subject"], cohort="x", label=outcome.labels)
    table["class"] = [CLASSES[label] for label in outcome.labels]
    if fold is not None:
        table["fold"] = fold
    table[[f"prob_{name}" for name in CLASSES]] = outcome.probabilities
    table.to_csv(path, index=False)
    return str(path)


@pytest.fixture
def run(tmp_path):
    """Arguments of the step ``evaluate`` for a run with a validation part and costs."""
    rng = np.random.default_rng(3)
    parts = []
    for labels in (np.r_[0, 1, 2, rng.integers(0, 3, n - 3)] for n in (30, 40)):
        n = len(labels)
        scores = np.exp(2 * rng.normal(size=(n, 3)) + 2 * np.eye(3)[labels] + [2, 0, 0])
        parts.append(Outcome(labels, scores / scores.sum(axis=1, keepdims=True), context=CONTEXT))
    trained = Outcome(np.r_[[0] * 8, 1, 2, 2], np.full((11, 3), 1 / 3), context=CONTEXT)
    rows = [
        (f"{split[0]}{k}", CLASSES[label], split)
        for split, outcome in {"train": trained, "validation": parts[0], "stest": parts[1]}.items()
        for k, label in enumerate(outcome.labels)
    ]
    samples = pd.DataFrame(rows, columns=["subject", "class", "split"]).replace("stest", "test")
    samples.assign(label=0, group="", cohort="", image_sha256="").to_csv(tmp_path / "samples.csv", index=False)
    write(tmp_path / "training_predictions.csv", trained, letter="t")
    known = {"classes": CLASSES, "ordered": True, "costs": COSTS}
    known["deployment_prevalence"] = dict(zip(CLASSES, CONTEXT.prevalence, strict=True))
    arguments = ["evaluate", "--predictions", write(tmp_path / "predictions.csv", parts[1])]
    arguments += ["--samples", str(tmp_path / "samples.csv"), "--out", str(tmp_path / "metrics.json")]
    arguments += ["--context", json.dumps(known), "--primary", "balanced_accuracy"]
    return (
        tmp_path,
        arguments,
        ["--validation", write(tmp_path / "validation_predictions.csv", parts[0], letter="v")],
        parts,
    )


def test_the_step_writes_every_rule_and_the_temperature(run):
    folder, arguments, validation, (held_out, test) = run
    assert main([*arguments, *validation, "--training", str(folder / "training_predictions.csv")]) == 0
    report = json.loads((folder / "metrics.json").read_text())
    basis = Basis([8, 1, 2], held_out, BALANCED)
    for rule in ("offsets", "cost"):
        expected = outcome_metrics(decide(rule, test, basis), CLASSES)
        block = report["decision_rules"][rule]
        assert {name: block[name] for name in ("mcc", "expected_cost", "log_loss")} == pytest.approx(
            {name: expected[name] for name in ("mcc", "expected_cost", "log_loss")}
        )
    assert report["decision_rules"]["offsets"]["offsets"] == pytest.approx(
        dict(zip(CLASSES, basis.offsets.tolist(), strict=True))
    )
    scaled = report["temperature_scaling"]
    assert scaled["temperature"] == pytest.approx(basis.temperature)
    assert scaled["log_loss"] < report["log_loss"], "these predictions are too certain"
    assert scaled["mcc"] == report["mcc"], "the most probable class stays the same"

    values = {name: value for _, name, value, _ in metric_values(folder / "metrics.json")}
    for prefix in ("", *ADJUSTMENTS):
        assert values[f"{prefix}balanced_accuracy"] is not None
        assert named(f"{prefix}f1_early").adjustment == prefix
    assert values["temperature_log_loss"] == scaled["log_loss"]


def test_of_a_group_the_least_cost_is_decided_from_its_mean_probabilities(run):
    folder, arguments, _, (_, test) = run
    table = pd.read_csv(folder / "predictions.csv")
    table.assign(group=[f"p{k // 4}" for k in range(len(table))]).to_csv(folder / "predictions.csv", index=False)
    assert main(arguments) == 0
    report = json.loads((folder / "metrics.json").read_text())["by_group"]
    groups = np.arange(len(test.labels)) // 4
    keys = sorted({*zip(groups.tolist(), test.labels.tolist(), strict=True)})
    means = [test.probabilities[(groups == group) & (test.labels == label)].mean(axis=0) for group, label in keys]
    outcome = Outcome(np.array([label for _, label in keys]), np.array(means), context=CONTEXT)
    decided = decide("cost", outcome, Basis([8, 1, 2]))
    assert report["decision_rules"]["cost"]["expected_cost"] == pytest.approx(
        METRICS["expected_cost"].function(decided)
    )
    assert report["expected_cost"] == pytest.approx(METRICS["expected_cost"].function(outcome))


def test_without_validation_or_costs_those_rules_are_left_out(run):
    folder, arguments, _, _ = run
    assert main([*arguments, "--context", "{}"]) == 0
    report = json.loads((folder / "metrics.json").read_text())
    assert not {"decision_rules", "temperature_scaling", "expected_cost"} & {*report}
    assert "posthoc_logit_adjustment" in report


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--context", '{"classes": ["early", "no", "advanced"], "ordered": true}'], "its classes are early, no"),
        (["--context", '{"costs": [[0, 1], [1, 0]]}'], "expected 3 rows of 3 numbers"),
        (["--context", '{"order": true}'], 'Did you mean "ordered"'),
        (["--context", "[]"], "expected keys with values"),
        (["--context", "{"], "not valid JSON"),
        (["--primary", "balanced"], 'there is no metric "balanced"'),
    ],
)
def test_what_does_not_fit_is_refused(run, capsys, more, message):
    _, arguments, _, _ = run
    assert main([*arguments, *more]) == 2
    assert message in capsys.readouterr().err


def test_a_diverged_run_keeps_its_blocks(run):
    folder, arguments, validation, (held_out, test) = run
    write(folder / "predictions.csv", replace(test, probabilities=np.full((40, 3), np.nan)))
    write(folder / "validation_predictions.csv", replace(held_out, probabilities=np.full((30, 3), np.nan)), letter="v")
    assert main([*arguments, *validation]) == 0
    report = json.loads((folder / "metrics.json").read_text())
    assert report["status"] == report["posthoc_logit_adjustment"]["status"] == "diverged"
    assert [*report["decision_rules"]] == ["cost"] and "temperature_scaling" not in report
