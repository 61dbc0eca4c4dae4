"""The statistics of a study against the reference implementation in `tests/oracles`, on simulated studies."""

import numpy as np
import pytest

from imbalance_aware.metrics.catalogue import RESAMPLED
from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.statistics import conclusions, intervals, planning
from imbalance_aware.statistics.cross_validation import widening
from imbalance_aware.statistics.design import Design
from imbalance_aware.statistics.influence import measure
from imbalance_aware.statistics.multiplicity import all_pairs, holm, joint_draws
from imbalance_aware.statistics.permutation import permutation_p
from imbalance_aware.statistics.proportions import balanced_accuracy_interval
from imbalance_aware.statistics.variance import difference_parts, seed_variance, value_parts
from oracles import statistics_reference as reference

STUDIES = [(1, 1), (1, 3), (5, 1), (5, 2), (5, 3), (5, 5)]
SIZES = (40, 16, 22)
FORMS = {name: metric.resampled for name, metric in RESAMPLED.items()}


class Study:
    """One simulated study of 6 conditions, as the reference and as the package see it."""

    def __init__(self, images: int, seeds: int) -> None:
        self.C = 6
        rng = np.random.default_rng([images, seeds])
        effect = 0.6 * rng.normal(size=(self.C, 1)) * np.ones(3)
        self.labels, self.patients, self.p = reference.simulate(rng, SIZES, self.C, seeds, images, effect=effect)
        self.runs = self.p.reshape(self.C * seeds, len(self.labels), -1)
        self.theirs, self.strata = reference.jackknife(self.labels, self.patients, self.runs)
        names = tuple(f"c{c}" for c in range(self.C)), tuple(f"seed-{s}" for s in range(seeds))
        self.design = Design(*names, self.labels, self.patients)
        self.outcomes = {
            (condition, replicate): Outcome(self.labels, self.p[c, s])
            for c, condition in enumerate(names[0])
            for s, replicate in enumerate(names[1])
        }
        self.ours = measure(self.design, self.outcomes, FORMS)

    def their_parts(self, metric, a, b=None, prior=reference.PRIOR):
        theta, U = self.theirs[metric]
        S = theta.size // self.C
        pool = reference.pooled_seed_variance(theta, self.C, b is not None) if S > 1 else None
        return reference.parts(*reference.contrast(theta, U, self.C, a, b), self.strata, pool, prior)

    def our_parts(self, metric, a, b=None):
        measured = self.ours[metric]
        return value_parts(measured, a) if b is None else difference_parts(measured, a, b)

    def contrasts(self):
        return [(m, a, b) for m in FORMS for a, b in ((0, None), (3, None), (0, 1), (4, 2))]


@pytest.fixture(scope="module", params=STUDIES, ids=lambda study: "{}-images-{}-seeds".format(*study))
def study(request):
    return Study(*request.param)


def test_values_and_influence_of_every_metric(study):
    assert set(FORMS) == set(reference.METRICS)
    for metric, (theta, U) in study.theirs.items():
        ours = study.ours[metric]
        assert ours.values.ravel() == pytest.approx(theta, abs=1e-12)
        assert ours.influence.reshape(U.shape) == pytest.approx(U, abs=1e-10)
    assert (study.design.strata == study.strata).all()


def test_variance_parts(study):
    for metric, a, b in study.contrasts():
        theirs, ours = study.their_parts(metric, a, b), study.our_parts(metric, a, b)
        got = {"mean": ours.mean, "V": ours.V, "dfV": ours.df_V, "B": ours.B, "T": ours.T, "nu": ours.nu}
        assert {key: got[key] for key in theirs} == pytest.approx(theirs, rel=1e-9, abs=1e-14)
        if ours.replicates == 1:
            assert np.isnan([ours.B, ours.T, ours.nu]).all()


def test_average_seed_variance(study):
    for metric, (theta, _) in study.theirs.items():
        if len(study.design.replicates) > 1:
            for paired in (False, True):
                ours = seed_variance(study.ours[metric], paired)
                assert (ours.variance * (1 + paired), ours.df) == pytest.approx(
                    reference.pooled_seed_variance(theta, study.C, paired)
                )


@pytest.mark.parametrize("procedure", [False, True])
def test_half_widths_p_values_decisions_and_detectable_differences(study, procedure):
    for metric, a, b in study.contrasts():
        theirs, ours = study.their_parts(metric, a, b), study.our_parts(metric, a, b)
        for level in (0.8, 0.9, 0.95, 0.99):
            expected = reference.half_width(theirs, level, procedure)
            assert intervals.half_width(ours, level, procedure) == pytest.approx(expected, rel=1e-9, nan_ok=True)
        expected = reference.p_value(theirs, procedure)
        assert intervals.p_value(ours, procedure) == pytest.approx(expected, abs=1e-9, nan_ok=True)
        if ours.replicates > 1 or not procedure:
            assert planning.detectable(ours, 0.8, procedure) == pytest.approx(
                reference.detectable(theirs, 0.8, procedure), rel=1e-9
            )
        for relevant in (0.02, 0.2, 1.0):
            word = conclusions.conclude(ours, relevant, "higher", procedure).word
            assert word == reference.decision(theirs, relevant, procedure)


def test_wilson_and_mover(study):
    for condition in range(study.C):
        correct = (study.p[condition].argmax(-1) == study.labels).T
        for level in (0.9, 0.95):
            mean, low, high = reference.wilson_balanced_accuracy(study.labels, study.patients, correct, level)
            ours = balanced_accuracy_interval(study.design, correct, level)
            assert (ours.low, ours.high) == pytest.approx((low, high), abs=1e-12)
            assert mean in ours


def test_permutation_of_balanced_accuracy(study):
    """The same random swaps: the general form, of any metric, and the reference's, of this one, count the same."""
    form = FORMS["balanced_accuracy"]
    for a, b in ((0, 1), (4, 2)):
        pairs = [(study.outcomes[f"c{a}", s], study.outcomes[f"c{b}", s]) for s in study.design.replicates]
        correct = [(study.p[c].argmax(-1) == study.labels).T for c in (a, b)]
        expected = reference.permutation_p(study.labels, study.patients, *correct, 500, np.random.default_rng(3))
        assert permutation_p(study.design, pairs, form, draws=500, seed=3) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("procedure", [False, True])
def test_simultaneous_intervals(study, procedure):
    """Their random draws differ in sign conventions of eigenvectors, so quantiles agree within their own error."""
    if len(study.design.replicates) == 1 and procedure:
        pytest.skip("one seed has no interval (2)")
    metric = "balanced_accuracy"
    theta, U = study.theirs[metric]
    found = reference.simultaneous(theta, U, study.strata, study.C, 20_000, np.random.default_rng(0), procedure)
    ours = all_pairs(study.ours[metric], procedure, draws=20_000)
    assert [tuple(pair) for pair in ours.pairs] == found[0]
    assert ours.differences == pytest.approx(found[1])
    assert ours.half_widths() == pytest.approx(found[2], rel=0.03)
    errors = joint_draws(study.ours[metric], procedure, 50_000).of_means(study.ours[metric].n_replicates)
    theirs = reference.joint_draws(theta, U, study.strata, study.C, 50_000, np.random.default_rng(0), procedure)
    assert np.cov(errors.T) == pytest.approx(np.cov(theirs.T), abs=0.08 * theirs.var(axis=0).max())


def test_holm():
    p = np.random.default_rng(0).uniform(size=(50, 7)) ** 3
    for row in p:
        assert holm(row) == pytest.approx(reference.holm(row))


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("images", [1.0, 2.5])
def test_planning(seeds, images):
    expected = reference.detectable_before((197, 72, 117), seeds, 0.2, images=images)
    ours = planning.detectable_with(planning.planned_standard_error((197, 72, 117), seeds, 0.2, images=images))
    assert ours == pytest.approx(expected)


def test_numbers_of_the_specification():
    """Detectable and equivalent differences of 197/72/117 subjects; the widening of five folds."""
    error = planning.planned_standard_error((197, 72, 117), 3, 0.2)
    assert planning.detectable_with(error) == pytest.approx(0.053, abs=5e-4)
    assert error == pytest.approx(0.019, abs=5e-4)
    assert planning.planned_standard_error((197, 72, 117), 3, 0.05) == pytest.approx(0.011, abs=5e-4)
    assert planning.largest_standard_error_for_equivalence(0.02) == pytest.approx(0.0068, abs=5e-5)
    assert widening(5) == 1.5
