"""Networks of timm's: behind the protocol, trained, resumed and used, and refused where they do not fit."""

import importlib.metadata
import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml
from training_cases import settings, write_dataset
from training_runs import assert_predicts_its_test_samples, run_and_resumed

import timm_here
from imbalance_aware.errors import UserError
from imbalance_aware.models.build import check_network, environment, module_names, references
from imbalance_aware.models.make import InputSpec, make_model
from imbalance_aware.models.memory_format import CHANNELS_LAST
from imbalance_aware.models.network import Network
from imbalance_aware.reporting.grad_cam import Explainer, last_layer_with_maps
from imbalance_aware.runs.model_file import load_model, save_model
from imbalance_aware.runs.settings import ModelSettings
from imbalance_aware.schema import validate

pytestmark = [
    pytest.mark.skipif(not timm_here.importable(), reason="timm is not installed: pip install --no-deps timm"),
    pytest.mark.usefixtures("one_thread"),
]

#: Networks that timm has for tests, with convolutions and with attention, whose indices and biases are in no state.
TINY = {
    "timm:test_resnet": {},
    "timm:mobilenetv3_small_050": {},
    "timm:test_vit": {"img_size": 32},
    "timm:test_convnext": {"drop_path_rate": 0.1},
}


def spec_of(edge=32, channels=2, dimensions=2):
    return InputSpec(channels, (edge,) * dimensions, "uint8", None, ("a", "b", "c"))


def architecture(name):
    return {"network": name, "arguments": TINY[name]}


@pytest.mark.parametrize("name", TINY)
def test_a_network_of_timms_keeps_the_protocol(tmp_path, name):
    import timm

    generator = torch.Generator().manual_seed(1)
    images = torch.rand(2, 2, 32, 32, generator=generator).contiguous(memory_format=torch.channels_last)
    model = make_model(architecture(name), spec_of(), 0)
    assert isinstance(model, Network)
    again = make_model(architecture(name), spec_of(), 0).state_dict()
    assert all(torch.equal(value, again[key]) for key, value in model.state_dict().items())
    convolutions = [weights for weights in model.parameters() if weights.ndim == 4 and weights.shape[2] > 1]
    assert convolutions and all(one.is_contiguous(memory_format=CHANNELS_LAST[2]) for one in convolutions)
    model.train()(images).square().sum().backward()
    assert all(weights.grad is not None and weights.grad.isfinite().all() for weights in model.parameters())
    model.eval()
    theirs = timm.create_model(name.removeprefix("timm:"), num_classes=3, in_chans=2, **TINY[name]).eval()
    theirs.load_state_dict(model.state_dict())
    with torch.inference_mode():
        features, before = model.features(images), model(images)
        assert features.shape == (2, model.last_layer().in_features) and features.dtype == torch.float32
        assert torch.equal(model.head(features), before)
        torch.testing.assert_close(before, theirs(images), rtol=1e-4, atol=1e-5)
    save_model(tmp_path / "model.pt", model, spec_of(), {"model": architecture(name)})
    state = torch.random.get_rng_state()
    loaded, kept, _ = load_model(tmp_path / "model.pt")
    assert torch.equal(state, torch.random.get_rng_state()), "the caller's stream is left alone"
    with torch.inference_mode():
        assert kept == spec_of() and torch.equal(loaded(images), before)


def test_a_run_with_a_network_of_timms(tmp_path, monkeypatch):
    """Trained, stopped and resumed to the same bytes, and used on new images and for an explanation."""
    dataset = write_dataset(tmp_path / "data", edge=32)
    name = "timm:test_convnext"
    options = settings(training={"epochs": 2, "batch_size": 21}) | {"model": architecture(name)}
    whole = run_and_resumed(dataset, tmp_path, options, monkeypatch, stop=3)
    config = yaml.safe_load((whole / "config.yaml").read_text())
    assert config["model"] == options["model"]
    assert config["recorded"]["versions"]["timm"] == importlib.metadata.version("timm")
    assert np.load(whole / "features.npy").ndim == 2
    assert_predicts_its_test_samples(whole, dataset, tmp_path / "new.csv")
    model, _, _ = load_model(whole / "model.pt")
    image = torch.rand(1, 2, 32, 32, generator=torch.Generator().manual_seed(0))
    layer = last_layer_with_maps(model, image)
    assert layer is not None
    assert Explainer(model, layer).map(image, 1).shape == layer.cells


@pytest.mark.parametrize(
    ("model", "dimensions", "edge", "message"),
    [
        ({"network": "timm:test_resne"}, 2, 32, r'has no network "test_resne"\. Did you mean "timm:test_resnet\w*"\?'),
        ({"network": "timm:test_resnet.none"}, 2, 32, r'has no "test_resnet\.none"\. Did you mean "timm:test_resnet'),
        ({"network": "timm:test_resnet"}, 3, 32, r"takes photographs, not volumes"),
        ({"network": "timm:test_resnet", "arguments": {"pretrained": True}}, 2, 32, r'no argument "pretrained"'),
        ({"network": "timm:test_resnet", "arguments": {"widths": 3}}, 2, 32, r"cannot be built"),
        ({"network": "timm:vit_tiny_patch16_224"}, 2, 32, r"cannot take images of 2 x 32 x 32"),
        ({"network": "timm:crossvit_9_240"}, 2, 240, r"does not end with one linear layer"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(model, dimensions, edge, message):
    with pytest.raises(UserError, match=message):
        check_network(model, spec_of(edge, dimensions=dimensions))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:hf-hub:timm/resnet18", "is no name of a network: expected timm:NAME"),
        ("timm:../weights", "is no name of a network"),
        ("timm:", "is no name of a network"),
        ("tim:resnet18", 'is not known. Did you mean "'),
    ],
)
def test_no_address_is_a_name(name, message):
    with pytest.raises(UserError) as told:
        validate(ModelSettings, {"network": name}, "x.yaml")
    assert message in str(told.value)


def test_reading_a_configuration_does_not_import_timm():
    code = (
        "import sys, imbalance_aware.config; from imbalance_aware.runs.settings import ModelSettings as M; "
        "M(network='timm:resnet18'); assert not {'torch', 'timm'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_torchvision_of_another_place_is_explained(monkeypatch):
    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "timm":
                raise RuntimeError("operator torchvision::nms does not exist")

    kept = {name: part for name, part in sys.modules.items() if name.partition(".")[0] == "timm"}
    for name in kept:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(UserError, match="one is built for CUDA, the other for CPUs"):
        check_network({"network": "timm:test_resnet"}, spec_of())


def test_its_code_is_in_the_digest_of_its_runs_alone(checkout):
    assert module_names("timm:resnet18") == ["models.timm_networks"]
    assert references("timm:resnet18") != references("timm:resnet34")
    assert (checkout / f"envs/{environment('timm:resnet18')}.yaml").is_file()
