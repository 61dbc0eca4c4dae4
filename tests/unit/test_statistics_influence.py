"""Patients, strata and influence: closed forms, missing runs, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance_aware.metrics.catalogue import RESAMPLED
from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.statistics import influence
from imbalance_aware.statistics.design import Design
from imbalance_aware.statistics.influence import jackknife, measure

FORMS = {name: metric.resampled for name, metric in RESAMPLED.items()}


def made_up(seed, patients=(9, 6, 7), images=3, conditions=2, seeds=2):
    """A design and outcomes with ties; every class has all its patients."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(sum(patients)), rng.integers(1, images + 1, sum(patients)))
    labels = np.repeat(np.arange(len(patients)), patients)[group]
    names = tuple(f"c{c}" for c in range(conditions)), tuple(f"seed-{s}" for s in range(seeds))
    outcomes = {}
    for condition in names[0]:
        for replicate in names[1]:
            scores = np.round(np.exp(rng.normal(size=(len(labels), 3)) + np.eye(3)[labels]), 1) + 0.1
            outcomes[condition, replicate] = Outcome(labels, scores / scores.sum(axis=1, keepdims=True))
    return Design(*names, labels, group), outcomes


def design_of(labels, groups):
    return Design(("a",), ("seed-0",), np.array(labels), np.array(groups))


def test_the_class_of_a_patient_is_its_stratum():
    design = design_of([1, 0, 0, 1, 0], ["p2", "p1", "p1", "p2", "p3"])
    assert design.patient.tolist() == [1, 0, 0, 1, 2]
    assert design.strata.tolist() == [0, 1, 0]
    assert design.class_patients.tolist() == [2, 1]


def test_a_patient_of_several_classes_belongs_to_the_rarest():
    """Six patients with a healthy eye only, six with both, of whom none is left for the stratum of the healthy."""
    labels = [0] * 6 + [0, 1] * 6
    design = design_of(labels, [*range(6), *np.repeat(np.arange(6, 12), 2)])
    assert design.strata.tolist() == [0] * 6 + [1] * 6
    assert design.class_patients.tolist() == [12, 6]


def test_a_class_whose_patients_nearly_all_have_a_rarer_one_is_joined():
    """Two patients with healthy eyes alone would be a stratum whose variance is hardly known."""
    labels = [0] * 2 + [0, 1] * 9
    design = design_of(labels, [0, 1, *np.repeat(np.arange(2, 11), 2)])
    assert design.class_patients.tolist() == [11, 9]
    assert set(design.strata) == {1}


def test_a_rare_class_keeps_its_own_stratum():
    assert design_of([0] * 8 + [1] * 2, np.arange(10)).strata.tolist() == [0] * 8 + [1] * 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"conditions": ("a", "a")},
        {"groups": np.arange(2)},
        {"unstable": frozenset({"b"})},
        {"labels": np.array([], int), "groups": np.array([], int)},
    ],
)
def test_what_is_no_design_is_refused(wrong):
    right = {"conditions": ("a",), "replicates": ("s",), "labels": np.zeros(3, int), "groups": np.arange(3)}
    with pytest.raises(ValueError):
        Design(**{**right, **wrong})


def test_of_a_mean_it_is_the_usual_standard_error():
    rng = np.random.default_rng(0)
    y = rng.normal(size=30)
    design = design_of(np.zeros(30, int), np.arange(30))
    theta, U = jackknife(design, lambda weights: weights @ y / weights.sum(axis=1))
    assert theta == pytest.approx(y.mean())
    assert (U**2).sum() == pytest.approx(y.var(ddof=1) / 30)


def test_a_metric_that_jumps_is_computed_once_for_each_run():
    """Its interval is never given, so no patient is left out for it."""
    design, outcomes = made_up(5)
    rows = []

    def jumping(resamples):
        rows.append(len(resamples.counts))
        return FORMS["mcc"](resamples)

    forms = {"mcc": FORMS["mcc"], "jumping": jumping}
    found = measure(design, outcomes, forms, jumps={"jumping"})
    assert rows == [1] * len(outcomes)
    assert np.array_equal(found["jumping"].values, found["mcc"].values)
    assert np.isnan(found["jumping"].influence).all() and np.isfinite(found["mcc"].influence).all()


def test_of_a_recall_with_several_images_it_follows_the_clusters():
    """First-order equal to the variance of a ratio over clusters."""
    design, outcomes = made_up(3, patients=(200, 150, 100), images=4, conditions=1, seeds=1)
    outcome = outcomes["c0", "seed-0"]
    measured = measure(design, outcomes, FORMS)["balanced_accuracy"]
    correct, variance = outcome.predicted == design.labels, 0.0
    for label in range(3):
        inside = design.labels == label
        size = np.bincount(design.patient[inside])
        hits = np.bincount(design.patient[inside], correct[inside])
        held = size > 0
        residual = (hits - size * hits.sum() / size.sum())[held]
        variance += held.sum() / (held.sum() - 1) * (residual**2).sum() / size.sum() ** 2 / 9
    assert (measured.influence**2).sum() == pytest.approx(variance, rel=0.02)


def test_covariance_of_aurocs_is_that_of_delong():
    """DeLong, DeLong and Clarke-Pearson 1988 from placement values; two classes, one image of each patient."""
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1], [25, 18])
    scores = np.round(rng.normal(size=(2, 43)) + labels + rng.normal(size=43), 1)
    probability = 1 / (1 + np.exp(-scores))
    design = Design(("a", "b"), ("seed-0",), labels, np.arange(43))
    outcomes = {
        (name, "seed-0"): Outcome(labels, np.c_[1 - p, p]) for name, p in zip(("a", "b"), probability, strict=True)
    }
    U = measure(design, outcomes, FORMS)["auroc_macro"].influence[..., 0]
    pairs = scores[:, labels == 1, None] - scores[:, None, labels == 0]
    wins = (pairs > 0) + 0.5 * (pairs == 0)
    expected = np.cov(wins.mean(axis=2)) / 18 + np.cov(wins.mean(axis=1)) / 25
    assert pytest.approx(expected, rel=1e-9) == U.T @ U


def test_variance_of_an_auroc_is_that_of_another_library():
    oracle = pytest.importorskip("confidenceinterval", reason="confidenceinterval is not installed")
    rng = np.random.default_rng(6)
    labels = np.repeat([0, 1], [60, 25])
    p = 1 / (1 + np.exp(-rng.normal(size=85) - labels))
    outcome = {("a", "seed-0"): Outcome(labels, np.c_[1 - p, p])}
    measured = measure(design_of(labels, np.arange(85)), outcome, FORMS)["auroc_macro"]
    value, (low, high) = oracle.roc_auc_score(labels, p, confidence_level=0.95)
    assert measured.values[0, 0] == pytest.approx(value)
    assert np.sqrt((measured.influence**2).sum()) == pytest.approx((high - low) / 2 / 1.959964, rel=1e-5)


def test_work_in_blocks_gives_the_same(monkeypatch):
    design, outcomes = made_up(1)
    whole = measure(design, outcomes, FORMS)
    monkeypatch.setattr(influence, "BLOCK", 4 * len(design.labels))
    for name, measured in measure(design, outcomes, FORMS).items():
        assert (measured.influence == whole[name].influence).all()


def test_a_block_is_bounded(monkeypatch):
    design, _ = made_up(1)
    monkeypatch.setattr(influence, "BLOCK", 4 * len(design.labels))
    assert max(weights.size for weights in influence.weights_without_each(design)) <= influence.BLOCK


def test_missing_runs_are_left_blank_and_change_no_other():
    design, outcomes = made_up(2, seeds=3)
    whole = measure(design, outcomes, FORMS)["mcc"]
    del outcomes["c1", "seed-1"]
    some = measure(design, outcomes, FORMS)["mcc"]
    assert np.isnan(some.values[1, 1]) and np.isnan(some.influence[:, 1, 1]).all()
    kept = np.isfinite(some.values)
    assert kept.sum() == 5 and (some.values[kept] == whole.values[kept]).all()
    assert some.n_replicates.tolist() == [3, 2]
    assert some.means[1] == pytest.approx(whole.values[1, [0, 2]].mean())


def test_no_runs_at_all():
    design, _ = made_up(2)
    measured = measure(design, {("c0", "seed-0"): made_up(2)[1]["c0", "seed-0"]}, FORMS)["mcc"]
    assert np.isnan(measured.means[1]) and measured.n_replicates.tolist() == [1, 0]


def test_a_metric_of_each_class():
    design, outcomes = made_up(4)
    measured = measure(design, outcomes, {"recall": recall_by_class})["recall"]
    assert measured.values.shape == (2, 2, 3) and measured.influence.shape == (22, 2, 2, 3)
    balanced = measure(design, outcomes, FORMS)["balanced_accuracy"]
    mean = sum(measured.of_class(k).influence for k in range(3)) / 3
    assert mean == pytest.approx(balanced.influence, abs=1e-12)


def recall_by_class(resamples):
    confusion = resamples.confusion
    return np.diagonal(confusion, axis1=1, axis2=2) / confusion.sum(axis=2)


def test_runs_that_diverged_or_are_of_other_images_are_refused():
    design, outcomes = made_up(0)
    broken = outcomes["c0", "seed-0"].probabilities.copy()
    broken[0, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        measure(design, {("c0", "seed-0"): Outcome(design.labels, broken)}, FORMS)
    with pytest.raises(ValueError, match="images differ from"):
        measure(design, {("c0", "seed-0"): Outcome(design.labels[::-1], broken)}, FORMS)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_order_of_images_and_names_of_patients_do_not_matter(seed):
    design, outcomes = made_up(seed)
    order = np.random.default_rng(seed).permutation(len(design.labels))
    names = np.random.default_rng(seed).permutation(10 * design.n_patients)
    other = Design(design.conditions, design.replicates, design.labels[order], names[design.groups[order]])
    shuffled = {run: Outcome(o.labels[order], o.probabilities[order]) for run, o in outcomes.items()}
    for name, measured in measure(design, outcomes, FORMS).items():
        again = measure(other, shuffled, FORMS)[name]
        assert again.values == pytest.approx(measured.values)
        ours, theirs = (np.einsum("gcs,gdt->csdt", one.influence, one.influence) for one in (again, measured))
        assert ours == pytest.approx(theirs, abs=1e-12)
