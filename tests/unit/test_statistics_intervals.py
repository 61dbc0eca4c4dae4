"""Variance parts, intervals and their words: by hand, by their properties, and where there is none."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from imbalance_aware.metrics.catalogue import RESAMPLED
from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.statistics import cross_validation as cv
from imbalance_aware.statistics import notes
from imbalance_aware.statistics.conclusions import conclude, conclude_from, evidence_against_reverse
from imbalance_aware.statistics.design import Design
from imbalance_aware.statistics.estimates import estimate_contrast, estimate_difference, estimate_value
from imbalance_aware.statistics.influence import Measured, measure
from imbalance_aware.statistics.intervals import Interval, half_width, interval, moves, p_value, standard_error
from imbalance_aware.statistics.planning import detectable, discordance_by_class
from imbalance_aware.statistics.proportions import balanced_accuracy_interval, recall_interval
from imbalance_aware.statistics.variance import (
    Parts,
    difference_parts,
    largest_variance_limit,
    parts,
    seed_variance,
    value_parts,
)

FORM = {"ba": RESAMPLED["balanced_accuracy"].resampled}


def random_study(seed, conditions=6, seeds=3, patients=(12, 9, 8), unstable=()):
    """Values and influence drawn at random, which is all that variance parts are made of."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(patients)), patients)
    names = tuple(f"c{c}" for c in range(conditions)), tuple(f"seed-{s}" for s in range(seeds))
    design = Design(*names, labels, np.arange(len(labels)), frozenset(unstable))
    shared = rng.normal(size=(len(labels), 1, 1)) + rng.normal(size=(len(labels), conditions, 1))
    influence = 0.01 * (shared + 0.5 * rng.normal(size=(len(labels), conditions, seeds)))
    return Measured(design, 0.7 + 0.03 * rng.normal(size=(conditions, seeds)), influence)


def without(measured, *runs):
    values, influence = measured.values.copy(), measured.influence.copy()
    for condition, seed in runs:
        values[condition, seed], influence[:, condition, seed] = np.nan, np.nan
    return Measured(measured.design, values, influence)


def by_hand(correct):
    """One condition, five patients of each of two classes; correct: one row of ten for each seed."""
    labels = np.repeat([0, 1], 5)
    seeds = tuple(f"seed-{s}" for s in range(len(correct)))
    design = Design(("a",), seeds, labels, np.arange(10))
    outcomes = {
        ("a", seed): Outcome(labels, np.eye(2)[np.where(np.array(row) == 1, labels, 1 - labels)])
        for seed, row in zip(seeds, correct, strict=True)
    }
    return measure(design, outcomes, FORM)["ba"]


def test_an_example_with_a_calculator():
    """Balanced accuracy of two seeds; of a recall h/n the variance over patients is p (1 - p) / (n - 1).

    Seed 0 is right about 4 of 5 and 3 of 5: balanced accuracy (0.8 + 0.6) / 2 = 0.70,
    V = (0.8 * 0.2 / 4 + 0.6 * 0.4 / 4) / 2^2 = 0.010 + 0.015 = 0.025.
    Seed 1 is right about 5 of 5 and the same 3 of 5: 0.80. Their mean is 0.75, and
    - patients: on average class 0 has half the influence of seed 0, so V = 0.010 / 4 + 0.015 = 0.0175,
      df_V = 0.0175^2 / ((0.0025^2 + 0.015^2) / 4) = 5.297;
    - what both seeds share is class 1: B = 0.015;
    - seeds: variance of 0.70 and 0.80 is 0.005, T = 0.005 / 2 = 0.0025, nu = 1.
    (1): t(5.297) = 2.528, half-width 2.528 * sqrt(0.0175) = 0.3344.
    (2): (0.015 * 2.528 + 0.0025 * 12.706) / 0.0175 * sqrt(0.0175) = 0.5267.
    """
    one = value_parts(by_hand([[1, 1, 1, 1, 0, 1, 1, 1, 0, 0]]), 0)
    assert (one.mean, one.V) == pytest.approx((0.70, 0.025))
    two = value_parts(by_hand([[1, 1, 1, 1, 0, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1, 0, 0]]), 0)
    assert (two.mean, two.V, two.B, two.T, two.nu) == pytest.approx((0.75, 0.0175, 0.015, 0.0025, 1))
    assert two.df_V == pytest.approx(5.297, abs=5e-4)
    assert half_width(two, procedure=False) == pytest.approx(0.3344, abs=1e-4)
    assert half_width(two) == pytest.approx(0.5267, abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), seeds=st.integers(1, 5), a=st.integers(0, 5), b=st.integers(0, 5))
def test_differences_turn_their_sign(seed, seeds, a, b):
    measured = random_study(seed, seeds=seeds)
    ab, ba = difference_parts(measured, a, b), difference_parts(measured, b, a)
    assert dataclasses.astuple(dataclasses.replace(ab, mean=-ab.mean)) == pytest.approx(
        dataclasses.astuple(ba), nan_ok=True, abs=1e-15
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), seeds=st.integers(2, 5), factor=st.floats(0.01, 100))
def test_intervals_scale_with_the_metric_and_nest(seed, seeds, factor):
    measured = random_study(seed, seeds=seeds)
    scaled = Measured(measured.design, factor * measured.values, factor * measured.influence)
    one, other = difference_parts(measured, 0, 1), difference_parts(scaled, 0, 1)
    for procedure in (False, True):
        widths = [half_width(one, level, procedure) for level in (0.5, 0.8, 0.9, 0.95, 0.99)]
        assert widths == sorted(widths)
        assert half_width(other, 0.95, procedure) == pytest.approx(factor * widths[3])
        assert p_value(other, procedure) == pytest.approx(p_value(one, procedure), abs=1e-9)
        assert standard_error(other, procedure) == pytest.approx(factor * standard_error(one, procedure))
    assert half_width(one) >= half_width(one, procedure=False)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_order_of_conditions_and_seeds_does_not_matter(seed):
    measured = random_study(seed)
    rng = np.random.default_rng(seed)
    conditions, seeds = rng.permutation(6), rng.permutation(3)
    other = Measured(
        measured.design, measured.values[conditions][:, seeds], measured.influence[:, conditions][:, :, seeds]
    )
    place = [int(np.flatnonzero(conditions == c)[0]) for c in (0, 1)]
    expected = dataclasses.astuple(difference_parts(measured, 0, 1))
    assert dataclasses.astuple(difference_parts(other, *place)) == pytest.approx(expected)


@pytest.mark.parametrize("procedure", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_the_p_value_is_where_the_interval_meets_zero(seed, procedure):
    part = difference_parts(random_study(seed), 0, 1)
    p = p_value(part, procedure)
    assert half_width(part, 1 - p, procedure) == pytest.approx(abs(part.mean))
    if not procedure:
        assert p == pytest.approx(2 * stats.t.sf(abs(part.mean) / np.sqrt(part.V), part.df_V))
    assert evidence_against_reverse(part, procedure) == pytest.approx(1 - p / 2)


def test_p_values_far_from_zero_keep_their_digits():
    part = dataclasses.replace(difference_parts(random_study(0), 0, 1), mean=1.0, df_V=30.0, V=0.001, B=0.001, T=1e-9)
    assert 0 < p_value(part) < 1e-12
    assert p_value(part) == pytest.approx(p_value(part, procedure=False), rel=0.02)


def test_few_conditions_have_their_own_seed_variance():
    for conditions, supported in ((4, 0), (5, 5)):
        measured = random_study(1, conditions=conditions)
        for part in (value_parts(measured, 0), difference_parts(measured, 0, 1)):
            assert (part.nu, part.supported_by) == ((5, 5) if supported else (2, 0))
    fifth_has_one_run = without(random_study(1, conditions=5), (4, 1), (4, 2))
    assert value_parts(fifth_has_one_run, 0).supported_by == 0
    own = value_parts(random_study(1, conditions=4), 2)
    assert pytest.approx(random_study(1, conditions=4).values[2].var(ddof=1) / 3) == own.T


def test_unstable_conditions_keep_their_own_variance_and_touch_no_other():
    calm = random_study(2, conditions=7)
    wild = Measured(random_study(2, conditions=7, unstable={"c6"}).design, calm.values.copy(), calm.influence)
    wild.values[6] += [0.3, -0.3, 0.1]
    part = value_parts(wild, 6)
    assert (part.nu, part.supported_by, part.T) == pytest.approx((2, 0, wild.values[6].var(ddof=1) / 3))
    assert difference_parts(wild, 0, 6).supported_by == 0
    six = Measured(random_study(2, conditions=6).design, calm.values[:6], calm.influence[:, :6])
    assert value_parts(wild, 0) == value_parts(six, 0)
    assert pytest.approx(difference_parts(six, 0, 1).T) == difference_parts(wild, 0, 1).T


def test_a_difference_takes_the_seeds_that_both_have():
    measured = random_study(3, seeds=4)
    some = without(measured, (0, 1), (1, 3))
    part = difference_parts(some, 0, 1)
    assert part.replicates == 2
    assert part.mean == pytest.approx((measured.values[0] - measured.values[1])[[0, 2]].mean())
    assert value_parts(some, 0).replicates == 3
    assert difference_parts(some, 0, 2).replicates == 3
    few = without(measured, (0, 0), (0, 1), (1, 2), (1, 3))
    none = difference_parts(few, 0, 1)
    assert none.replicates == 0 and np.isnan(none.mean)
    assert interval(none) is None and interval(none, procedure=False) is None and np.isnan(p_value(none))
    assert str(conclude(none, 0.02, "higher")) == "undecided"
    assert "no replicate" in notes.not_estimable(few.design, none)


def test_average_seed_variance_with_missing_runs_is_that_of_a_fitted_table():
    """Residual mean square of an additive fit to the runs there are, by alternating projection."""
    measured = without(random_study(4, conditions=5, seeds=4), (0, 1), (3, 3), (3, 0))
    held = np.isfinite(measured.values)
    residual = np.where(held, measured.values, 0.0)
    for _ in range(2000):
        residual -= np.where(held, (residual.sum(1) / held.sum(1))[:, None], 0)
        residual -= np.where(held, residual.sum(0) / held.sum(0), 0)
    found = seed_variance(measured, paired=True)
    assert found.df == held.sum() - 5 - 4 + 1
    assert found.variance == pytest.approx((residual**2).sum() / found.df)
    assert found.conditions == 5


def test_contrasts_of_several_conditions():
    """The effect of a factor over a grid of two by three: half the sum of squares of its coefficients counts."""
    measured = random_study(5)
    effect = parts(measured, np.array([1, 1, 1, -1, -1, -1]) / 3)
    assert effect.mean == pytest.approx(measured.values[:3].mean() - measured.values[3:].mean())
    own = (measured.values[:3].mean(axis=0) - measured.values[3:].mean(axis=0)).var(ddof=1)
    study = seed_variance(measured, paired=True).variance * 6 / 9
    assert pytest.approx((3 * study + 2 * own) / 5 / 3) == effect.T
    average = parts(measured, np.ones(6) / 6)
    assert (average.supported_by, average.nu) == (0, 2)


def test_one_seed_has_no_second_interval():
    measured = random_study(6, seeds=1)
    part = difference_parts(measured, 0, 1)
    assert interval(part) is None and np.isnan(p_value(part)) and np.isnan(half_width(part))
    assert interval(part, procedure=False) is not None
    assert np.isnan(detectable(part)) and detectable(part, procedure=False) > half_width(part, procedure=False)
    assert str(conclude(part, 0.02, "higher")) == "undecided"
    assert notes.notes(measured.design, part)[0].startswith("One seed")


def test_where_no_patient_moves_the_contrast_there_is_no_interval():
    measured = random_study(7)
    measured.influence[:, 1] = measured.influence[:, 0] + 1e-17
    part = difference_parts(measured, 0, 1)
    assert not moves(part)
    assert interval(part) is None and interval(part, procedure=False) is None and np.isnan(p_value(part))
    assert np.isnan(detectable(part)) and str(conclude(part, 10.0, "higher")) == "undecided"
    assert "no patient changes the value" in notes.not_estimable(measured.design, part)


def test_a_metric_that_is_undefined_without_a_patient_has_no_interval():
    measured = random_study(8)
    measured.influence[3, 0] = np.nan
    part = value_parts(measured, 0)
    assert np.isfinite(part.mean) and interval(part) is None and interval(part, procedure=False) is None
    assert "undefined" in notes.not_estimable(measured.design, part)


@pytest.mark.parametrize(
    "patients, expected", [(4, "fewer than 5"), (5, "rare class (5"), (11, "rare class (11"), (12, "")]
)
def test_rare_classes(patients, expected):
    measured = random_study(9, patients=(20, patients))
    part = value_parts(measured, 0)
    assert ("fewer than 5" in notes.not_estimable(measured.design, part)) == (patients < 5)
    assert any("rare class" in note for note in notes.notes(measured.design, part)) == (5 <= patients < 12)
    said = notes.not_estimable(measured.design, part) + " ".join(notes.notes(measured.design, part))
    assert expected in said
    assert notes.not_estimable(measured.design, part, classes=[0]) == ""


def test_words_beside_the_second_interval():
    def said(**study):
        measured = random_study(10, **study)
        return notes.notes(measured.design, value_parts(measured, 0))

    few = "Seed variance from 3 seeds, supported by the average of 6 conditions (5 df)"
    assert said() == [few, notes.SAME_TRAINING_DATA, "rare class (8 patients): approximate"]
    assert said(conditions=2)[0].startswith("3 seeds only: the interval is wide")
    assert said(seeds=5)[0] == notes.SAME_TRAINING_DATA
    repeats = cv.average_by_repeat(random_study(10, seeds=2), ("r0", "r1"))
    assert notes.notes(repeats.design, value_parts(repeats, 0))[0].startswith(
        "Repeat variance from 2 repeats, supported"
    )
    measured = random_study(10)
    assert notes.FOLDS in notes.notes(measured.design, value_parts(measured, 0), folds=True)


def proportion(hits, of):
    """A design with two equal classes and a condition that is right about ``hits`` patients of each."""
    design = Design(("a",), ("seed-0",), np.repeat([0, 1], of), np.arange(2 * of))
    return design, np.tile(np.arange(of) < hits, 2)[:, None]


@pytest.mark.parametrize("hits", [0, 3, 11, 19, 20])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_recall_with_one_image_is_wilson_of_scipy(hits, level):
    """With one image and one seed the effective number is at least n (n - 1) / n, so it is n: SciPy's interval."""
    design, correct = proportion(hits, 20)
    expected = stats.binomtest(hits, 20).proportion_ci(level, method="wilson")
    ours = recall_interval(design, correct, 0, level)
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high))
    joined = balanced_accuracy_interval(design, correct, level)
    p = hits / 20
    assert p - joined.low == pytest.approx((p - ours.low) / np.sqrt(2))


def test_recall_of_a_class_that_is_not_there():
    design = Design(("a",), ("seed-0",), np.array([0, 0, 2, 2]), np.arange(4))
    correct = np.ones((4, 1), bool)
    assert recall_interval(design, correct, 1) is None
    assert balanced_accuracy_interval(design, correct).high == pytest.approx(1)


def test_patients_of_both_classes_widen_the_balanced_accuracy():
    """Both eyes of a patient right or wrong together: recalls are correlated, which one eye per patient is not."""
    rng = np.random.default_rng(0)
    right = rng.random(40) < 0.7
    labels, correct = np.tile([0, 1], 40), np.repeat(right, 2)[:, None]
    both = balanced_accuracy_interval(Design(("a",), ("s",), labels, np.repeat(np.arange(40), 2)), correct)
    apart = balanced_accuracy_interval(Design(("a",), ("s",), labels, np.arange(80)), correct)
    assert both.high - both.low == pytest.approx(np.sqrt(2) * (apart.high - apart.low))


@pytest.mark.parametrize(
    "difference, wide, narrow, better, expected",
    [
        (0.05, 0.02, 0.017, "higher", "better by a relevant amount"),
        (0.05, 0.02, 0.017, "lower", "worse by a relevant amount"),
        (-0.03, 0.02, 0.017, "higher", "worse"),
        (-0.03, 0.02, 0.017, "lower", "better"),
        (0.005, 0.012, 0.010, "higher", "equivalent"),
        (0.012, 0.009, 0.0079, "higher", "equivalent"),
        (0.005, 0.03, 0.026, "higher", "undecided"),
        (0.05, np.nan, np.nan, "higher", "undecided"),
        (np.nan, 0.1, 0.1, "higher", "undecided"),
    ],
)
def test_conclusions(difference, wide, narrow, better, expected):
    assert str(conclude_from(difference, wide, narrow, 0.02, better)) == expected


def test_cross_validation_widens_the_first_interval():
    part = difference_parts(random_study(11), 0, 1)
    first = half_width(part, procedure=False)
    assert cv.new_training_data_half_width(part, 5) == pytest.approx(max(1.5 * first, half_width(part)))
    found = cv.new_training_data_interval(part, 5)
    assert found.high - part.mean == pytest.approx(cv.new_training_data_half_width(part, 5))
    one = difference_parts(random_study(11, seeds=1), 0, 1)
    assert cv.new_training_data_half_width(one, 5) == pytest.approx(1.5 * half_width(one, procedure=False))
    seeds_matter = dataclasses.replace(part, T=100 * part.V)
    assert cv.new_training_data_half_width(seeds_matter, 5) == half_width(seeds_matter)
    with pytest.raises(ValueError, match="at least 2"):
        cv.widening(1)


def test_seeds_of_a_repeat_are_averaged_first():
    measured = random_study(12, seeds=4)
    averaged = cv.average_by_repeat(without(measured, (0, 1)), ("r0", "r0", "r1", "r1"))
    assert averaged.design.replicates == ("r0", "r1")
    assert averaged.values[1] == pytest.approx([measured.values[1, :2].mean(), measured.values[1, 2:].mean()])
    assert np.isnan(averaged.values[0, 0]) and averaged.values[0, 1] == pytest.approx(measured.values[0, 2:].mean())
    assert averaged.influence[:, 2, 1] == pytest.approx(measured.influence[:, 2, 2:].mean(axis=1))
    assert difference_parts(averaged, 0, 1).replicates == 1


def test_discordance_of_each_class():
    labels = np.array([0, 0, 1, 1])
    a = np.array([[1, 1], [1, 0], [0, 0], [1, 1]], bool)
    b = np.array([[0, 1], [1, 0], [0, 1], [0, 0]], bool)
    assert discordance_by_class(labels, a, b) == pytest.approx([0.25, 0.75])


def test_parts_without_spread_over_patients_and_seeds_do_not_divide_by_zero():
    part = Parts(0.0, 1e-4, 10.0, 0.0, 0.0, 1.0, 2, 0)
    assert half_width(part) == half_width(part, procedure=False) > 0


def test_an_estimate_has_both_intervals_and_its_notes():
    measured = random_study(20)
    found = estimate_difference(measured, 0, 1)
    part = difference_parts(measured, 0, 1)
    assert (found.parts, found.models, found.procedure) == (part, interval(part, procedure=False), interval(part))
    assert found.new_training_data is None and found.not_estimable == ""
    assert found.notes == tuple(notes.notes(measured.design, part))
    assert estimate_contrast(measured, part) == found
    folds = estimate_difference(measured, 0, 1, folds=5)
    assert folds.new_training_data == cv.new_training_data_interval(part, 5) and notes.FOLDS in folds.notes


def test_the_value_of_a_proportion_takes_wilson_and_joins_it():
    measured = random_study(21)
    wilson = Interval(0.2, measured.values[0].mean() + 1e-6, 0.95)
    found = estimate_value(measured, 0, wilson)
    assert found.models == wilson
    assert found.procedure == Interval(0.2, interval(value_parts(measured, 0)).high, 0.95)
    widened = estimate_value(measured, 0, wilson, folds=5).new_training_data
    mean = found.parts.mean
    assert mean - widened.low == pytest.approx(1.5 * (mean - 0.2))
    assert estimate_value(random_study(21, seeds=1), 0, wilson).procedure is None


def test_a_recall_of_one_has_an_interval_though_no_patient_changes_it():
    measured = random_study(22)
    measured.influence[:, 0] = 0.0
    wilson = Interval(0.9, 1.0, 0.95)
    assert estimate_value(measured, 0).models is None
    found = estimate_value(measured, 0, wilson)
    assert found.models == wilson and found.not_estimable == ""
    assert found.procedure.low <= 0.9 and found.procedure.high >= 1.0


def test_an_estimate_without_enough_patients_says_so_whatever_the_interval():
    measured = random_study(23, patients=(20, 4))
    for found in (estimate_value(measured, 0, Interval(0.5, 0.9, 0.95)), estimate_difference(measured, 0, 1)):
        assert (found.models, found.procedure, found.notes) == (None, None, ())
        assert "4 patients" in found.not_estimable
    assert estimate_value(measured, 0, classes=[0]).models is not None


@pytest.mark.parametrize(("conditions", "replicates", "limit"), [(5, 3, 0.684), (10, 2, 0.602), (15, 4, 0.276)])
def test_the_limit_of_the_largest_variance_is_that_of_the_published_table(conditions, replicates, limit):
    """Critical values of Cochran's test at 5 %, ISO 5725-2:1994, table 4."""
    assert largest_variance_limit(conditions, replicates) == pytest.approx(limit, abs=5e-4)
