"""The network: what it adds to MONAI's changes no bit of it; and the file it is kept in."""

import pytest
import torch
from monai.networks.nets import ResNet as MonaiResNet

from imbalance_aware.errors import UserError
from imbalance_aware.training.adam import Adam
from imbalance_aware.training.model import InputSpec, load_model, make_model, save_model
from imbalance_aware.training.resnet import CHANNELS_LAST, POOLS, ResNet, sliced_max_pool
from imbalance_aware.training.settings import ModelSettings

SMALL = {"blocks": (1, 2, 1, 1), "widths": (4, 6, 6, 8), "stem_kernel": 3}
SPEC = InputSpec(channels=2, shape=(16, 16), dtype="uint8", crop=None, classes=("a", "b", "c"))


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def steps(model, optimise, count=3):
    """A few steps of a model on fixed batches."""
    stream = torch.Generator().manual_seed(1)
    for _ in range(count):
        images = torch.rand(5, 2, 16, 16, generator=stream).contiguous(memory_format=torch.channels_last)
        target = torch.randint(0, 3, (5,), generator=stream)
        torch.nn.functional.cross_entropy(model(images), target).backward()
        optimise()
    return model


@pytest.mark.parametrize(("dimensions", "edge"), [(2, 64), (3, 32)])
@pytest.mark.parametrize("pool", [True, False])
def test_same_network_as_monais(dimensions, edge, pool):
    torch.manual_seed(0)
    theirs = MonaiResNet(
        "basic",
        [1, 2, 1, 1],
        [8, 16, 24, 32],
        spatial_dims=dimensions,
        n_input_channels=3,
        conv1_t_size=7,
        conv1_t_stride=2,
        no_max_pool=not pool,
        num_classes=4,
        bias_downsample=False,
    )
    torch.manual_seed(0)
    ours = ResNet(dimensions, 3, 4, (1, 2, 1, 1), (8, 16, 24, 32), stem_pool=pool)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    images = torch.rand(3, 3, *[edge] * dimensions).contiguous(memory_format=CHANNELS_LAST[dimensions])
    for model in (theirs, ours):
        model.to(memory_format=CHANNELS_LAST[dimensions])
        model(images).square().sum().backward()
    for (name, weights), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.equal(weights, other), f"initial {name}"
        assert torch.equal(weights.grad, other.grad), f"gradient of {name}"
    assert torch.equal(ours.eval()(images), theirs.eval()(images))


@pytest.mark.parametrize(("dimensions", "edge"), [(2, 96), (3, 64)])
def test_default_is_resnet34_with_256_features_and_finite_gradients(dimensions, edge):
    model = ResNet(dimensions, 3, 3, **ModelSettings().model_dump()).to(memory_format=CHANNELS_LAST[dimensions])
    convolutions = [name for name, value in model.named_parameters() if value.ndim > 2 and "downsample" not in name]
    assert len(convolutions) + 1 == 34
    images = torch.rand(2, 3, *[edge] * dimensions).contiguous(memory_format=CHANNELS_LAST[dimensions])
    features = model.features(images)
    assert features.shape == (2, 256)
    model.fc(features).square().sum().backward()
    assert all(torch.isfinite(weights.grad).all() and weights.grad.abs().max() > 0 for weights in model.parameters())


def test_logits_keep_float32_digits_under_autocast():
    model = make_model(SMALL, SPEC, 0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        images = torch.rand(3, 2, 16, 16)
        assert model.conv1(images).dtype == torch.bfloat16
        assert model.features(images).dtype == model(images).dtype == torch.float32
    assert model(images).to(torch.bfloat16).float().ne(model(images)).any()


def test_initial_weights_depend_on_the_seed_alone():
    def weights(seed, spec=SPEC):
        return make_model(SMALL, spec, seed).state_dict()

    first = weights(0)
    torch.rand(3)
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    again = weights(0)
    assert torch.equal(before, torch.random.get_rng_state()), "the caller's stream is left alone"
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], weights(1)["conv1.weight"])


@pytest.mark.parametrize("shape", [(2, 3, 9, 12), (2, 3, 7, 8, 9)])
def test_pooling_for_deterministic_gpus_is_torchs(shape):
    stream = torch.Generator().manual_seed(0)
    images, weights = torch.randn(shape, generator=stream), None
    gradients = []
    for pool in (lambda x: POOLS[len(shape) - 2](x, 3, stride=2, padding=1), sliced_max_pool):
        leaf = images.clone().requires_grad_()
        pooled = pool(leaf.relu())
        weights = torch.randn(pooled.shape, generator=stream) if weights is None else weights
        (pooled * weights).sum().backward()
        gradients.append((pooled.detach(), leaf.grad))
    assert torch.equal(gradients[0][0], gradients[1][0])
    torch.testing.assert_close(gradients[0][1], gradients[1][1], rtol=0, atol=2e-6)


def test_adam_is_torchs():
    ours, theirs = make_model(SMALL, SPEC, 0), make_model(SMALL, SPEC, 0)
    mine = Adam(ours.parameters())
    other = torch.optim.Adam(theirs.parameters(), lr=1e-3, fused=True)
    steps(ours, lambda: mine.step(1e-3))
    steps(theirs, lambda: (other.step(), other.zero_grad()))
    for (name, weights), expected in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.equal(weights, expected), name


def test_a_model_file_gives_the_same_network_and_the_same_bytes(tmp_path):
    model = make_model(SMALL, SPEC, 0)
    optimiser = Adam(model.parameters())
    steps(model, lambda: optimiser.step(1e-3))
    config = {"model": SMALL, "note": "kept"}
    for name in ("model.pt", "other-name.pt"):
        save_model(tmp_path / name, model, SPEC, config)
    assert (tmp_path / "model.pt").read_bytes() == (tmp_path / "other-name.pt").read_bytes()
    loaded, spec, kept = load_model(tmp_path / "model.pt")
    assert (spec, kept) == (SPEC, config)
    images = torch.rand(4, 2, 16, 16)
    assert torch.equal(loaded(images), model.eval()(images))
    assert not loaded.training


@pytest.mark.parametrize("content", [b"", b"not a model", "half"])
def test_files_that_are_no_model(tmp_path, content):
    path = tmp_path / "model.pt"
    if content == "half":
        save_model(path, make_model(SMALL, SPEC, 0), SPEC, {"model": SMALL})
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a model written by the train step, or damaged"):
        load_model(path)


def test_no_model(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        load_model(tmp_path / "model.pt")


def test_a_model_of_another_format(tmp_path):
    path = tmp_path / "model.pt"
    torch.save({"format": 99}, path)
    with pytest.raises(UserError, match="written in format 99"):
        load_model(path)


def test_features_feed_the_last_layer():
    model = make_model(SMALL, SPEC, 0).eval()
    images = torch.rand(3, 2, 16, 16)
    assert torch.equal(model.fc(model.features(images)), model(images))
    assert model.features(images).shape == (3, 8)
