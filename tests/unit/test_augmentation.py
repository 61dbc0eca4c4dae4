"""Augmentation of training images: the same values as scikit-image and SciPy, given the same parameters."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.exposure import adjust_gamma, adjust_sigmoid

from imbalance_aware.errors import UserError
from imbalance_aware.runs.settings import Augmentation, Augmentation2D, Augmentation3D, check
from imbalance_aware.training.augment_cpu import CpuImages
from imbalance_aware.training.augment_device import DeviceImages
from imbalance_aware.training.augmentation import AugmentationParameters, sample_parameters, unchanged

#: The path of the GPU runs on any device; on the CPU it is only slower.
ENGINES = {"cpu": CpuImages, "gpu": lambda images: DeviceImages(images, torch.device("cpu"))}
CASES = {
    "photographs": (Augmentation2D(), (3, 21, 30)),
    "photographs, all changes": (Augmentation2D(blur_sigma=(0, 3), crop=12), (3, 21, 30)),
    "volumes": (Augmentation3D(crop=10), (4, 20, 18, 16)),
    "volumes, not cut": (Augmentation3D(crop=None), (2, 13, 14, 15)),
    "volumes, contrast": (Augmentation3D(crop=13, contrast_gain=(5, 10), flip_axes=(1,)), (1, 13, 14, 15)),
}


def stored(shape, dtype, count=12):
    images = np.random.default_rng(3).integers(0, 256, (count, *shape), dtype=np.uint8)
    return images if dtype == "uint8" else (images / 255).astype(np.float16)


def reference(image: np.ndarray, parameters: AugmentationParameters, position: int) -> np.ndarray:
    """One image by scikit-image and SciPy in double precision, on the whole image, cut and flipped last."""
    image = image / 255 if image.dtype == np.uint8 else image.astype(np.float64)
    image = adjust_gamma(image, parameters.gamma[position])
    if np.isfinite(parameters.gain[position]):
        image = adjust_sigmoid(image, cutoff=0.5, gain=parameters.gain[position])
    if parameters.sigma[position] > 0:
        image = np.stack([gaussian_filter(channel, parameters.sigma[position]) for channel in image])
    origin = parameters.origin[position]
    image = image[(slice(None), *(slice(a, a + n) for a, n in zip(origin, parameters.size, strict=True)))]
    return np.flip(image, 1 + np.flatnonzero(parameters.flip[position]))


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("engine", ENGINES)
def test_equal_to_scikit_image_and_scipy(engine, case, dtype):
    settings, shape = CASES[case]
    images = stored(shape, dtype)
    rows = [np.array([4, 0, 4]), np.array([11, 2, 7, 5, 6]), np.array([1, 9])]
    parameters = sample_parameters(settings, 10, shape[1:], seed=1, epoch=2)
    batches = [batch.clone() for batch in ENGINES[engine](images).batches(rows, parameters)]
    assert [len(batch) for batch in batches] == [3, 5, 2]
    for position, (row, image) in enumerate(zip(np.concatenate(rows), torch.cat(batches), strict=True)):
        expected = reference(images[row], parameters, position)
        assert image.dtype == torch.float32
        np.testing.assert_allclose(image.numpy(), expected, rtol=0, atol=5e-7)


@pytest.mark.parametrize("engine", ENGINES)
def test_wide_blur_of_a_small_image_is_mirrored_at_both_borders(engine):
    images = stored((2, 9, 8), "uint8", count=1)
    parameters = sample_parameters(Augmentation(probability=1, blur_sigma=(1.9, 1.9)), 1, (9, 8), seed=0, epoch=0)
    (batch,) = ENGINES[engine](images).batches([np.array([0])], parameters)
    np.testing.assert_allclose(batch[0].numpy(), reference(images[0], parameters, 0), rtol=0, atol=5e-7)


@pytest.mark.parametrize("engine", ENGINES)
def test_batches_are_channels_last(engine):
    for shape, layout in (((3, 8, 9), torch.channels_last), ((4, 8, 9, 7), torch.channels_last_3d)):
        images = ENGINES[engine](stored(shape, "uint8"))
        blurred = sample_parameters(Augmentation(blur_sigma=(0.5, 1), crop=6), 5, shape[1:], seed=0, epoch=0)
        for parameters in (unchanged(5, None, shape[1:]), blurred):
            (batch,) = images.batches([np.arange(5)], parameters)
            assert batch.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("engine", ENGINES)
def test_test_images_are_only_scaled_and_cut_in_the_middle(engine):
    images = stored((2, 9, 10, 11), "uint8")
    (batch,) = ENGINES[engine](images).batches([np.array([3, 1])], unchanged(2, 4, (9, 10, 11)))
    expected = images[[3, 1], :, 2:6, 3:7, 3:7].astype(np.float32) / np.float32(255)
    np.testing.assert_allclose(batch.numpy(), expected, rtol=0, atol=6e-8)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_batches(engine):
    images = stored((1, 6, 6), "uint8")
    assert list(ENGINES[engine](images).batches([], unchanged(0, None, (6, 6)))) == []


def test_draws_have_the_stated_ranges_and_frequencies():
    settings = Augmentation3D(contrast_gain=(5, 10), crop=6, flip_axes=(0, 2))
    n = 4000
    parameters = sample_parameters(settings, n, (10, 8, 6), seed=5, epoch=0)
    for values, off, (low, high) in (
        (parameters.gamma, parameters.gamma == 1, (0.5, 1.5)),
        (parameters.gain, np.isnan(parameters.gain), (5, 10)),
        (parameters.sigma, parameters.sigma == 0, (0, 1.5)),
    ):
        on = values[~off]
        assert len(on) / n == pytest.approx(0.5, abs=0.03)
        assert low <= on.min() < low + 0.02 * (high - low) and high - 0.02 * (high - low) < on.max() <= high
        assert on.mean() == pytest.approx((low + high) / 2, rel=0.03)
    assert parameters.flip.mean(axis=0) == pytest.approx([0.5, 0, 0.5], abs=0.03)
    assert parameters.origin.min(axis=0).tolist() == [0, 0, 0]
    assert parameters.origin.max(axis=0).tolist() == [4, 2, 0]
    central = (parameters.origin == [2, 1, 0]).all(axis=1).mean()
    assert central == pytest.approx(0.5 + 0.5 / 15, abs=0.03)
    joint = np.corrcoef(
        np.stack([parameters.gamma != 1, parameters.sigma > 0, parameters.flip[:, 0], parameters.flip[:, 2]])
    )
    assert np.abs(joint - np.eye(4)).max() < 0.06, "each change is decided on its own"


def test_draws_depend_on_seed_and_epoch_alone():
    def gammas(seed, epoch, **changed):
        return sample_parameters(Augmentation2D(**changed), 50, (8, 8), seed, epoch).gamma

    assert np.array_equal(gammas(0, 3), gammas(0, 3))
    assert not np.array_equal(gammas(0, 3), gammas(0, 4))
    assert not np.array_equal(gammas(0, 3), gammas(1, 3))
    assert np.array_equal(gammas(0, 3), gammas(0, 3, contrast_gain=None, flip_axes=())), "switching one off"


def test_probability_zero_changes_nothing():
    parameters = sample_parameters(Augmentation3D(probability=0, crop=4), 9, (8, 8, 8), 0, 0)
    plain = unchanged(9, 4, (8, 8, 8))
    for name in ("gamma", "gain", "sigma", "origin", "flip"):
        np.testing.assert_array_equal(getattr(parameters, name), getattr(plain, name))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Augmentation2D(crop=9), "crop is 9, larger than"),
        (Augmentation3D(crop=None), "have 2 axes"),
        (Augmentation2D(blur_sigma=(0, 2.2)), "reaches 9 voxels"),
    ],
)
def test_settings_that_do_not_fit_the_images(settings, message):
    with pytest.raises(UserError, match=message):
        check(settings, (8, 12))
