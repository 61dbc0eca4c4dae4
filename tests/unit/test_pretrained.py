"""Weights of an earlier training: from a file to a network, adapted, normalised, frozen, and part of the run."""

import hashlib
import importlib.metadata
import logging
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from training_cases import MODEL, settings, write_dataset
from training_runs import assert_predicts_its_test_samples, run_and_resumed

import timm_here
from imbalance_aware import network_checks
from imbalance_aware.errors import UserError
from imbalance_aware.models import build
from imbalance_aware.models.make import InputSpec, make_model
from imbalance_aware.models.normalised import constants_of
from imbalance_aware.models.pretrained import adapt, load_pretrained
from imbalance_aware.models.residual_network import ResidualNetwork
from imbalance_aware.network_checks import Trial, try_networks
from imbalance_aware.runs.model_file import load_model
from imbalance_aware.runs.numbers import training_code
from imbalance_aware.runs.settings import ModelSettings, RunSettings
from imbalance_aware.runs.weights_file import find_weights, read_weights
from imbalance_aware.schema import validate
from imbalance_aware.training.optimisers import make_optimiser, set_learning_rate
from imbalance_aware.training.parameter_groups import parameter_groups

pytestmark = pytest.mark.usefixtures("one_thread")

CONSTANTS = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


def earlier(dimensions=2, channels=3, classes=5):
    """The state of a small residual network after an earlier training."""
    torch.manual_seed(5)
    network = ResidualNetwork(dimensions, channels, classes, **MODEL)
    for module in network.modules():
        if hasattr(module, "running_mean"):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return network.state_dict()


def write(path, state):
    """Write a state in the form that the suffix names; what `model.weights` says of it."""
    save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **CONSTANTS}


def begun(weights, channels=2, dimensions=2, **model):
    """A network with the weights of a file, as a run begins with it, and what was loaded."""
    chosen = ModelSettings(**(MODEL | model), weights=weights)
    spec = InputSpec(channels, (16,) * dimensions, "uint8", None, ("a", "b", "c"))
    network = make_model(chosen.model_dump(), spec, 0)
    return network, load_pretrained(network, read_weights(find_weights(chosen.weights), chosen.weights.sha256))


@pytest.mark.parametrize("form", ["plain.pth", "timm.safetensors", "parallel.pth", "inside.bin"])
def test_the_forms_in_which_weights_are_published(tmp_path, form):
    """torchvision's and timm's as they are; MedicalNet's inside of `state_dict`, with `module.` before each name."""
    state = earlier(channels=2)
    content = {
        "parallel.pth": {"state_dict": {f"module.{name}": value for name, value in state.items()}},
        "inside.bin": {"model": state, "epoch": 3},
    }.get(form, state)
    network, loaded = begun(write(tmp_path / form, content))
    assert loaded.head == ("fc.bias", "fc.weight") and loaded.adapted is None
    own = network.state_dict()
    assert all(torch.equal(own[name], value) for name, value in state.items() if not name.startswith("fc."))
    assert own["fc.weight"].shape == (3, 8), "a new head"


def test_a_file_of_torchvisions_names_fits_this_resnet():
    """The names of torchvision's ResNet-34, whose file is timm's too, are those of `resnet` with its widths."""
    if not timm_here.importable():
        pytest.skip("timm is not installed")
    import timm

    with torch.device("meta"):
        ours = ResidualNetwork(2, 3, 1000, widths=(64, 128, 256, 512)).state_dict()
        theirs = timm.create_model("resnet34").state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}


@given(channels=st.integers(1, 7), inputs=st.integers(1, 4))
def test_equal_channels_give_the_activations_that_they_had(channels, inputs):
    weight = torch.rand(2, inputs, 3, 3, generator=torch.Generator().manual_seed(channels * 10 + inputs))
    image = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    adapted = adapt(weight, channels)
    assert adapted.shape == (2, channels, 3, 3)
    if channels == 1 or channels % inputs == 0:
        before = torch.conv2d(image.expand(-1, inputs, -1, -1), weight)
        torch.testing.assert_close(torch.conv2d(image.expand(-1, channels, -1, -1), adapted), before)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 7])
def test_the_first_layer_is_adapted_as_timm_does_it(channels):
    if not timm_here.importable():
        pytest.skip("timm is not installed")
    from timm.models import adapt_input_conv

    weight = torch.rand(4, 3, 5, 5, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(adapt(weight, channels), adapt_input_conv(channels, weight))


def test_what_was_adapted_and_normalised(tmp_path):
    state = earlier()
    network, loaded = begun(write(tmp_path / "w.pth", state), channels=1)
    assert loaded.adapted == "conv1.weight"
    assert torch.equal(network.state_dict()["conv1.weight"], state["conv1.weight"].sum(1, keepdim=True))
    image = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    (mean,), (std,) = (constants_of(CONSTANTS[key], 1) for key in ("mean", "std"))
    assert (mean, std) == (pytest.approx(0.449), pytest.approx(0.226))
    network.eval()
    with torch.inference_mode():
        torch.testing.assert_close(network(image), network.head(network.network.features((image - mean) / std)))
    assert constants_of([0.1, 0.2, 0.3], 5) == [0.1, 0.2, 0.3, 0.1, 0.2]


@pytest.mark.parametrize("dimensions", [2, 3])
def test_volumes_too(tmp_path, dimensions):
    weights = write(tmp_path / "w.pth", earlier(dimensions, 1)) | {"mean": [0.0], "std": [1.0]}
    network, loaded = begun(weights, channels=4, dimensions=dimensions)
    assert loaded.adapted == "conv1.weight" and network.state_dict()["conv1.weight"].shape[1] == 4


def test_weights_of_medicalnet(tmp_path):
    """MedicalNet's form: one channel, `module.` before each name, no bias of shortcuts, and a head for segmentation."""
    arguments = {"widen_factor": 0.125, "conv1_t_stride": 2, "bias_downsample": False}
    chosen = {"network": "monai:ResNet10", "arguments": arguments}
    spec = InputSpec(1, (16,) * 3, "uint8", None, ("a", "b"))
    state = make_model(chosen, spec, 1).state_dict()
    state = {f"module.{name}": value for name, value in state.items() if not name.startswith("fc.")}
    content = {"state_dict": state | {"module.conv_seg.0.weight": torch.ones(3)}}
    weights = write(tmp_path / "resnet_10.pth", content) | {"mean": [0.2], "std": [0.3]}
    network = make_model(chosen | {"weights": weights}, replace(spec, channels=4), 0)
    loaded = load_pretrained(network, read_weights(tmp_path / "resnet_10.pth", weights["sha256"]))
    assert loaded.head == ("conv_seg.0.weight",) and loaded.adapted == "conv1.weight"
    own, first = network.state_dict(), state["module.conv1.weight"]
    assert torch.equal(own["conv1.weight"], (first / 4).expand(-1, 4, -1, -1, -1))
    assert torch.equal(own["layer2.0.downsample.0.weight"], state["module.layer2.0.downsample.0.weight"])


def change(state, **entries):
    return {name: value for name, value in (state | entries).items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer4.0.bn2.weight": None}, r"beyond its head: the file lacks layer4\.0\.bn2\.weight$"),
        ({"layer4.1.conv1.weight": torch.ones(1)}, r"the network has no layer4\.1\.conv1\.weight$"),
        ({"layer2.0.bn1.bias": torch.ones(9)}, r"of another shape layer2\.0\.bn1\.bias \(9 in the file, 4 in the"),
        ({"bn1.bias": torch.full((4,), float("nan"))}, r"not finite bn1\.bias$"),
        ({"conv_seg.0.weight": torch.ones(2), "bn1.num_batches_tracked": None}, None),
    ],
)
def test_what_does_not_load_is_an_error_beyond_the_head(tmp_path, changes, message):
    weights = write(tmp_path / "w.pth", change(earlier(), **changes))
    if message is None:
        assert "conv_seg.0.weight" in begun(weights)[1].head
        return
    chosen = ModelSettings(**MODEL, weights=weights)
    network = make_model(chosen.model_dump(), InputSpec(2, (16, 16), "uint8", None, ("a", "b")), 0)
    before = deepcopy(network.state_dict())
    with pytest.raises(UserError, match=message):
        load_pretrained(network, read_weights(find_weights(chosen.weights), chosen.weights.sha256))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


class Planted:
    """What a file could do if anything in it were executed."""

    def __reduce__(self):
        return (pytest.fail, ("executed",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state_dict": Planted()}, r"w\.pth: not a plain state of a network"),
        ({"epoch": 3}, r"w\.pth: holds more than the state"),
        ([1, 2], r"w\.pth: holds no state of a network"),
    ],
)
def test_files_that_hold_no_state(tmp_path, content, message):
    weights = write(tmp_path / "w.pth", content)
    with pytest.raises(UserError, match=message):
        read_weights(tmp_path / "w.pth", weights["sha256"])


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_damaged_files_and_others_than_were_meant(tmp_path, name):
    path = tmp_path / name
    weights = write(path, earlier())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=rf"has the sha256 \w+, but {weights['sha256']} was meant"):
        read_weights(path, weights["sha256"])
    with pytest.raises(UserError, match="not a readable file of weights"):
        read_weights(path, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"freeze": True}, "freeze: needs `weights`"),
        ({"weights": {"path": "w.pth", "sha256": "0" * 64}}, r"weights.mean: and std are needed"),
        ({"weights": {"path": "w.pth", "sha256": "0" * 64, "mean": [0.5]}}, r"weights.std: must match mean"),
        ({"weights": {"path": "w.pth"}}, r'"weights.sha256" is missing'),
        ({"weights": {"path": "w.pth", "sha256": "A"}}, "weights.sha256"),
    ],
)
def test_settings_of_weights_that_are_not_complete(model, message):
    with pytest.raises(UserError) as told:
        validate(ModelSettings, model, "x.yaml")
    assert message.replace("\\", "") in str(told.value)


def test_the_content_of_the_file_is_what_shapes_a_run(tmp_path):
    one = settings() | {"model": MODEL | {"weights": write(tmp_path / "w.pth", earlier())}}
    moved = deepcopy(one)
    moved["model"]["weights"]["path"] = "elsewhere/w.pth"
    other = deepcopy(one)
    other["model"]["weights"]["sha256"] = "0" * 64
    first, second, third = (RunSettings.model_validate(each).decisive() for each in (one, moved, other))
    assert first == second != third
    assert RunSettings.model_validate(first).decisive() == first, "can be read again"
    plain = RunSettings.model_validate(settings())
    assert "weights" not in plain.shaping()["model"] and "freeze" not in plain.shaping()["model"]
    assert "head_learning_rate" not in plain.decisive()["training"]
    assert training_code({"ce": 1}) != training_code({"ce": 1}, pretrained=True)
    with pytest.raises(UserError, match=r"no such file \(sought from"):
        find_weights(RunSettings.model_validate(moved).model.weights)
    named = f"{one['model']['weights']['sha256']}={tmp_path}/w.pth"
    assert find_weights(RunSettings.model_validate(first).model.weights, [named]) == tmp_path / "w.pth"


def options_of(weights, freeze, **training):
    model = MODEL | {"weights": weights} | ({"freeze": True} if freeze else {})
    return settings(training={"epochs": 2, "batch_size": 21} | training) | {"model": model}


@pytest.mark.parametrize("freeze", [False, True])
def test_a_run_that_begins_with_a_file(tmp_path, monkeypatch, caplog, freeze):
    """Trained with a learning rate of the head apart, resumed to the same bytes, and used on new images."""
    state = earlier()
    dataset, weights = write_dataset(tmp_path / "data"), write(tmp_path / "w.safetensors", state)
    options = options_of(weights, freeze, head_learning_rate=0.01)
    with caplog.at_level(logging.INFO):
        whole = run_and_resumed(dataset, tmp_path, options, monkeypatch, stop=3)
    assert "conv1.weight was adapted to 2 channels" in caplog.text
    assert "not loaded, the head of the earlier training: fc.bias, fc.weight" in caplog.text
    model, _, kept = load_model(whole / "model.pt")
    config = yaml.safe_load((whole / "config.yaml").read_text())
    assert config["model"]["weights"] == weights
    assert config["recorded"]["normalisation"] == {key: CONSTANTS[key][:2] for key in CONSTANTS}
    own = model.state_dict()
    same = [torch.equal(own[name], value) for name, value in state.items() if name.startswith("layer")]
    assert all(same) if freeze else not any(same[:3])
    (tmp_path / "w.safetensors").unlink()
    assert_predicts_its_test_samples(whole, dataset, tmp_path / "new.csv")
    drawn = make_model(kept["model"], InputSpec(2, (16, 16), "uint8", None, ("a", "b", "c")), 9)
    assert torch.equal(drawn.state_dict()["normalisation.mean"], own["normalisation.mean"]), (
        "explanations' other network"
    )


@pytest.mark.parametrize("weight_decay", [None, 0.1])
def test_the_head_has_its_learning_rate_in_every_epoch(weight_decay):
    network = ResidualNetwork(2, 2, 3, **MODEL)
    network.conv1.requires_grad_(False)
    optimiser = make_optimiser("adam", parameter_groups(network, weight_decay, head_factor=10), 1e-3)
    set_learning_rate(optimiser, 5e-4)
    groups = {id(one): group for group in optimiser.param_groups for one in group["params"]}
    names = {name: groups[id(one)] for name, one in network.named_parameters() if id(one) in groups}
    assert names.keys() == {name for name, _ in network.named_parameters()} - {"conv1.weight"}
    assert {name for name, group in names.items() if group["lr"] != 5e-4} == {"fc.weight", "fc.bias"}
    assert names["fc.weight"]["lr"] == names["fc.bias"]["lr"] == pytest.approx(5e-3)
    decayed = {name for name, group in names.items() if group["weight_decay"] == 0.1}
    matrices = {name for name, one in network.named_parameters() if one.ndim > 1} - {"conv1.weight"}
    assert decayed == (matrices if weight_decay else set())


def trial(model, shape=(16, 16), channels=2):
    return Trial("studies.s, dataset d", ModelSettings(**model), channels, shape, 3)


def test_weights_are_tried_before_any_job_starts(tmp_path, monkeypatch):
    weights, notes = write(tmp_path / "w.pth", earlier()), tmp_path / "notes.json"
    good = trial(MODEL | {"weights": weights})
    try_networks([good], notes=notes)
    monkeypatch.setattr(network_checks, "_try", lambda trial: pytest.fail("tried again"))
    try_networks([good, trial(MODEL)], notes=notes)
    monkeypatch.undo()
    write(tmp_path / "w.pth", change(earlier(), **{"bn1.weight": None}))
    with pytest.raises(UserError, match=r"studies\.s, dataset d: .*has the sha256"):
        try_networks([good], notes=notes)
    (tmp_path / "w.pth").unlink()
    with pytest.raises(UserError, match=r"studies\.s, dataset d: model\.weights\.path: .*no such file"):
        try_networks([good], notes=notes)


def test_networks_are_tried_before_any_job_starts(tmp_path, monkeypatch):
    small = trial({"network": "monai:DenseNet121", "arguments": {"block_config": [1, 1, 1, 1]}}, (4, 4))
    with pytest.raises(
        UserError, match=r'studies\.s, dataset d: the network "monai:DenseNet121" cannot take images of 2'
    ):
        try_networks([small], notes=tmp_path / "notes.json")

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(build, "version", missing)
    with pytest.raises(UserError, match=r"needs the package timm, which is not installed: pip install .*\[timm\]"):
        try_networks([trial({"network": "timm:resnet18"})], notes=tmp_path / "notes.json")
    try_networks([trial({"network": "timm:resnet18"})], elsewhere=True, notes=tmp_path / "notes.json")
