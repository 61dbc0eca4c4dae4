"""The calculations inside the steps, against NumPy, SciPy and scikit-learn."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.metrics import f1_score

from imbalance_aware.errors import UserError
from imbalance_aware.preprocessing import similarity
from imbalance_aware.preprocessing.brain_extraction import largest_component
from imbalance_aware.preprocessing.crop import DTYPES, centre_of_mass, cut
from imbalance_aware.preprocessing.scale import check, measure, scale
from imbalance_aware.preprocessing.similarity import correlation, dice, edge_match, edges
from imbalance_aware.preprocessing.subject_step import Failure
from imbalance_aware.schema import parse
from imbalance_aware.volume_settings import BrainExtractionSettings, NormalisationSettings

# Kernels that torch.compile or a network's package loads may have this process's processor round subnormals to 0.
floats = partial(st.floats, allow_subnormal=False)
masks = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random((6, 5, 4)) < 0.4)


@given(masks, masks)
def test_dice_is_the_f1_score_of_voxels(one, other):
    expected = f1_score(one.ravel(), other.ravel(), zero_division=0)
    assert dice(one, other) == pytest.approx(expected)


def _smooth(seed, shape=(40, 44, 36)):
    """Something with folds: blurred noise."""
    return ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 1.5).astype(np.float32)


def _ball(shape=(40, 44, 36), radius=16):
    places = np.indices(shape) - (np.array(shape)[:, None, None, None] - 1) / 2
    return (places**2).sum(axis=0) <= radius**2


def _match(one, other, brain=None, spacing=2.0):
    brain = _ball() if brain is None else brain
    spacing = np.full(3, spacing)
    return edge_match(edges(one, brain, spacing), edges(other, brain, spacing))


def test_the_match_of_edges_is_that_of_its_formula():
    """Written out, voxel by voxel, without the tricks of the implementation; voxels of 4 mm are not averaged."""
    one, other, brain, edge = _smooth(0), _smooth(0) + 0.5 * _smooth(1), _ball(), 4.0
    core = ndimage.binary_erosion(brain, np.ones((5, 5, 5)))
    fields = []
    for image in (one, other):
        clamped = image.clip(*np.quantile(image[core], [0.005, 0.995])).astype(float)
        blurred = ndimage.gaussian_filter(clamped, similarity.BLUR)
        gradient = np.moveaxis(np.stack(np.gradient(blurred, edge)), 0, -1)
        steepness = (np.linalg.norm(gradient[core], axis=-1) ** 2).mean()
        fields.append(gradient / np.sqrt((gradient**2).sum(axis=-1, keepdims=True) + steepness))

    def agreement(shift):
        there = np.roll(fields[1], -np.array(shift), axis=(0, 1, 2))
        both = core & np.roll(core, -np.array(shift), axis=(0, 1, 2))
        a, b = fields[0][both], there[both]
        return ((a * b).sum(axis=-1) ** 2).sum() / ((a**2).sum(axis=-1) * (b**2).sum(axis=-1)).sum()

    shifted = [agreement(sign * np.array(axis)) for axis in 3 * np.eye(3, dtype=int) for sign in (1, -1)]
    expected = agreement((0, 0, 0)) - np.mean(shifted)
    assert expected > 0.1
    assert _match(one, other, spacing=edge) == pytest.approx(expected, abs=0.01)


def test_the_match_of_edges_tells_an_image_from_a_stranger_and_from_itself_elsewhere():
    own, stranger = _smooth(0), _smooth(1)
    assert _match(own, own) > 0.5
    assert abs(_match(own, stranger)) < 0.05
    assert _match(own, np.roll(own, 3, axis=1)) < 0.1
    assert _match(own, np.ones_like(own)) == 0


@settings(max_examples=20)
@given(floats(0.01, 100) | floats(-100, -0.01), floats(-1000, 1000))
def test_the_match_of_edges_does_not_depend_on_the_unit_nor_on_the_sign_of_the_contrast(factor, offset):
    one = _smooth(0)
    other = one + 0.3 * _smooth(1)
    assert _match(factor * one.astype(float) + offset, other) == pytest.approx(_match(one, other), abs=0.005)


def test_the_match_of_edges_is_about_the_same_on_finer_voxels():
    one, other = _smooth(0), _smooth(0) + 0.3 * _smooth(1)
    fine = [ndimage.zoom(image, 2, order=1, grid_mode=True, mode="nearest") for image in (one, other)]
    brain = np.repeat(np.repeat(np.repeat(_ball(), 2, 0), 2, 1), 2, 2)
    assert _match(*fine, brain, spacing=1.0) == pytest.approx(_match(one, other), abs=0.1)


def test_a_hot_voxel_does_not_change_the_match_of_edges():
    one, other = _smooth(0), _smooth(0) + 0.3 * _smooth(1)
    hot = other.copy()
    hot[20, 22, 18] = 1e6
    assert _match(one, hot) == pytest.approx(_match(one, other), abs=0.01)


def test_what_lies_outside_the_brain_does_not_change_the_match_of_edges():
    """A scan without skull is judged as the same scan with it."""
    one, other, brain = _smooth(0), _smooth(0) + 0.5 * _smooth(1), _ball()
    assert _match(one * brain, other * brain) == pytest.approx(_match(one, other), abs=0.001)


def test_correlation_is_that_of_numpy():
    one, other = np.random.default_rng(3).random((2, 4, 5, 6))
    assert correlation(one, other) == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1])
    assert correlation(one, np.ones_like(one)) == 0


@given(masks, floats(0.1, 10), floats(-5, 5))
def test_scaling_forgets_the_scanners_units(brain, factor, offset):
    brain[0, 0, :2] = True
    values = np.random.default_rng(4).normal(100, 20, brain.shape).astype(np.float32)
    once, again = values.copy(), (factor * values + offset).astype(np.float32)
    for array in (once, again):
        found = measure(array[brain], NormalisationSettings())
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
    found = measure(values, NormalisationSettings(lower=1, upper=99))
    assert (found["low"], found["high"], found["spread"]) == pytest.approx((low, high, 1))
    scale(values, brain, found["low"], found["high"])
    assert values == pytest.approx(expected, abs=1e-5)


def test_a_flat_sequence_cannot_be_scaled():
    settings = NormalisationSettings(min_spread=0)
    with pytest.raises(Failure, match="flat: t2 has no contrast"):
        check("t2", measure(np.full(100, 7, np.float32), settings), settings)


def test_intensities_are_those_of_numpy():
    values = np.random.default_rng(6).gamma(2, 50, 5000).astype(np.float32)
    found = measure(values, NormalisationSettings(lower=2, upper=98))
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
    by_extremes, by_percentiles = NormalisationSettings(), NormalisationSettings(lower=0.1, upper=99.9)
    with pytest.raises(Failure, match=r"hot voxels: flair, .*\(median \d+.*normalisation\.min_spread.*upper: 99\.9"):
        check("flair", measure(values, by_extremes), by_extremes)
    check("flair", measure(values, by_percentiles), by_percentiles)
    check("flair", measure(values, by_extremes), NormalisationSettings(min_spread=0))


def test_tissue_and_bright_vessels_pass():
    """Vessels in a T1 with contrast agent: one voxel in two thousand, up to four times as bright as the tissue."""
    random = np.random.default_rng(8)
    values = random.normal(100, 15, 100_000).astype(np.float32)
    values[:50] = random.uniform(150, 400, 50)
    check("t1c", measure(values, NormalisationSettings()), NormalisationSettings())


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
    assert parse(BrainExtractionSettings, '{"volume_ml": [0, 700]}').volume_ml == (0, 700)
    with pytest.raises(UserError, match="is no range; give the smaller volume first"):
        parse(BrainExtractionSettings, f'{{"volume_ml": {bounds}}}')
