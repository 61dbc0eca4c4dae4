"""The calculations inside the steps, against NumPy, SciPy and scikit-learn."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.metrics import f1_score, mutual_info_score

from imbalance_aware.errors import UserError
from imbalance_aware.preprocessing import similarity
from imbalance_aware.preprocessing.brain_extraction import largest_component
from imbalance_aware.preprocessing.crop import DTYPES, centre_of_mass, cut
from imbalance_aware.preprocessing.scale import check, measure, scale
from imbalance_aware.preprocessing.similarity import correlation, dice, normalised_mutual_information
from imbalance_aware.preprocessing.subject_step import Failure
from imbalance_aware.schema import parse
from imbalance_aware.volume_settings import ScaleSettings, StripSettings

# Kernels that torch.compile or a network's package loads may have this process's processor round subnormals to 0.
floats = partial(st.floats, allow_subnormal=False)
masks = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random((6, 5, 4)) < 0.4)


@given(masks, masks)
def test_dice_is_the_f1_score_of_voxels(one, other):
    expected = f1_score(one.ravel(), other.ravel(), zero_division=0)
    assert dice(one, other) == pytest.approx(expected)


def test_mutual_information_is_scikit_learns_normalised_by_the_joint_entropy():
    random = np.random.default_rng(0)
    one, other = random.random((2, 5000))
    other = other + one
    bins = [similarity._bins(values) for values in (one, other)]
    joint = similarity._entropy(np.unique(np.stack(bins), axis=1, return_counts=True)[1])
    expected = 1 + mutual_info_score(*bins) / joint
    assert normalised_mutual_information(one, other) == pytest.approx(expected)


def test_mutual_information_is_2_for_a_function_and_1_for_the_unrelated():
    random = np.random.default_rng(1)
    values = random.random(100_000)
    assert normalised_mutual_information(values, 1 - 3 * values) == pytest.approx(2, abs=0.01)
    assert normalised_mutual_information(values, random.random(100_000)) == pytest.approx(1, abs=0.001)
    assert normalised_mutual_information(np.ones(10), np.ones(10)) == 1


@given(floats(0.01, 100), floats(-1000, 1000))
def test_mutual_information_does_not_depend_on_the_unit(factor, offset):
    one, other = np.random.default_rng(2).random((2, 500))
    other = one + 0.3 * other
    reference = normalised_mutual_information(one, other)
    assert normalised_mutual_information(factor * one + offset, other) == pytest.approx(reference, abs=0.02)


def test_correlation_is_that_of_numpy():
    one, other = np.random.default_rng(3).random((2, 4, 5, 6))
    assert correlation(one, other) == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@given(masks, floats(0.1, 10), floats(-5, 5))
def test_scaling_forgets_the_scanners_units(brain, factor, offset):
    brain[0, 0, :2] = True
    values = np.random.default_rng(4).normal(100, 20, brain.shape).astype(np.float32)
    once, again = values.copy(), (factor * values + offset).astype(np.float32)
    for array in (once, again):
        found = measure(array[brain], ScaleSettings())
        scale(array, brain, found["low"], found["high"])
    assert again == pytest.approx(once, abs=1e-3)
    assert once[brain].min() == 0 and once[brain].max() == 1
    assert not once[~brain].any()


def test_percentiles_clamp_what_lies_beyond():
    values = np.random.default_rng(5).normal(100, 20, (20, 20, 20)).astype(np.float32)
    values[3, 3, 3] = 10_000
    brain = np.ones(values.shape, bool)
    low, high = np.percentile(values, [1, 99])
    expected = np.clip((values - low) / (high - low), 0, 1)
    found = measure(values, ScaleSettings(lower=1, upper=99))
    assert (found["low"], found["high"], found["spread"]) == pytest.approx((low, high, 1))
    scale(values, brain, found["low"], found["high"])
    assert values == pytest.approx(expected, abs=1e-5)


def test_a_flat_sequence_cannot_be_scaled():
    settings = ScaleSettings(min_spread=0)
    with pytest.raises(Failure, match="flat: t2 has no contrast"):
        check("t2", measure(np.full(100, 7, np.float32), settings), settings)


def test_intensities_are_those_of_numpy():
    values = np.random.default_rng(6).gamma(2, 50, 5000).astype(np.float32)
    found = measure(values, ScaleSettings(lower=2, upper=98))
    first, last = np.quantile(values, [0.01, 0.99])
    low, high = np.quantile(values, [0.02, 0.98])
    expected = {"min": values.min(), "median": np.median(values), "p99": last, "max": values.max()}
    expected |= {"low": low, "high": high, "spread": (last - first) / (high - low)}
    assert found == pytest.approx(expected, rel=1e-4)


@given(st.integers(1, 8), floats(20, 1e12), st.booleans())
def test_a_few_voxels_far_from_all_others_are_a_reason_and_percentiles_the_cure(number, distance, cold):
    values = np.random.default_rng(7).normal(100, 15, 20_000).astype(np.float32)
    span = float(np.ptp(values))
    values[:number] = -distance * span if cold else distance * span
    by_extremes, by_percentiles = ScaleSettings(), ScaleSettings(lower=0.1, upper=99.9)
    with pytest.raises(Failure, match=r"hot voxels: flair, .*\(median \d+.*scale\.min_spread.*upper: 99\.9"):
        check("flair", measure(values, by_extremes), by_extremes)
    check("flair", measure(values, by_percentiles), by_percentiles)
    check("flair", measure(values, by_extremes), ScaleSettings(min_spread=0))


def test_tissue_and_bright_vessels_pass():
    """Vessels in a T1 with contrast agent: one voxel in two thousand, up to four times as bright as the tissue."""
    random = np.random.default_rng(8)
    values = random.normal(100, 15, 100_000).astype(np.float32)
    values[:50] = random.uniform(150, 400, 50)
    check("t1c", measure(values, ScaleSettings()), ScaleSettings())


@given(st.tuples(st.integers(0, 8), st.integers(0, 7), st.integers(0, 6)), st.integers(1, 13))
def test_the_cube_is_cut_as_from_an_endlessly_padded_volume(centre, size):
    volumes = np.random.default_rng(6).random((2, 9, 8, 7)) + 1
    centre = np.array(centre)
    padded = np.pad(volumes, ((0, 0), *[(20, 20)] * 3))
    begin = centre + 20 - size // 2
    expected = padded[:, *(slice(low, low + size) for low in begin)]
    assert np.array_equal(cut(volumes, centre, size), expected)


@given(masks)
def test_the_centre_of_mass_is_scipys(mask):
    mask[2, 2, 2] = True
    assert centre_of_mass(mask) == pytest.approx(np.rint(ndimage.center_of_mass(mask)))


def test_stored_values_are_those_that_training_reads():
    values = np.linspace(0, 1, 1000, dtype=np.float32)
    assert DTYPES["uint8"](values).dtype == np.uint8
    assert DTYPES["uint8"](values) / 255 == pytest.approx(values, abs=0.5 / 255 + 1e-6)
    assert DTYPES["float16"](values).astype(float) == pytest.approx(values, abs=5e-4)


def test_the_largest_component_without_its_holes():
    mask = np.zeros((12, 12, 12), bool)
    mask[1:8, 1:8, 1:8] = True
    mask[4, 4, 4] = False
    mask[10:, 10:, 10:] = True
    found = largest_component(mask)
    assert found[4, 4, 4] and found.sum() == 7**3
    assert not largest_component(np.zeros((3, 3, 3), bool)).any()


@pytest.mark.parametrize("bounds", ["[2300, 700]", "[700, 700]", "[-1, 700]"])
def test_volumes_that_admit_no_brain_are_refused(bounds):
    assert parse(StripSettings, '{"volume_ml": [0, 700]}').volume_ml == (0, 700)
    with pytest.raises(UserError, match="admits no brain; give the smaller volume first"):
        parse(StripSettings, f'{{"volume_ml": {bounds}}}')
