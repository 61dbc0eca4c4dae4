"""Batches made on a device: right for any settings, and cheap in the ways that only a GPU would show."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_augmentation import reference
from torch._subclasses.fake_tensor import FakeTensorMode

from device_counter import Counter
from imbalance_aware.runs.settings import Augmentation, Augmentation2D, Augmentation3D
from imbalance_aware.training import augment_device
from imbalance_aware.training.augment_cpu import CpuImages
from imbalance_aware.training.augment_device import DeviceImages
from imbalance_aware.training.augmentation import AugmentationParameters, radius, sample_parameters, unchanged

CPU = torch.device("cpu")
CASES = {
    "photographs": (Augmentation2D(), (3, 11, 14)),
    "volumes": (Augmentation3D(crop=9), (2, 14, 13, 12)),
    "all changes": (Augmentation3D(crop=9, contrast_gain=(5, 10)), (2, 14, 13, 12)),
}


def stored(shape, count, dtype="uint8", seed=3):
    images = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)
    return images if dtype == "uint8" else (images / 255).astype(np.float16)


@st.composite
def cases(draws):
    """Parameters within and at the ends of what settings allow, and stored images that they fit."""
    shape = tuple(draws(st.lists(st.integers(5, 13), min_size=2, max_size=3)))
    ends = st.floats(0, (min(shape) - 0.5) / 4 - 1e-6)
    ranges = (None, (0.0, draws(ends))), (None, (0.3, 2.0)), (None, (0.0, 12.0))
    blur, gamma, contrast = (draws(st.sampled_from(choices)) for choices in ranges)
    augmentation = Augmentation(
        probability=draws(st.sampled_from([0.5, 1.0])),
        gamma=gamma,
        contrast_gain=contrast,
        blur_sigma=blur,
        flip_axes=tuple(axis for axis in range(len(shape)) if draws(st.booleans())),
        crop=draws(st.none() | st.integers(1, min(shape))),
    )
    sizes = draws(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    seed = draws(st.integers(0, 2**31))
    images = stored((draws(st.integers(1, 3)), *shape), 5, draws(st.sampled_from(["uint8", "float16"])), seed)
    rows = np.split(np.random.default_rng(seed).integers(0, 5, sum(sizes)), np.cumsum(sizes)[:-1])
    return images, rows, sample_parameters(augmentation, sum(sizes), shape, seed, 0)


@settings(deadline=None, max_examples=200)
@given(cases())
def test_equal_to_scipy_and_scikit_image_and_to_the_path_for_cpus(case):
    images, rows, parameters = case
    ours, theirs = (
        torch.cat([batch.clone() for batch in engine.batches(rows, parameters)]).numpy()
        for engine in (DeviceImages(images, CPU), CpuImages(images))
    )
    exact = np.stack([reference(images[row], parameters, n) for n, row in enumerate(np.concatenate(rows))])
    np.testing.assert_allclose(ours, exact, rtol=0, atol=5e-7)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=5e-7)


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_changes_of_intensity_alone_are_the_same_bytes_as_on_the_path_for_cpus(dtype):
    images, settings = stored((3, 12, 13), 8, dtype), Augmentation2D(crop=7)
    parameters = sample_parameters(settings, 8, (12, 13), seed=2, epoch=1)
    (ours,) = DeviceImages(images, CPU).batches([np.arange(8)], parameters)
    (theirs,) = CpuImages(images).batches([np.arange(8)], parameters)
    changed = (parameters.gamma != 1) | ~np.isnan(parameters.gain)
    assert 0 < changed.sum() < 8
    # torch's and NumPy's powers may differ in the last digit of float64, which rounding hides but for a few.
    assert (ours.numpy() == theirs.numpy())[changed].mean() > 0.999


def on_fake_gpu(monkeypatch, augmentation, shape, batch_size, count=4):
    """Shapes of the batches of an epoch on a fake GPU, and the counter's numbers of each step after the first."""
    # A torch that was built for CPUs has the operation, but its method asks for a GPU first.
    monkeypatch.setattr(torch.Tensor, "copy_", lambda self, source: torch.ops.aten.copy_.default(self, source))
    parameters = sample_parameters(augmentation, batch_size * count, shape[1:], 0, 0)
    with FakeTensorMode(allow_non_fake_inputs=True), Counter() as counter:
        images = DeviceImages(stored(shape, batch_size), torch.device("cuda", 0))
        steps = []
        for batch in images.batches([np.arange(batch_size)] * count, parameters):
            assert batch.device.type == "cuda" and batch.shape == (batch_size, shape[0], *parameters.size)
            steps.append((counter.launches, counter.transfers, counter.bytes))
            counter.reset()
    return steps[1:]


@pytest.mark.parametrize(("name", "launches"), [("photographs", 4), ("volumes", 9), ("all changes", 9)])
def test_a_step_is_a_few_launches_and_asks_nothing_of_the_host(monkeypatch, name, launches):
    steps = on_fake_gpu(monkeypatch, *CASES[name], batch_size=6)
    assert len(set(steps)) == 1, "all steps are alike"
    assert steps[0][:2] == (launches, 0)


@pytest.mark.parametrize(
    ("augmentation", "shape"), [(Augmentation2D(), (3, 240, 240)), (Augmentation3D(), (4, 96, 96, 96))]
)
def test_a_step_reads_and_writes_little(monkeypatch, augmentation, shape):
    ((_, _, traffic), *_) = on_fake_gpu(monkeypatch, augmentation, shape, batch_size=2)
    reach = radius(np.array(augmentation.blur_sigma or [0.0])).max()
    window = [(augmentation.crop or whole) + 2 * reach for whole in shape[1:]]
    # Bytes for each voxel of the window: its code found, cut along the last axis, made an index, looked up, blurred.
    voxel = 4 + 2 + 5 + 8 + 8 * len(window) * bool(reach)
    assert traffic < 2 * shape[0] * np.prod(window) * voxel


def test_the_counter_adds_copies_that_cuda_makes_unseen():
    meta = torch.device("meta")
    stored, rows, columns = (torch.empty(shape, device=meta) for shape in ((50, 40), (5, 1), (1, 4)))
    with Counter() as counter:
        stored[rows.long(), columns.long()]
        # Two conversions, the gather, and both index tensors written to full shape and read.
        assert counter.launches == 2 + 1 + 2
        assert counter.bytes == (5 + 4) * (4 + 8) + (5 + 4) * 8 + 2 * 2 * 20 * 8 + 2 * 20 * 4
        counter.reset()
        torch.bmm(torch.empty(2, 3, 4, device=meta), torch.empty(2, 5, 4, device=meta).mT)
        assert (counter.launches, counter.bytes) == (1, 4 * (24 + 40 + 30))
        counter.reset()
        torch.bmm(torch.empty(2, 3, 4, device=meta), torch.empty(2, 4, 10, device=meta)[:, :, ::2])
        assert (counter.launches, counter.bytes) == (2, 4 * (24 + 40 + 30) + 2 * 4 * 40)


def test_shapes_are_the_same_in_all_epochs(monkeypatch):
    augmentation, shape = CASES["volumes"]
    epochs = [sample_parameters(augmentation, 4, shape[1:], 0, epoch) for epoch in range(6)]
    assert len({radius(parameters.sigma).max() for parameters in epochs}) > 1, "the widest blur differs"
    images, products, seen = DeviceImages(stored(shape, 4), CPU), torch.bmm, []

    def spy(kernel, columns, out):
        seen.append((kernel.shape, columns.shape))
        return products(kernel, columns, out=out)

    monkeypatch.setattr(torch, "bmm", spy)
    for parameters in epochs:
        list(images.batches([np.arange(2), np.arange(2, 4)], parameters))
    assert seen == seen[:3] * 2 * len(epochs)


def test_the_rest_of_an_epoch_is_the_same_bytes_as_in_the_whole():
    augmentation, shape = CASES["all changes"]
    images = DeviceImages(stored(shape, 6), CPU)
    for epoch in range(4):
        rows, parameters = (
            [np.array([0, 4]), np.array([5, 1]), np.array([3])],
            sample_parameters(augmentation, 5, shape[1:], 0, epoch),
        )
        whole = [batch.clone() for batch in images.batches(rows, parameters)]
        for ours, expected in zip(images.batches(rows[1:], parameters[2:]), whole[1:], strict=True):
            assert torch.equal(ours, expected)


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_an_epoch_too_large_to_prepare_at_once(monkeypatch, dtype):
    augmentation, shape = CASES["all changes"]
    images, parameters = stored(shape, 6, dtype), sample_parameters(augmentation, 12, shape[1:], 0, 0)
    rows = [np.arange(3), np.arange(3, 6), np.array([0]), np.arange(5)]
    at_once = [batch.clone() for batch in DeviceImages(images, CPU).batches(rows, parameters)]
    counts = []
    original = augment_device.Prepared.__init__

    def spy(self, images, rows, parameters):
        counts.append(len(rows))
        original(self, images, rows, parameters)

    monkeypatch.setattr(augment_device.Prepared, "__init__", spy)
    monkeypatch.setattr(augment_device, "CHUNK_BYTES", 4 * 8 * ({"uint8": 256, "float16": 15361}[dtype] + 5 * 21))
    in_parts = DeviceImages(images, CPU).batches(rows, parameters)
    assert all(torch.equal(*pair) for pair in zip(in_parts, at_once, strict=True))
    assert counts == [3, 4, 5], "at most four images, or one batch"


@pytest.mark.parametrize(("setting", "rows"), [(None, None), ((5.0, 10.0), "some")])
def test_contrast_is_computed_only_where_it_is_set(monkeypatch, setting, rows):
    augmentation, shape = Augmentation2D(contrast_gain=setting), (3, 8, 9)
    parameters, computed = sample_parameters(augmentation, 20, shape[1:], 0, 0), []
    monkeypatch.setattr(torch, "sigmoid", lambda x, original=torch.sigmoid: computed.append(len(x)) or original(x))
    list(DeviceImages(stored(shape, 20), CPU).batches([np.arange(10), np.arange(10, 20)], parameters))
    assert computed == ([] if rows is None else [int((~np.isnan(parameters.gain)).sum())])
    assert rows is None or 0 < computed[0] < 20


def test_the_blur_keeps_the_digits_of_float32_whatever_the_process_allows(monkeypatch):
    augmentation, shape = CASES["volumes"]
    parameters, seen = sample_parameters(augmentation, 4, shape[1:], 0, 0), []

    def made():
        (batch,) = DeviceImages(stored(shape, 4), CPU).batches([np.arange(4)], parameters)
        return batch.clone()

    expected = made()
    products = torch.bmm

    def spy(*args, **kwargs):
        seen.append((torch.get_float32_matmul_precision(), torch.backends.cuda.matmul.allow_tf32))
        return products(*args, **kwargs)

    monkeypatch.setattr(torch, "bmm", spy)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(made(), expected)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    assert seen == [("highest", False)] * 3


def test_a_blur_wider_than_stated_is_refused():
    plain = unchanged(1, None, (9, 9), reach=2)
    with pytest.raises(ValueError, match="a blur reaches 4 voxels, more than 2"):
        AugmentationParameters(plain.gamma, plain.gain, np.ones(1), plain.origin, plain.flip, plain.size, plain.reach)
