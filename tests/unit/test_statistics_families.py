"""Many comparisons, permutations and ranks: against other libraries, by hand, and by what must hold."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_statistics_influence import made_up
from test_statistics_intervals import random_study, without

from imbalance_aware.metrics.catalogue import RESAMPLED
from imbalance_aware.metrics.declaration import Outcome, Resamples
from imbalance_aware.statistics import permutation
from imbalance_aware.statistics.conclusions import conclude_pairs
from imbalance_aware.statistics.design import Design
from imbalance_aware.statistics.influence import Measured
from imbalance_aware.statistics.intervals import half_width, p_value
from imbalance_aware.statistics.multiplicity import all_pairs, holm, joint_draws
from imbalance_aware.statistics.permutation import permutation_p, swap_p
from imbalance_aware.statistics.ranks import agreement_over_replicates, possible_best, ranks
from imbalance_aware.statistics.variance import difference_parts

DRAWS = 2000


def test_holm_by_hand():
    """0.01 * 4, 0.015 * 3 = 0.045, 0.02 * 2 = 0.04 raised to 0.045, 0.8."""
    assert holm([0.8, 0.01, 0.02, 0.015]) == pytest.approx([0.8, 0.04, 0.045, 0.045])
    assert holm([0.5, np.nan, 0.01]) == pytest.approx([0.5, np.nan, 0.02], nan_ok=True)
    assert holm([]).size == 0


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(p):
    oracle = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is not installed")
    assert holm(p) == pytest.approx(oracle.multipletests(p, method="holm")[1])


def test_holm_rejects_what_its_steps_reject():
    """Step down: reject while p_(i) <= level / (m - i + 1)."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        p, level = rng.uniform(size=6) ** 2, 0.05
        order, rejected = np.argsort(p), np.zeros(6, bool)
        for i, place in enumerate(order):
            if p[place] > level / (6 - i):
                break
            rejected[place] = True
        assert ((holm(p) <= level) == rejected).all()


def test_simultaneous_intervals_are_wider_than_single_ones_and_narrower_than_bonferroni():
    measured = random_study(1, seeds=4, patients=(60, 40, 50))
    pairs = all_pairs(measured, procedure=False, draws=20_000)
    single = np.array([half_width(part, 0.95, procedure=False) for part in pairs.parts])
    bonferroni = np.array([half_width(part, 1 - 0.05 / 15, procedure=False) for part in pairs.parts])
    assert (pairs.half_widths() > single).all()
    assert (pairs.half_widths() < bonferroni * 1.02).all()


@pytest.mark.parametrize("procedure", [False, True])
def test_adjusted_p_values_belong_to_the_simultaneous_intervals(procedure):
    measured = random_study(2)
    measured.values[5] += 0.12
    pairs = all_pairs(measured, procedure, DRAWS)
    for level in (0.8, 0.9, 0.95):
        excluded = abs(pairs.differences) > pairs.half_widths(level)
        p = pairs.p_values()
        clear = abs(p - (1 - level)) > 3 / DRAWS
        assert ((p <= 1 - level) == excluded)[clear].all()
    assert (pairs.half_widths(0.9) < pairs.half_widths(0.95)).all()


def test_all_pairs_do_not_depend_on_the_order_of_conditions():
    measured = random_study(3)
    back = Measured(measured.design, measured.values[::-1], measured.influence[:, ::-1])
    one, other = all_pairs(measured, draws=20_000), all_pairs(back, draws=20_000)
    for a, b in itertools.combinations(range(6), 2):
        (row, sign), (again, turned) = one.find(a, b), other.find(5 - a, 5 - b)
        assert sign * one.differences[row] == pytest.approx(turned * other.differences[again])
        assert one.half_widths()[row] == pytest.approx(other.half_widths()[again], rel=0.03)
    assert one.find(0, 1)[1] == -one.find(1, 0)[1]


def test_the_draws_are_the_same_each_time():
    measured = random_study(4)
    assert (all_pairs(measured, draws=50).maxima == all_pairs(measured, draws=50).maxima).all()
    assert (joint_draws(measured, draws=50).patients == joint_draws(measured, draws=50).patients).all()


def test_draws_do_not_depend_on_signs_of_eigenvectors(monkeypatch):
    """Which sign an eigenvector has is up to the machine's linear algebra."""
    measured = random_study(4)
    expected = joint_draws(measured, draws=50).patients
    eigh = np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda a: (eigh(a)[0], eigh(a)[1] * np.array([1, -1] * 3)))
    assert joint_draws(measured, draws=50).patients == pytest.approx(expected, abs=1e-12)


def test_spread_of_the_draws_is_that_of_the_parts():
    measured = random_study(5, seeds=3, patients=(60, 40, 50))
    part = difference_parts(measured, 3, 1)
    for procedure in (False, True):
        pairs = all_pairs(measured, procedure, 10)
        row, _ = pairs.find(3, 1)
        of_patients = part.B if procedure else part.V
        # A t with df degrees of freedom has the variance df / (df - 2): 10 for seeds, 39 to 59 for patients.
        low, high = (of_patients * wide + pairs.parts[row].T * 1.25 * procedure for wide in (59 / 57, 39 / 37))
        errors = joint_draws(measured, procedure, 100_000).of_means(measured.n_replicates)
        assert 0.97 * low < (errors[:, 3] - errors[:, 1]).var() < 1.03 * high


@pytest.mark.parametrize("procedure, missing", [(False, False), (True, False), (False, True)])
def test_maxima_are_errors_by_their_standard_deviation(procedure, missing):
    """(2) by the root of B + T also where (1) is wider; with missing runs by the spread of the draws themselves."""
    measured = random_study(24, seeds=4)
    measured.values[:] = 0.7 + 1e-3 * (measured.values - 0.7)
    if missing:
        measured = without(measured, (0, 1), (0, 2), (3, 0))
    pairs = all_pairs(measured, procedure, 300)
    drawn = joint_draws(measured, procedure, 300)
    own = np.nanmean(measured.influence, axis=2)
    largest = np.zeros(300)
    for (a, b), part in zip(pairs.pairs, pairs.parts, strict=True):
        error = drawn.patients[:, a] - drawn.patients[:, b]
        error += (drawn.seeds[:, a] - drawn.seeds[:, b]) / np.sqrt(part.replicates)
        variance = part.B + part.T if procedure else ((own[:, a] - own[:, b]) ** 2).sum()
        assert not procedure or variance < part.V
        largest = np.maximum(largest, abs(error) / np.sqrt(variance))
    assert pairs.maxima == pytest.approx(largest)


def test_pairs_that_miss_seeds_are_judged_by_what_both_have():
    measured = without(random_study(6, seeds=4), (0, 1), (1, 0), (1, 2), (1, 3))
    pairs = all_pairs(measured, draws=DRAWS)
    none, _ = pairs.find(2, 1)
    assert np.isnan(pairs.half_widths()[none]) and np.isnan(pairs.p_values()[none])
    fewer, _ = pairs.find(2, 0)
    full, _ = pairs.find(3, 2)
    assert pairs.parts[fewer].replicates == 3
    assert pytest.approx(pairs.parts[full].T * 4 / 3) == pairs.parts[fewer].T
    assert np.isfinite(pairs.half_widths()[[fewer, full]]).all()
    first = all_pairs(measured, procedure=False, draws=DRAWS)
    assert np.isfinite(first.half_widths()[none])


def test_a_pair_that_no_patient_moves_is_not_estimable_and_widens_no_other():
    measured = random_study(7)
    twin = Measured(measured.design, measured.values.copy(), measured.influence.copy())
    twin.values[1], twin.influence[:, 1] = twin.values[0], twin.influence[:, 0]
    pairs = all_pairs(twin, procedure=False, draws=DRAWS)
    row, _ = pairs.find(1, 0)
    assert np.isnan(pairs.half_widths()[row]) and np.isnan(pairs.p_values()[row])
    others = np.arange(15) != row
    assert (pairs.half_widths()[others] < 6 * pairs.standard_errors[others]).all()
    assert str(conclude_pairs(pairs, 0.02, "higher")[row]) == "undecided"


def test_unstable_conditions_take_their_share_of_the_error():
    measured = random_study(8, seeds=3, unstable={"c5"})
    pairs = all_pairs(measured, draws=20_000)
    row, _ = pairs.find(5, 0)
    own = difference_parts(measured, 5, 0)
    assert own.supported_by == 0
    assert pairs.half_widths()[row] == pytest.approx(half_width(own, 1 - 0.05 / 15))
    assert pairs.p_values()[row] == pytest.approx(min(1, 15 * p_value(own)))
    others = [pairs.find(a, b)[0] for a, b in itertools.combinations(range(5), 2)]
    critical = np.quantile(pairs.maxima, 1 - 0.05 * 10 / 15)
    assert pairs.half_widths()[others] == pytest.approx(critical * pairs.standard_errors[others])
    stable = all_pairs(random_study(8, conditions=5, seeds=3), draws=20_000)
    assert critical > np.quantile(stable.maxima, 0.95)
    larger = (pairs.maxima >= abs(pairs.differences / pairs.standard_errors)[others[0]]).sum()
    assert pairs.p_values()[others[0]] == pytest.approx(min(1, (1 + larger) / 20_001 * 15 / 10))


def test_an_unstable_condition_is_drawn_with_its_own_variance():
    calm = random_study(8, seeds=3, unstable={"c5"})
    values = calm.values.copy()
    values[5] += [0.5, -0.5, 0.0]
    wild = Measured(calm.design, values, calm.influence)
    spread = joint_draws(wild, draws=DRAWS).seeds.std(axis=0)
    assert spread[5] > 5 * spread[:5].max()


def test_one_seed_compares_all_pairs_of_these_models_only():
    measured = random_study(9, seeds=1)
    second = all_pairs(measured, draws=50)
    assert np.isnan(second.half_widths()).all() and np.isnan(second.p_values()).all()
    assert {str(c) for c in conclude_pairs(second, 0.02, "higher")} == {"undecided"}
    assert np.isfinite(all_pairs(measured, procedure=False, draws=50).half_widths()).all()
    assert possible_best(measured, second, "higher").all()
    with pytest.raises(ValueError, match="variance over seeds"):
        ranks(measured, "higher")


@pytest.mark.parametrize("metric", sorted(RESAMPLED))
def test_permutation_is_that_of_all_swaps_made_in_turn(metric):
    """Eight patients with up to three images: all 256 swaps, by rewriting the predictions one swap at a time."""
    design, outcomes = made_up(11, patients=(3, 2, 3), seeds=2)
    pairs = [(outcomes["c0", s], outcomes["c1", s]) for s in design.replicates]
    form = RESAMPLED[metric].resampled

    def value(labels, probabilities):
        return form(Resamples(Outcome(labels, probabilities), np.ones((1, len(labels)))))[0]

    def difference(swapped):
        found = []
        for a, b in pairs:
            of_a = np.where(swapped[design.patient, None], b.probabilities, a.probabilities)
            of_b = np.where(swapped[design.patient, None], a.probabilities, b.probabilities)
            found.append(value(design.labels, of_a) - value(design.labels, of_b))
        return np.mean(found)

    swaps = [np.array(swap) for swap in itertools.product([False, True], repeat=8)]
    observed = abs(difference(np.zeros(8, bool)))
    exact = np.mean([abs(difference(swap)) >= observed - 1e-12 for swap in swaps])
    found = permutation_p(design, pairs, form, draws=4000)
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 4000) + 1 / 4000)


@pytest.mark.parametrize("metric, linear", [("balanced_accuracy", True), ("auroc_macro", True), ("mcc", False)])
def test_linear_metrics_need_no_metric_of_each_swap(monkeypatch, metric, linear):
    design, outcomes = made_up(12)
    pairs = [(outcomes["c0", s], outcomes["c1", s]) for s in design.replicates]
    rows = []

    def form(resamples):
        rows.append(len(resamples.counts))
        return RESAMPLED[metric].resampled(resamples)

    short = permutation_p(design, pairs, form, draws=3000)
    assert (sum(rows) < 3000) == linear
    monkeypatch.setattr(permutation, "_linear_effects", lambda *_: None)
    assert permutation_p(design, pairs, form, draws=3000) == short


def test_permutation_is_the_same_either_way_and_in_blocks(monkeypatch):
    design, outcomes = made_up(12)
    pairs = [(outcomes["c0", s], outcomes["c1", s]) for s in design.replicates]
    form = RESAMPLED["auroc_macro"].resampled
    expected = permutation_p(design, pairs, form, draws=301)
    assert permutation_p(design, [(b, a) for a, b in pairs], form, draws=301) == expected
    monkeypatch.setattr(permutation, "BLOCK", 14 * len(design.labels))
    assert permutation_p(design, pairs, form, draws=301) == expected


def test_permutation_of_equal_models_and_of_undefined_metrics():
    design, outcomes = made_up(13)
    one = outcomes["c0", "seed-0"]
    assert permutation_p(design, [(one, one)], RESAMPLED["mcc"].resampled, draws=20) == 1.0
    assert np.isnan(swap_p(design, lambda weights: np.full((len(weights), 1), np.nan), draws=20))


def test_permutation_cannot_be_smaller_than_its_draws_allow():
    labels = np.repeat([0, 1], 30)
    design = Design(("a", "b"), ("s",), labels, np.arange(60))
    right, wrong = np.eye(2)[labels], np.eye(2)[1 - labels]
    p = permutation_p(
        design, [(Outcome(labels, right), Outcome(labels, wrong))], RESAMPLED["balanced_accuracy"].resampled, 99
    )
    assert p == 0.01


def test_ranks_of_conditions_far_apart_are_certain():
    measured = random_study(14)
    far = Measured(measured.design, measured.values + 10.0 * np.arange(6)[:, None], measured.influence)
    for better, expected in (("higher", [6, 5, 4, 3, 2, 1]), ("lower", [1, 2, 3, 4, 5, 6])):
        found = ranks(far, better, draws=DRAWS)
        for column in (found.observed, found.expected, found.low, found.high):
            assert column.tolist() == expected
        assert found.first.tolist() == [float(rank == 1) for rank in expected]
        possible = possible_best(far, all_pairs(far, draws=DRAWS), better)
        assert possible.tolist() == [rank == 1 for rank in expected]


def test_ranks_add_up_and_first_places_too():
    measured = random_study(15)
    found = ranks(measured, "higher", draws=DRAWS)
    assert found.expected.sum() == pytest.approx(21) and found.first.sum() == pytest.approx(1)
    assert (found.low <= found.expected).all() and (found.expected <= found.high).all()
    assert found.observed.tolist() == (6 - np.argsort(np.argsort(measured.means))).tolist()


def test_equal_conditions_share_their_rank():
    measured = random_study(16, seeds=1)
    measured.values[1], measured.influence[:, 1] = measured.values[0], measured.influence[:, 0]
    found = ranks(measured, "higher", procedure=False, draws=DRAWS)
    assert found.observed[0] == found.observed[1] and found.first[0] == found.first[1]
    assert found.expected[0] == found.expected[1]


def test_conditions_without_runs_have_no_rank():
    measured = without(random_study(17), *((2, s) for s in range(3)))
    found = ranks(measured, "higher", draws=DRAWS)
    assert np.isnan([found.observed[2], found.expected[2], found.first[2]]).all()
    assert np.nanmax(found.observed) == 5
    assert not possible_best(measured, all_pairs(measured, draws=DRAWS), "higher")[2]


def test_a_study_of_one_condition():
    measured = random_study(18, conditions=1)
    assert ranks(measured, "higher").first.tolist() == [1.0]
    assert possible_best(measured, all_pairs(measured), "higher").tolist() == [True]


def test_agreement_over_seeds():
    measured = random_study(19, seeds=3)
    same = Measured(measured.design, np.arange(6.0)[:, None] + np.zeros((6, 3)), measured.influence)
    assert agreement_over_replicates(same) == pytest.approx(1)
    turned = same.values.copy()
    turned[:, 2] *= -1
    assert agreement_over_replicates(Measured(same.design, turned, same.influence)) == pytest.approx(-1 / 3)
    one_pair = same.values.copy()
    one_pair[[0, 1], 2] = one_pair[[1, 0], 2]  # 14 of 15 pairs agree: tau 13/15 with both others
    found = agreement_over_replicates(Measured(same.design, one_pair, same.influence))
    assert found == pytest.approx((1 + 13 / 15 * 2) / 3)
    assert np.isnan(agreement_over_replicates(random_study(19, seeds=1)))
    assert np.isfinite(agreement_over_replicates(without(measured, (0, 0), (1, 2))))
