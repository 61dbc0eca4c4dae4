"""The residual network: MONAI's in weights and mathematics, and safe and exact on every CPU."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from monai.networks.nets import ResNet as MonaiResNet

from imbalance_aware.models.memory_format import CHANNELS_LAST
from imbalance_aware.models.residual_network import ResidualNetwork
from imbalance_aware.runs.settings import ModelSettings

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {"blocks": (1, 2, 1, 1), "widths": (4, 6, 6, 8), "stem_kernel": 3}


def images(dimensions, edge, count=3, channels=3):
    return torch.rand(count, channels, *[edge] * dimensions).contiguous(memory_format=CHANNELS_LAST[dimensions])


def both(dimensions, widths=(8, 16, 24, 32), kernel=7, stride=2, pool=True):
    """MONAI's network and ours, from the same random numbers."""
    torch.manual_seed(0)
    theirs = MonaiResNet(
        "basic",
        [1, 2, 1, 1],
        list(widths),
        spatial_dims=dimensions,
        n_input_channels=3,
        conv1_t_size=kernel,
        conv1_t_stride=stride,
        no_max_pool=not pool,
        num_classes=4,
        bias_downsample=False,
    )
    torch.manual_seed(0)
    return theirs, ResidualNetwork(dimensions, 3, 4, (1, 2, 1, 1), widths, kernel, stride, pool)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_initial_weights_are_monais_to_the_bit(dimensions):
    theirs, ours = (network.state_dict() for network in both(dimensions))
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(("dimensions", "edge"), [(2, 61), (3, 21)])
@pytest.mark.parametrize(
    "options",
    [{}, {"pool": False}, {"widths": (4, 4, 8, 8), "kernel": 3}, {"kernel": 1, "pool": False}],
    ids=["default", "without pooling", "narrow", "stem of one voxel"],
)
def test_same_mathematics_as_monais(dimensions, edge, options):
    # In float64: oneDNN, whose faults the test must not meet in MONAI's network, computes float32 alone.
    theirs, ours = (network.double() for network in both(dimensions, **options))
    batch = images(dimensions, edge).double()
    for network in (theirs, ours):
        network(batch).square().sum().backward()
    for (name, weights), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(weights.grad, other.grad, rtol=1e-5, atol=1e-7, msg=f"gradient of {name}")
    torch.testing.assert_close(ours(batch), theirs(batch), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(ours.eval()(batch), theirs.eval()(batch), rtol=1e-5, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("kernels", ["AVX2", "all"])
def test_every_convolution_is_exact_and_keeps_to_its_memory(kernels):
    if kernels == "all" and torch.backends.cpu.get_cpu_capability() == "AVX2":
        pytest.skip("this CPU has no kernels beyond AVX2")
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": "DEFAULT" if kernels == "all" else kernels}
    script = Path(__file__).with_name("check_convolutions.py")
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)
    last = "\n".join(done.stdout.splitlines()[-1:])
    assert done.returncode == 0, f"status {done.returncode} at: {last}\n{done.stderr}"
    assert "convolutions agree with float64" in last


@pytest.mark.parametrize(("dimensions", "edge"), [(2, 96), (3, 64)])
def test_default_is_resnet34_with_256_features_and_finite_gradients(dimensions, edge):
    model = ResidualNetwork(dimensions, 3, 3, **ModelSettings().model_dump())
    model.to(memory_format=CHANNELS_LAST[dimensions])
    convolutions = [name for name, value in model.named_parameters() if value.ndim > 2 and "downsample" not in name]
    assert len(convolutions) + 1 == 34
    features = model.features(images(dimensions, edge, count=2))
    assert features.shape == (2, 256)
    model.head(features).square().sum().backward()
    assert all(torch.isfinite(weights.grad).all() and weights.grad.abs().max() > 0 for weights in model.parameters())


def test_logits_keep_float32_digits_under_autocast():
    model = ResidualNetwork(2, 2, 3, **SMALL)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        batch = torch.rand(3, 2, 16, 16)
        assert model.conv1(batch).dtype == torch.bfloat16
        assert model.features(batch).dtype == model(batch).dtype == torch.float32
    assert model(batch).to(torch.bfloat16).float().ne(model(batch)).any()


def test_the_head_makes_logits_of_features():
    model = ResidualNetwork(2, 2, 3, **SMALL).eval()
    batch = torch.rand(3, 2, 16, 16)
    assert torch.equal(model.head(model.features(batch)), model(batch))
    assert model.features(batch).shape == (3, 8)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_no_step_of_the_network_waits_for_values(dimensions):
    """A GPU works ahead of the host; the device `meta` has no values that one could wait for."""
    with torch.device("meta"):
        model = ResidualNetwork(dimensions, 3, 4, **SMALL)
        # Not by `head`: autocast does not know this device.
        model.fc(model.features(torch.empty(2, 3, *[16] * dimensions))).square().sum().backward()
    assert all(weights.grad.shape == weights.shape for weights in model.parameters())


def test_torch_lists_max_pooling_as_deterministic():
    text = torch.use_deterministic_algorithms.__doc__
    made, refused = re.search(r"will act\s+deterministically(.*)will throw a(.*)", text, re.DOTALL).groups()
    assert "nn.MaxPool3d` when attempting to differentiate a CUDA tensor" in made
    assert not re.search(r"nn\.MaxPool[23]d`", refused)


def test_no_step_waits_for_monai():
    names = ("runs.train", "prediction.predict", "runs.bundle", "runs.train_bundle")
    steps = ", ".join(f"imbalance_aware.{step}" for step in names)
    subprocess.run([sys.executable, "-c", f"import sys, {steps}; sys.exit('monai' in sys.modules)"], check=True)
