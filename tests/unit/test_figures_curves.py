"""Figures of curves: their areas are the metrics, mean curves, diverged and collapsed runs."""

import json

import numpy as np
import pytest
from figures_statistics_cases import CLASSES, drawn, texts_of, write_runs
from hypothesis import given
from hypothesis import strategies as st

from imbalance_aware.evaluation.decision_curve import net_benefit
from imbalance_aware.metrics.calibration import bins_of_equal_mass, calibration_error_by_class
from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.reporting import (
    class_panels,
    curves,
    net_benefit_curves,
    precision_recall_curves,
    roc_curves,
)


@pytest.fixture(scope="module")
def two_seeds(tmp_path_factory):
    """Two seeds; one run collapsed, one diverged."""
    folder = tmp_path_factory.mktemp("figures") / "two"
    return write_runs(folder, (0, 1), diverged=[("mcc-uniform", 1)], collapsed=[("ce-weighted", 0)])


@pytest.fixture(scope="module")
def folds(tmp_path_factory):
    """Cross-validated in three folds."""
    return write_runs(tmp_path_factory.mktemp("figures") / "folds", (0, 1), fold=3)


@pytest.mark.parametrize("fixture", ["two_seeds", "folds"])
def test_areas_of_the_curves_are_the_metrics(fixture, request):
    study = request.getfixturevalue(fixture)
    runs = class_panels.read_runs(study.paths, study.metrics, "sample")
    metrics = study.metrics.query("unit == 'sample'").set_index(["condition", "metric"])["value"]
    for name, module in (("auroc", roc_curves), ("average_precision", precision_recall_curves)):
        for condition in ("ce-uniform", "mcc-uniform"):
            for label in range(3):
                band = module.KIND.band(runs.outcomes[condition], label)
                names = [metric for metric in metrics[condition].index.unique() if metric.startswith(f"{name}_")]
                names = [metric for metric in names if metric != f"{name}_macro"]
                area = curves.Curve(band.x, band.mean).area
                assert area == pytest.approx(metrics[condition, names[label]].mean(), abs=1e-12)
                assert (band.low <= band.mean + 1e-12).all() and (band.mean <= band.high + 1e-12).all()


SCORES = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=4, max_size=40)


@given(SCORES)
def test_areas_with_equal_scores_are_those_of_scikit_learn(subjects):
    from sklearn.metrics import average_precision_score, roc_auc_score

    positive, scores = np.array([of for of, _ in subjects]), np.array([score for _, score in subjects]) / 6
    if 0 < positive.sum() < len(positive):
        assert curves.roc(positive, scores).area == pytest.approx(roc_auc_score(positive, scores))
        area = curves.precision_recall(positive, scores).area
        assert area == pytest.approx(average_precision_score(positive, scores))


@given(SCORES)
def test_distance_from_the_diagonal_is_the_calibration_error(subjects):
    positive, scores = np.array([of for of, _ in subjects]), np.array([score for _, score in subjects]) / 6
    probability, share = bins_of_equal_mass(positive, scores)
    outcome = Outcome(positive.astype(int), np.stack([1 - scores, scores], axis=1))
    assert np.abs(probability - share).mean() == pytest.approx(calibration_error_by_class(outcome)[1], abs=1e-12)
    assert (np.diff(probability) >= -1e-12).all()


def test_a_mean_curve_jumps_where_one_of_its_curves_does():
    step = curves.Curve(np.array([0, 0.5, 0.5, 1]), np.array([0, 0, 1, 1.0]))
    line = curves.Curve(np.array([0, 1.0]), np.array([0, 1.0]))
    band = curves.band_of([step, line])
    assert band.x.tolist() == [0, 0, 0.5, 0.5, 1, 1]
    assert band.mean.tolist() == [0, 0, 0.25, 0.75, 1, 1]
    assert band.low.tolist() == [0, 0, 0, 0.5, 1, 1] and band.high.tolist() == [0, 0, 0.5, 1, 1, 1]


def test_a_large_test_set_is_thinned():
    rng = np.random.default_rng(0)
    positive = rng.random(5000) < 0.3
    scores = rng.normal(size=5000) + positive
    thinned = curves.band_of([curves.roc(positive, scores)])
    assert len(thinned.x) == 2 * curves.MOST_PLACES
    assert curves.Curve(thinned.x, thinned.mean).area == pytest.approx(curves.roc(positive, scores).area, abs=1e-3)


def test_a_fold_without_the_class_does_not_count():
    labels = np.array([0, 1, 1, 0, 0, 0])
    probabilities = np.array([[0.2, 0.8], [0.4, 0.6], [0.1, 0.9], [0.7, 0.3], [0.6, 0.4], [0.5, 0.5]])
    outcome = Outcome(labels, probabilities, np.array([0, 0, 0, 0, 1, 1]))
    assert curves.of_class(outcome, 1, curves.roc).area == METRICS["auroc"].of(outcome)[1]
    assert curves.of_class(Outcome(labels[4:], probabilities[4:]), 1, curves.roc) is None
    assert curves.reliability([Outcome(labels[4:], probabilities[4:])], 1) is None
    assert net_benefit_curves.band([Outcome(labels[4:], probabilities[4:])], 1) is None


def test_decision_curves_are_at_the_deployment_prevalence(two_seeds, monkeypatch, tmp_path):
    runs = class_panels.read_runs(two_seeds.paths, two_seeds.metrics, "sample")
    outcomes = runs.outcomes["ce-uniform"]
    band = net_benefit_curves.band(outcomes, 1, (0.5, 0.3, 0.2))
    expected = [
        net_benefit(one.labels == 1, one.probabilities[:, 1], net_benefit_curves.THRESHOLDS, 0.3) for one in outcomes
    ]
    assert band.mean == pytest.approx(np.mean(expected, axis=0))
    context = json.dumps(
        {"classes": CLASSES, "deployment_prevalence": dict(zip(CLASSES, (0.5, 0.3, 0.2), strict=True))}
    )
    canvas = drawn(two_seeds, "net_benefit_curves", monkeypatch, tmp_path, ["--context", context])
    assert "At the prevalence declared for deployment" in texts_of(canvas)
    assert canvas.axes[1].get_ylim()[1] == pytest.approx(1.08 * 0.3)


def test_panels_show_collapsed_runs_and_leave_diverged_ones_out(two_seeds, monkeypatch, tmp_path):
    runs = class_panels.read_runs(two_seeds.paths, two_seeds.metrics, "sample")
    assert runs.diverged == 1 and len(runs.outcomes["mcc-uniform"]) == 1
    assert runs.collapsed == {"ce-uniform": 0, "ce-weighted": 1, "mcc-uniform": 0, "mcc-oversampling": 0}
    canvas = drawn(two_seeds, "roc_curves", monkeypatch, tmp_path)
    said = texts_of(canvas)
    assert "runs collapsed (1 of 7 in all)" in said and "Runs that diverged are excluded: 1." in said
    daggers = [
        axes.get_subplotspec().rowspan.start
        for axes in canvas.axes
        for line in axes.lines
        if hasattr(line.get_marker(), "vertices")
    ]
    assert daggers == [1, 1, 1], "the row of weights"
