"""Networks by name: the table, MONAI's networks behind the protocol, and one more network as one file and one row."""

import importlib.metadata
import json
import re
import subprocess
import sys

import monai.networks.nets as nets
import numpy as np
import pytest
import torch
import yaml
from training_cases import settings, write_dataset
from training_runs import assert_predicts_its_test_samples, run, run_and_resumed

from imbalance_aware.errors import UserError
from imbalance_aware.losses.build import build_loss
from imbalance_aware.models import MONAI, NETWORKS, build
from imbalance_aware.models.build import check_network, environment, module_names
from imbalance_aware.models.make import InputSpec, make_model, network_of
from imbalance_aware.models.memory_format import CHANNELS_LAST
from imbalance_aware.models.network import Network
from imbalance_aware.provenance import code_digest, module_path
from imbalance_aware.runs.model_file import load_model, save_model
from imbalance_aware.runs.settings import ModelSettings
from imbalance_aware.schema import validate

pytestmark = pytest.mark.usefixtures("one_thread")

#: One of each family, small where its arguments allow it.
FAMILIES = {
    "resnet": {"blocks": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "stem_kernel": 3},
    "monai:DenseNet121": {"init_features": 8, "growth_rate": 4, "block_config": [1, 1, 2, 1]},
    "monai:EfficientNetB0": {},
    "monai:ResNet18": {"widen_factor": 0.125},
    "monai:SEResNet50": {"layers": [1, 1, 1, 1], "dropout_prob": 0.2},
}
TINY = {"init_features": 8, "growth_rate": 4, "block_config": [1, 1, 2, 1]}


def architecture(name):
    """Settings of a small network of a family."""
    return {"network": name} | (FAMILIES[name] if name == "resnet" else {"arguments": FAMILIES[name]})


def spec_of(dimensions, edge=32, channels=2):
    return InputSpec(channels, (edge,) * dimensions, "uint8", None, ("a", "b", "c"))


def batch(dimensions, edge=32, count=3, channels=2):
    images = torch.rand(count, channels, *[edge] * dimensions, generator=torch.Generator().manual_seed(1))
    return images.contiguous(memory_format=CHANNELS_LAST[dimensions])


def with_network(name, arguments=None, **changes):
    """Settings of a run with a network other than the residual one."""
    model = {"network": name} | ({"arguments": arguments} if arguments else {})
    return settings(**changes) | {"model": model}


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_keeps_the_protocol(tmp_path, name, dimensions):
    edge = 32 if name in ("monai:DenseNet121", "monai:EfficientNetB0") else 16
    spec, images = spec_of(dimensions, edge), batch(dimensions, edge)
    model = make_model(architecture(name), spec, 0)
    assert isinstance(model, Network)
    logits = model.train()(images)
    assert logits.shape == (3, 3)
    logits.square().sum().backward()
    assert all(weights.grad.isfinite().all() for weights in model.parameters()), "each weight has its gradient"
    model.eval()
    with torch.inference_mode():
        features = model.features(images)
        assert features.ndim == 2 and features.dtype == torch.float32
        assert torch.equal(model.head(features), model(images))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert model(images).dtype == torch.float32
        before = model(images)
    save_model(tmp_path / "model.pt", model, spec, {"model": architecture(name)})
    loaded, kept, _ = load_model(tmp_path / "model.pt")
    with torch.inference_mode():
        assert kept == spec and torch.equal(loaded(images), before)
        loaded.scale_logits(2)
        torch.testing.assert_close(loaded(images), 2 * before)


@pytest.mark.parametrize("name", FAMILIES)
def test_initial_weights_depend_on_the_seed_alone(name):
    def weights(seed):
        return make_model(architecture(name), spec_of(2), seed).state_dict()

    first = weights(0)
    torch.manual_seed(99)
    np.random.seed(5)  # noqa: NPY002 - what a library might draw from
    before = torch.random.get_rng_state()
    again = weights(0)
    assert torch.equal(before, torch.random.get_rng_state()), "the caller's stream is left alone"
    assert all(torch.equal(first[key], again[key]) for key in first)
    other = weights(1)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def monais(name, dimensions, arguments):
    """What MONAI itself makes under a name."""
    if name.startswith("EfficientNet"):
        model_name = f"efficientnet-b{name[-1]}"
        return nets.EfficientNetBN(
            model_name, pretrained=False, spatial_dims=dimensions, in_channels=2, num_classes=3, **arguments
        )
    if name.startswith("ResNet"):
        made = getattr(nets, name.lower())
        return made(spatial_dims=dimensions, n_input_channels=2, num_classes=3, **arguments)
    classes = "out_channels" if name.startswith("DenseNet") else "num_classes"
    return getattr(nets, name)(spatial_dims=dimensions, in_channels=2, **{classes: 3}, **arguments)


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("name", [name for name in FAMILIES if ":" in name])
def test_the_mathematics_are_monais_and_so_are_the_names_of_weights(name, dimensions):
    ours = make_model(architecture(name), spec_of(dimensions), 3).eval()
    theirs = monais(name.partition(":")[2], dimensions, FAMILIES[name]).eval()
    theirs.load_state_dict(ours.state_dict())
    theirs = theirs.to(memory_format=CHANNELS_LAST[dimensions])
    with torch.inference_mode():
        torch.testing.assert_close(ours(batch(dimensions)), theirs(batch(dimensions)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", MONAI)
def test_every_name_is_a_network_of_monais(name):
    """Without memory or numbers: on the device "meta"."""
    with torch.device("meta"):  # that it can be built says that it damages no memory
        ours = network_of({"network": f"monai:{name}"}, spec_of(3))
        theirs = monais(name, 3, {})
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert ours.last == list(theirs.state_dict())[-1].rpartition(".")[0], "last among the layers and the weights"


def test_the_residual_networks_settings_keep_their_form():
    assert list(ModelSettings().model_dump()) == ["blocks", "widths", "stem_kernel", "stem_stride", "stem_pool"]
    assert ModelSettings(network="resnet", widths=[4, 4, 8, 8]) == ModelSettings(widths=[4, 4, 8, 8])
    other = ModelSettings(network="monai:DenseNet121", arguments={"growth_rate": 8})
    assert other.model_dump() == {"network": "monai:DenseNet121", "arguments": {"growth_rate": 8}}
    assert ModelSettings(**other.model_dump()) == other


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"network": "monai:DenseNet12"},
            'network: "monai:DenseNet12" is not known. Did you mean "monai:DenseNet121"?',
        ),
        ({"network": "densenet"}, 'network: "densenet" is not known.'),
        ({"network": "monai:ResNet18", "widths": [4, 4, 8, 8]}, 'widths: is a key of the network "resnet", which'),
        ({"arguments": {"growth_rate": 8}}, 'arguments: the arguments of "resnet" are keys next to this one: blocks,'),
    ],
)
def test_settings_that_do_not_fit_the_network(model, message):
    with pytest.raises(UserError) as told:
        validate(ModelSettings, model, "x.yaml")
    assert message in str(told.value)


def test_planning_imports_no_network():
    code = "import sys, imbalance_aware.config, imbalance_aware.models.build as b; b.environment('resnet')"
    check = f"{code}; assert not {{'torch', 'monai'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)


@pytest.mark.parametrize(
    ("arguments", "edge", "message"),
    [
        (TINY, 4, r'"monai:DenseNet121" cannot take images of 2 x 4 x 4; they may be too small for it: '),
        ({"growth": 8}, 32, r'"monai:DenseNet121" has no argument "growth"\. Known: act, .*growth_rate'),
        ({"pretrained": True}, 32, r'has no argument "pretrained"'),
        ({"growth_rate": "many"}, 32, r'"monai:DenseNet121" cannot be built: '),
    ],
)
def test_what_cannot_be_trained_is_said_before_training(tmp_path, arguments, edge, message):
    dataset = write_dataset(tmp_path / "data", edge=edge)
    options = with_network("monai:DenseNet121", arguments, augmentation={"contrast_gain": None})
    with pytest.raises(UserError, match=message) as told:
        run(dataset, tmp_path / "run", options)
    assert "\n" not in str(told.value)
    assert list((tmp_path / "run").iterdir()) == []


def test_a_convolution_that_damages_memory_on_some_cpus_is_refused():
    arguments = {"conv1_t_size": 1, "conv1_t_stride": 2}
    with pytest.raises(UserError, match=r"strided convolution of one voxel with 2 input channels"):
        check_network({"network": "monai:ResNet18", "arguments": arguments}, spec_of(2))


def test_a_package_that_is_missing(tmp_path, monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    path = tmp_path / "model.pt"
    model = {"network": "monai:DenseNet121", "arguments": TINY}
    save_model(path, make_model(model, spec_of(2), 0), spec_of(2), {"model": model})
    monkeypatch.setattr(build, "version", missing)
    for use in (lambda: load_model(path), lambda: check_network(model, spec_of(2))):
        with pytest.raises(
            UserError, match=r"needs the package monai, which is not installed: pip install .*\[monai\]"
        ):
            use()


@pytest.mark.parametrize(("dimensions", "name"), [(2, "monai:DenseNet121"), (3, "monai:ResNet18")])
def test_a_run_with_a_network_of_monais(tmp_path, monkeypatch, dimensions, name):
    """Trained, stopped and resumed to the same bytes with dropout, and used on new images."""
    dataset = write_dataset(tmp_path / "data", dimensions, edge={2: 32, 3: 16}[dimensions])
    arguments = {2: TINY | {"dropout_prob": 0.2}, 3: {"widen_factor": 0.125, "conv1_t_stride": 2}}[dimensions]
    options = with_network(name, arguments, training={"epochs": 2, "batch_size": 12})
    whole = run_and_resumed(dataset, tmp_path, options, monkeypatch, stop=5)
    config = yaml.safe_load((whole / "config.yaml").read_text())
    assert config["model"] == options["model"]
    assert config["recorded"]["versions"]["monai"] == importlib.metadata.version("monai")
    assert_predicts_its_test_samples(whole, dataset, tmp_path / "new.csv")


def test_a_network_of_ones_own_is_one_file_and_one_row(tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "toy", "toy_network:ToyNetwork")
    dataset = write_dataset(tmp_path / "data")
    options = with_network("toy", {"width": 6})
    whole = run_and_resumed(dataset, tmp_path, options, monkeypatch, stop=8)
    assert load_model(whole / "model.pt")[0].last.in_features == 6
    assert np.load(whole / "features.npy").shape[1] == 6
    assert environment("toy") == "train"
    with pytest.raises(UserError, match=r'"toy" has no argument "widths"\. Did you mean "width"\?'):
        run(dataset, tmp_path / "other", with_network("toy", {"widths": 6}))


def test_dropout_draws_other_numbers_in_each_step_and_with_each_seed(tmp_path, monkeypatch):
    """The same images in each step, so that only dropout tells them apart."""
    drawn: list[int] = []
    monkeypatch.setattr(torch, "manual_seed", lambda seed, real=torch.manual_seed: (drawn.append(seed), real(seed)))
    dataset = write_dataset(tmp_path / "data")
    for seed in (0, 1):
        run(dataset, tmp_path / f"run-{seed}", settings(), seed=seed)
    assert len(drawn) > 20 and len(set(drawn)) == len(drawn)


def test_what_a_network_forgets_is_an_error(monkeypatch):
    monkeypatch.setitem(NETWORKS, "headless", "toy_network:Headless")
    wanted = r"toy_network:Headless lacks features, head, last_layer, scale_logits of `Network`"
    with pytest.raises(TypeError, match=wanted):
        check_network({"network": "headless"}, spec_of(2))


def test_a_network_is_in_the_digest_of_its_runs_alone(monkeypatch):
    def digest(name):
        return code_digest(["training.loop", *module_names(name)], build.references(name))

    assert module_names("monai:DenseNet121") == ["models.monai_networks"]
    assert all(module_path(module).is_file() for name in NETWORKS for module in module_names(name))
    names = ("resnet", "monai:DenseNet121", "monai:DenseNet169")
    assert len({digest(name) for name in names}) == 3
    before = digest("resnet")
    monkeypatch.setitem(NETWORKS, "toy", "toy_network:ToyNetwork")
    assert digest("resnet") == before


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_its_environment(checkout, name):
    assert (checkout / f"envs/{environment(name)}.yaml").is_file()


def test_the_page_about_networks_lists_them_all(checkout):
    page = (checkout / "docs/networks.md").read_text()
    assert set(re.findall(r"`(resnet|monai:\w+)`", page)) == set(NETWORKS)


def test_a_loss_with_scaled_logits(tmp_path):
    """LDAM trains the softmax of 30 z; what is stored gives these probabilities."""
    dataset = write_dataset(tmp_path / "data", edge=32)
    options = with_network("monai:DenseNet121", TINY, training={"epochs": 1}, condition={"loss": {"ldam": 1}})
    out = run(dataset, tmp_path / "run", options)
    assert build_loss({"ldam": 1}, {}, [3, 2]).logit_scale != 1
    assert json.loads(json.dumps(load_model(out / "model.pt")[2]["model"])) == options["model"]
    assert np.isfinite(np.load(out / "features.npy")).all()
