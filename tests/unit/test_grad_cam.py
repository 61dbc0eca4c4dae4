"""Grad-CAM: equal to its definition, and the layer that is found in each network."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from torch import nn
from toy_network import ToyNetwork

from imbalance_aware.models.make import InputSpec, make_model
from imbalance_aware.models.network import full_precision
from imbalance_aware.reporting.grad_cam import Explainer, Layer, last_layer_with_maps, spearman, upsampled

pytestmark = pytest.mark.usefixtures("one_thread")

RESNET = {"blocks": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "stem_kernel": 3}

SMALL = {
    "resnet": {"network": "resnet"} | RESNET,
    "dense": {
        "network": "monai:DenseNet121",
        "arguments": {"init_features": 8, "growth_rate": 4, "block_config": [1, 1, 2, 1]},
    },
    "efficient": {"network": "monai:EfficientNetB0"},
    "monai_resnet": {"network": "monai:ResNet18", "arguments": {"widen_factor": 0.125}},
    "squeezed": {"network": "monai:SEResNext50", "arguments": {"layers": [1, 1, 1, 1]}},
}


def network(name, dimensions, edge, seed=0):
    spec = InputSpec(2, (edge,) * dimensions, "uint8", None, ("a", "b", "c"))
    return make_model(SMALL[name], spec, seed).eval()


def image_of(dimensions, edge, channels=2):
    return torch.rand(1, channels, *[edge] * dimensions, generator=torch.Generator().manual_seed(1))


class OnPatches(nn.Module):
    """The score of class 1 is how bright the patches of 4 x 4 pixels are, that of class 0 how dark."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, 1, 4, 4, bias=False)
        self.last = nn.Linear(1, 2)
        with torch.no_grad():
            self.patches.weight.fill_(1 / 16)
            self.last.weight.copy_(torch.tensor([[-1.0], [1.0]]))
            self.last.bias.zero_()

    def features(self, x):
        return self.patches(x).flatten(2).mean(2)

    def head(self, features):
        return full_precision(self.last, features)

    def forward(self, x):
        return self.head(self.features(x))


class WithoutMaps(nn.Module):
    """Flattens the image at once."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(2 * 16 * 16, 3)

    def forward(self, x):
        return self.last(x.flatten(1))


class Around(nn.Module):
    """Its last convolution is not all that the logits see."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3)
        self.second = nn.Conv2d(4, 4, 1)
        self.last = nn.Linear(4, 3)

    def forward(self, x):
        x = self.first(x)
        return self.last((x + self.second(x)).mean((2, 3)))


def grad_cam(model, name, image, label):
    """ReLU(sum over channels of the mean gradient times the activation), by hooks of our own."""
    kept = []
    hook = dict(model.named_modules())[name].register_forward_hook(lambda *given: kept.append(given[2]))
    logits = model(image.clone().requires_grad_())
    hook.remove()
    (gradient,) = torch.autograd.grad(logits[0, label], kept[0])
    weights = gradient.mean(tuple(range(2, gradient.ndim)), keepdim=True)
    return (weights * kept[0]).sum(1).relu()[0].detach()


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("name", ["resnet", "dense", "monai_resnet"])
def test_maps_are_those_of_the_definition(name, dimensions):
    edge = {2: 64, 3: 32}[dimensions]
    model, image = network(name, dimensions, edge, seed=1), image_of(dimensions, edge)
    layer = last_layer_with_maps(model, image)
    explainer = Explainer(model, layer)
    found = [explainer.map(image, label) for label in range(3)]
    assert any(cells.any() for cells in found) and all(tuple(cells.shape) == layer.cells for cells in found)
    fresh = network(name, dimensions, edge, seed=1)
    for part in fresh.modules():
        if hasattr(part, "inplace"):
            part.inplace = False
    for label, cells in enumerate(found):
        torch.testing.assert_close(cells, grad_cam(fresh, layer.name, image, label))
    wanted = network(name, dimensions, edge, seed=1)(image)[0].double().softmax(0)
    torch.testing.assert_close(explainer.probabilities(image), wanted.detach(), atol=1e-6, rtol=1e-5)


def test_weights_take_no_gradient():
    """The gradient of the weights of some convolutions damages memory on CPUs without AVX-512."""
    model, image = network("resnet", 2, 48), image_of(2, 48)
    Explainer(model, last_layer_with_maps(model, image)).map(image, 0)
    assert all(weight.grad is None and not weight.requires_grad for weight in model.parameters())


def test_the_patch_that_decides_lights_up():
    image = torch.zeros(1, 1, 16, 16)
    image[..., 4:8, 8:12] = 1
    model = OnPatches().eval()
    layer = last_layer_with_maps(model, image)
    assert layer == Layer("patches", (4, 4))
    explainer = Explainer(model, layer)
    cells = explainer.map(image, 1)
    assert cells.argmax() == 1 * 4 + 2 and (cells > 0).sum() == 1
    assert not explainer.map(image, 0).any(), "it speaks against the other class, which Grad-CAM leaves out"
    whole = upsampled(cells, (16, 16))
    assert whole.shape == (16, 16)
    assert (whole == whole.max()).nonzero().float().mean(0).tolist() == [5.5, 9.5], "the middle of the patch"


@pytest.mark.parametrize(
    ("name", "dimensions", "edge", "layer"),
    [
        ("resnet", 2, 64, Layer("layer4", (2, 2))),
        ("resnet", 3, 64, Layer("layer4", (2, 2, 2))),
        ("resnet", 3, 32, Layer("layer3", (2, 2, 2))),
        ("dense", 2, 64, Layer("network.class_layers.relu", (2, 2))),
        ("dense", 2, 32, Layer("network.features.transition3.conv", (2, 2))),
        ("efficient", 2, 64, Layer("network._bn1", (2, 2))),
        ("efficient", 2, 32, Layer("network._blocks.5.11._bn0", (2, 2))),
        ("monai_resnet", 2, 32, Layer("network.layer4", (2, 2))),
        ("squeezed", 2, 64, Layer("network.layer4", (2, 2))),
        ("squeezed", 2, 32, Layer("network.layer3", (2, 2))),
    ],
)
def test_the_layer_is_the_last_whose_maps_tell_places_apart(name, dimensions, edge, layer):
    """Not a border that is added, a part that is used twice, or a part of a block that a shortcut leads around."""
    assert last_layer_with_maps(network(name, dimensions, edge), image_of(dimensions, edge)) == layer


def test_networks_of_ones_own_are_searched_too():
    assert last_layer_with_maps(ToyNetwork(2, 2, 3).eval(), image_of(2, 16)) == Layer("convolution", (12, 12))
    assert last_layer_with_maps(WithoutMaps().eval(), image_of(2, 16)) is None
    assert last_layer_with_maps(Around().eval(), image_of(2, 16)) == Layer("first", (14, 14))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12))
def test_similarity_is_spearmans_correlation(values):
    a, b = (torch.tensor(column, dtype=torch.float32) for column in zip(*values, strict=True))
    found = spearman(a, b)
    if a.unique().numel() == 1 or b.unique().numel() == 1:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(spearmanr(a, b).statistic, abs=1e-6)
