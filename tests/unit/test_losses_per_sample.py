"""Losses that are a mean over samples, against torch and NumPy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.losses import FocalLoss as MonaiFocalLoss
from torch.nn import functional

from imbalance_aware.losses.ce import CrossEntropyLoss
from imbalance_aware.losses.focal import FocalLoss


def random_batch(samples=20, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(0, 2, (samples, classes))), torch.from_numpy(rng.integers(classes, size=samples))


def probability_of_target(logits, target):
    exponentials = np.exp(logits.numpy())
    return (exponentials / exponentials.sum(1, keepdims=True))[np.arange(len(target)), target.numpy()]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@given(st.integers(1, 30), st.integers(2, 5), st.integers(0, 2**32), st.booleans(), st.sampled_from([0.0, 0.1]))
@settings(deadline=None)
def test_cross_entropy_is_torchs(reduction, samples, classes, seed, weighted, smoothing):
    logits, target = random_batch(samples, classes, seed)
    weight = torch.arange(1, classes + 1).double() if weighted else None
    for encoded in (target, functional.one_hot(target, classes).double()):
        ours = CrossEntropyLoss(weight, smoothing, reduction)
        # By one-hot rows the mean is that by integers; torch's would divide by the number of samples.
        rows = target if reduction == "mean" else encoded
        reference = functional.cross_entropy(logits, rows, weight, reduction=reduction, label_smoothing=smoothing)
        torch.testing.assert_close(ours(logits, encoded), reference)
        torch.testing.assert_close(ours(logits, encoded, torch.ones(samples)), reference)


@pytest.mark.parametrize("loss", [CrossEntropyLoss(), FocalLoss()])
def test_sample_weights_divide_by_the_number_of_samples(loss):
    logits, target = random_batch()
    weight = torch.linspace(0.1, 4, 20).double()
    p = probability_of_target(logits, target)
    per_sample = -np.log(p) * ((1 - p) ** 2 if isinstance(loss, FocalLoss) else 1)
    assert loss(logits, target, weight).item() == pytest.approx(np.sum(weight.numpy() * per_sample) / 20)


def test_a_single_logit_is_binary_cross_entropy():
    logits, target = random_batch(classes=1)[0], torch.rand(20).double()
    reference = functional.binary_cross_entropy_with_logits(logits[:, 0], target)
    torch.testing.assert_close(CrossEntropyLoss()(logits, target), reference)


@given(st.integers(1, 30), st.integers(2, 5), st.integers(0, 2**32), st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0]))
@settings(deadline=None)
def test_focal_is_its_formula_and_monais(samples, classes, seed, gamma):
    logits, target = random_batch(samples, classes, seed)
    p = probability_of_target(logits, target)
    alpha = np.arange(1.0, classes + 1)
    expected = -alpha[target.numpy()] * (1 - p) ** gamma * np.log(p)
    torch.testing.assert_close(FocalLoss(gamma, alpha, "none")(logits, target), torch.from_numpy(expected))
    one_hot = functional.one_hot(target, classes).double()
    # With (B, C) alone MONAI takes a mean over all entries; a spatial axis of length 1 makes it per sample.
    monai = MonaiFocalLoss(gamma=gamma, use_softmax=True, reduction="sum")(
        logits.float().unsqueeze(2), one_hot.float().unsqueeze(2)
    )
    torch.testing.assert_close(FocalLoss(gamma, reduction="sum")(logits, target).float(), monai, rtol=1e-4, atol=1e-5)


def test_focal_of_gamma_0_is_cross_entropy():
    logits, target = random_batch()
    torch.testing.assert_close(FocalLoss(gamma=0)(logits, target), functional.cross_entropy(logits, target))


def test_a_single_alpha_weights_the_second_of_two_classes():
    logits, target = random_batch(classes=2)
    assert torch.equal(FocalLoss(alpha=0.25)(logits, target), FocalLoss(alpha=[0.75, 0.25])(logits, target))


def test_arguments_out_of_range_are_refused():
    for build in (
        lambda: FocalLoss(gamma=-1),
        lambda: FocalLoss(alpha=2),
        lambda: CrossEntropyLoss(label_smoothing=1),
        lambda: CrossEntropyLoss(reduction="average"),
    ):
        with pytest.raises(ValueError, match=r"expected|is in"):
            build()
