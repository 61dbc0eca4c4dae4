"""Metrics against other libraries and against a calculator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from imbalance_aware.evaluation.decision_curve import net_benefit, net_benefit_of_all
from imbalance_aware.evaluation.decision_rules import RULES
from imbalance_aware.evaluation.metrics import classification_metrics, outcome_metrics
from imbalance_aware.metrics import calibration, decisions, ranking
from imbalance_aware.metrics.catalogue import ADJUSTMENTS, METRICS
from imbalance_aware.metrics.declaration import Context, Outcome, Resamples

COSTS = ((0, 1, 4), (3, 0, 2), (9, 5, 0))
CONTEXT = Context(ordered=True, prevalence=(0.9, 0.07, 0.03), costs=COSTS)


@st.composite
def outcomes(draw, digits=(1, 3)):
    """Predictions with every class of three there, ties where there are few digits."""
    n = draw(st.integers(6, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    labels = np.r_[0, 1, 2, rng.integers(0, 3, n - 3)]
    scores = np.round(rng.random((n, 3)) + 0.5 * np.eye(3)[labels], draw(st.sampled_from(digits))) + 0.05
    return Outcome(labels, scores / scores.sum(axis=1, keepdims=True), context=CONTEXT)


@settings(max_examples=40, deadline=None)
@given(outcomes())
def test_one_set_of_predictions(outcome):
    labels, probabilities, predicted = outcome.labels, outcome.probabilities, outcome.predicted
    assert calibration.log_loss(outcome) == pytest.approx(oracle.log_loss(labels, probabilities, labels=[0, 1, 2]))
    kappa = oracle.cohen_kappa_score(labels, predicted, weights="quadratic", labels=[0, 1, 2])
    assert decisions.quadratic_kappa(outcome) == pytest.approx(kappa)
    for label in range(3):
        is_of = labels == label
        expected = oracle.recall_score(~is_of, predicted != label)
        assert decisions.specificity_by_class(outcome)[label] == pytest.approx(expected)
        false, true, _ = oracle.roc_curve(is_of, probabilities[:, label], drop_intermediate=False)
        sensitivity = true[false <= 0.1 + 1e-9].max()
        assert ranking.sensitivity_by_class(outcome)[label] == pytest.approx(sensitivity)
        specificity = 1 - false[true >= 0.9 - 1e-9].min()
        assert ranking.specificity_by_class(outcome)[label] == pytest.approx(specificity)
    values = decisions.specificity_by_class(outcome)
    assert decisions.specificity_macro(outcome) == pytest.approx(np.mean(values))


@settings(max_examples=40, deadline=None)
@given(outcome=outcomes(), seed=st.integers(0, 2**32))
def test_weighted_forms_take_real_weights_as_scikit_learn_does(outcome, seed):
    weights = np.random.default_rng(seed).random((2, len(outcome.labels))) + 0.01
    labels, probabilities, predicted = outcome.labels, outcome.probabilities, outcome.predicted
    found = {name: metric.resampled(Resamples(outcome, weights)) for name, metric in METRICS.items()}
    for row, weight in enumerate(weights):
        told = {"sample_weight": weight}
        assert found["accuracy"][row] == pytest.approx(oracle.accuracy_score(labels, predicted, **told))
        assert found["log_loss"][row] == pytest.approx(oracle.log_loss(labels, probabilities, labels=[0, 1, 2], **told))
        assert found["brier"][row] == pytest.approx(
            oracle.brier_score_loss(labels, probabilities, labels=[0, 1, 2], scale_by_half=False, **told)
        )
        assert found["mcc"][row] == pytest.approx(oracle.matthews_corrcoef(labels, predicted, **told))
        of_class = oracle.precision_recall_fscore_support(labels, predicted, labels=[0, 1, 2], zero_division=0, **told)
        for name, expected in zip(("precision", "recall", "f1"), of_class, strict=False):
            assert found[name][row] == pytest.approx(expected)
        for label in range(3):
            is_of, scores = labels == label, probabilities[:, label]
            assert found["average_precision"][row, label] == pytest.approx(
                oracle.average_precision_score(is_of, scores, **told)
            )
            assert found["auroc"][row, label] == pytest.approx(oracle.roc_auc_score(is_of, scores, **told))


@settings(max_examples=20, deadline=None)
@given(outcomes())
def test_kappa_and_predictive_values_of_statsmodels_and_confidenceinterval(outcome):
    from confidenceinterval import npv_score, ppv_score, tnr_score
    from statsmodels.stats.inter_rater import cohens_kappa

    if len(np.unique(outcome.predicted)) > 1:
        table = oracle.confusion_matrix(outcome.labels, outcome.predicted)
        expected = cohens_kappa(table, wt="quadratic", return_results=False)
        assert decisions.quadratic_kappa(outcome) == pytest.approx(expected)
    shares = np.bincount(outcome.labels) / len(outcome.labels)
    own = Outcome(outcome.labels, outcome.probabilities, context=Context(prevalence=tuple(shares)))
    assert decisions.accuracy_at_prevalence(own) == pytest.approx(decisions.accuracy(own))
    for label in range(3):
        truth, called = (outcome.labels == label).astype(int), (outcome.predicted == label).astype(int)
        if 0 < called.sum() < len(called):
            for ours, theirs in ((decisions.ppv_by_class, ppv_score), (decisions.npv_by_class, npv_score)):
                assert ours(own)[label] == pytest.approx(theirs(truth, called, compute_ci=False))
            expected = tnr_score(truth, called, compute_ci=False)
            assert decisions.specificity_by_class(own)[label] == pytest.approx(expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(0, 2**32))
def test_bins_of_equal_mass_are_scikit_learns_quantiles(per_bin, seed):
    from sklearn.calibration import calibration_curve

    rng = np.random.default_rng(seed)
    n = per_bin * calibration.MASS_BINS
    labels, share = rng.integers(0, 2, n), rng.random(n)
    outcome = Outcome(labels, np.column_stack([1 - share, share]))
    frequency, mean = calibration_curve(labels, share, n_bins=calibration.MASS_BINS, strategy="quantile")
    expected = np.abs(frequency - mean).mean()
    assert calibration.calibration_error_by_class(outcome) == pytest.approx([expected, expected])


def test_calibration_error_of_a_class_by_hand():
    """Two subjects in ten bins: five bins of the first, five of the second, which is of the class."""
    outcome = Outcome(np.array([0, 1]), np.array([[0.8, 0.2], [0.3, 0.7]]))
    assert calibration.calibration_error_by_class(outcome) == pytest.approx([(0.2 + 0.3) / 2] * 2)
    equal = Outcome(np.array([0, 1]), np.array([[0.5, 0.5], [0.5, 0.5]]))
    assert calibration.calibration_error_macro(equal) == pytest.approx(0), "equal probabilities share all bins"


def test_the_example_of_the_documentation(checkout):
    """`docs/metrics.md` computes these with a calculator."""
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    probabilities = np.array(
        [
            *([0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.3, 0.5, 0.2]),
            *([0.5, 0.4, 0.1], [0.2, 0.7, 0.1], [0.1, 0.6, 0.3]),
            *([0.1, 0.2, 0.7], [0.2, 0.3, 0.5], [0.2, 0.5, 0.3]),
        ]
    )
    context = Context(ordered=True, prevalence=(0.9, 0.07, 0.03), costs=((0, 1, 2), (5, 0, 1), (10, 3, 0)))
    report = outcome_metrics(Outcome(labels, probabilities, context=context), ("no", "early", "advanced"))
    assert report["confusion_matrix"] == [[3, 1, 0], [1, 2, 0], [0, 1, 2]]
    expected = {
        "accuracy": 7 / 10,
        "balanced_accuracy": (3 / 4 + 2 / 3 + 2 / 3) / 3,
        "specificity_no": 5 / 6,
        "specificity_early": 5 / 7,
        "specificity_advanced": 7 / 7,
        "expected_cost": (1 * 1 + 1 * 5 + 1 * 3) / 10,
        "quadratic_kappa": 1 - 3 / (126 / 10),
        "accuracy_at_prevalence": 0.9 * 3 / 4 + 0.07 * 2 / 3 + 0.03 * 2 / 3,
        "ppv_early": 0.07 * 2 / 3 / (0.9 * 1 / 4 + 0.07 * 2 / 3 + 0.03 * 1 / 3),
        "npv_early": (0.9 * 3 / 4 + 0.03 * 2 / 3) / (0.9 * 3 / 4 + 0.07 * 1 / 3 + 0.03 * 2 / 3),
        "log_loss": -np.log([0.8, 0.6, 0.5, 0.3, 0.4, 0.7, 0.6, 0.7, 0.5, 0.3]).mean(),
        "average_precision_advanced": (1 / 1 + 2 / 2 + 3 / 4) / 3,
        "sens_at_90_spec_advanced": 2 / 3,
        "spec_at_90_sens_advanced": 6 / 7,
    }
    assert {name: report[name] for name in expected} == pytest.approx(expected)
    page = (checkout / "docs" / "metrics.md").read_text(encoding="utf-8")
    for name in ("balanced_accuracy", "specificity_early", "quadratic_kappa", "ppv_early", "log_loss"):
        assert f" {report[name]:.3f}" in page, name


def test_every_metric_and_rule_is_defined_on_the_page(checkout):
    page = (checkout / "docs" / "metrics.md").read_text(encoding="utf-8")
    for name in (*METRICS, *RULES, *ADJUSTMENTS):
        assert f"`{name}`" in page, name


def test_what_a_metric_needs_decides_whether_it_exists():
    labels, probabilities = np.array([0, 1, 2]), np.full((3, 3), 1 / 3)
    plain = classification_metrics(labels, probabilities, ("a", "b", "c"))
    full = outcome_metrics(Outcome(labels, probabilities, context=CONTEXT), ("a", "b", "c"))
    added = {"quadratic_kappa", "expected_cost", "accuracy_at_prevalence"}
    assert {*full} - {*plain} == added | {f"{name}_{of}" for name in ("ppv", "npv") for of in "abc"}
    assert not {*plain["undefined"]} & {*full} - {*plain}


def test_a_class_that_does_not_occur_in_use_needs_no_test_subjects():
    labels, probabilities = np.array([0, 0, 1, 1]), np.eye(3)[[0, 1, 1, 1]]
    used = Outcome(labels, probabilities, context=Context(prevalence=(0.8, 0.2, 0.0)))
    assert decisions.accuracy_at_prevalence(used) == pytest.approx(0.8 * 0.5 + 0.2)
    assert decisions.ppv_by_class(used)[:2] == pytest.approx([1, 0.2 / 0.6])
    assert decisions.ppv_by_class(used)[2] is None, "never predicted"
    lacking = Outcome(labels, probabilities, context=Context(prevalence=(0.8, 0.1, 0.1)))
    assert decisions.accuracy_at_prevalence(lacking) is None
    assert decisions.ppv_by_class(lacking) == [None] * 3


def test_one_certain_mistake_is_bad_but_finite():
    outcome = Outcome(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert calibration.log_loss(outcome) == pytest.approx(oracle.log_loss([0, 1], outcome.probabilities))
    assert np.isfinite(calibration.log_loss(outcome))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), prevalence=st.sampled_from([None, 0.05, 0.4]))
def test_net_benefit_is_that_of_dcurves(seed, prevalence):
    import pandas as pd
    from dcurves import dca

    rng = np.random.default_rng(seed)
    positive = rng.random(40) < 0.4
    positive[:2] = [True, False]
    share = np.round(np.clip(rng.random(40) + 0.3 * positive, 0, 1), 2)
    thresholds = np.array([0.05, 0.2, 0.5, 0.8])
    table = dca(pd.DataFrame({"y": positive, "model": share}), "y", ["model"], thresholds, prevalence=prevalence)
    for model, ours in (
        ("model", net_benefit(positive, share, thresholds, prevalence)),
        ("all", net_benefit_of_all(positive.mean() if prevalence is None else prevalence, thresholds)),
    ):
        assert ours == pytest.approx(table.loc[table["model"] == model, "net_benefit"].to_numpy())


def test_net_benefit_by_hand_and_by_weights():
    positive, share = np.array([True, True, False, False]), np.array([0.9, 0.4, 0.6, 0.1])
    thresholds = np.array([0.0, 0.5])
    assert net_benefit(positive, share, thresholds) == pytest.approx([0.5, (1 - 1 * 1) / 4])
    counts = np.array([[1, 1, 1, 1], [2, 0, 1, 1], [0, 0, 1, 1]], dtype=float)
    found = net_benefit(positive, share, thresholds, weights=counts)
    assert found[:2] == pytest.approx(np.array([[0.5, 0.0], [0.5, (2 - 1) / 4]]))
    assert np.isnan(found[2]).all(), "no positives are left"
    with pytest.raises(ValueError, match="below 1"):
        net_benefit(positive, share, np.array([1.0]))
