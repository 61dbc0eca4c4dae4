"""What decides a run's numbers is a named set of modules that imports nothing else; only editing it retrains."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st
from training_cases import settings, write_dataset

from imbalance_aware import provenance
from imbalance_aware.losses import LOSSES
from imbalance_aware.losses.build import module_names
from imbalance_aware.metrics.catalogue import METRICS, OVERALL
from imbalance_aware.models import FAMILIES, NETWORKS
from imbalance_aware.models.build import module_names as network_modules
from imbalance_aware.runs.numbers import NUMBERS, PRETRAINED, training_code
from imbalance_aware.runs.settings import Augmentation, Augmentation2D, Augmentation3D, RunSettings, TrainingSettings
from imbalance_aware.schema import Strict
from imbalance_aware.training.optimisers import OPTIMISERS

CONDITIONS = {name: {name: 1.0} for name in LOSSES} | {"ce+soft_mcc": {"ce": 1.0, "soft_mcc": 0.5}}
#: Parts of the rooms that only check and explain.
CHECKS = {"losses.build", "losses.arguments", "models.build"}
#: Modules that a name in the table of networks refers to: of a run's own network alone.
NETWORK_MODULES = {
    module for name in [*NETWORKS, *(f"{package}:x" for package in FAMILIES)] for module in network_modules(name)
}
#: What networks of other packages have in common.
SHARED = {"models.wrapped"}


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory):
    """What was read from each module is kept between tests, as it is between processes that plan."""
    provenance.keep_in(tmp_path_factory.mktemp("code"))
    yield
    provenance.keep_in(None)
    forget()


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A copy of the package whose source may be edited."""
    copy = copy_of_package(tmp_path)
    monkeypatch.setattr(provenance, "ROOT", copy)
    forget()
    yield copy
    forget()


def copy_of_package(folder: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(provenance.ROOT, folder / "imbalance_aware", ignore=ignored)


def forget() -> None:
    for function in (provenance._read, provenance.imports):
        function.cache_clear()


def edit(package: Path, module: str, old: str, new: str) -> None:
    path = package.joinpath(*module.split(".")).with_suffix(".py")
    text = path.read_text()
    assert old in text, f"{old!r} is not in {module}: edit something else"
    path.write_text(text.replace(old, new))


def digests() -> dict[str, str]:
    forget()
    return {name: training_code(terms) for name, terms in CONDITIONS.items()}


def test_modules_in_the_set_import_no_other():
    for module in NUMBERS:
        assert set(provenance.imports(module)) <= set(NUMBERS), f"{module} imports what is not in NUMBERS"


def test_a_loss_imports_losses_and_the_set_alone():
    for name, terms in CONDITIONS.items():
        others = set(provenance.closure(module_names(terms))) - set(NUMBERS)
        assert all(module.startswith("losses.") for module in others), name
        assert not others & CHECKS, name


def test_a_network_imports_the_set_alone():
    assert set(provenance.closure(NETWORK_MODULES)) - NETWORK_MODULES <= {*NUMBERS, *SHARED}


def test_what_loads_a_file_of_weights_imports_the_set_alone():
    assert set(provenance.closure([PRETRAINED])) <= {*NUMBERS, PRETRAINED}


def test_every_module_of_the_rooms_is_in_the_set_or_a_network():
    for room in ("training", "models"):
        found = {f"{room}.{path.stem}" for path in (provenance.ROOT / room).glob("[!_]*.py")}
        known = {*NUMBERS, *NETWORK_MODULES, *SHARED, PRETRAINED}
        assert found - CHECKS == {module for module in known if module.startswith(f"{room}.")}


def test_a_network_is_code_of_its_runs_alone(package):
    terms, other = {"ce": 1.0}, "monai:DenseNet121"
    before = training_code(terms), training_code(terms, other)
    path = package / "models" / "monai_networks.py"
    path.write_text(path.read_text() + "\nLIMIT = 1\n")
    forget()
    assert training_code(terms) == before[0] != training_code(terms, other) != before[1]


def test_nothing_else_is_loaded_by_importing_it():
    """What Python itself loads, however it is imported."""
    wanted = [f"imbalance_aware.{module}" for module in NUMBERS]
    wanted += [reference.partition(":")[0] for reference in LOSSES.values()]
    code = f"import sys, importlib\nfor name in {wanted}:\n    importlib.import_module(name)\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    names = {name.removeprefix("imbalance_aware.") for name in loaded if name.startswith("imbalance_aware.")}
    files = {name for name in names if provenance.module_path(name).is_file()}
    assert not {name for name in files - set(NUMBERS) if not name.startswith("losses.")} | (files & CHECKS)


#: Edits that decide no number: module, old text, new text. The last ones add options that are off.
MACHINERY = [
    ("training.augmentation", "larger than the images", "but the images are smaller"),
    ("losses.inputs", "expected one for each of the", "there has to be one for each of the"),
    ("losses.build", "cannot be built", "is impossible"),
    ("runs.settings", "passes over the training set", "number of epochs"),
    ("runs.train", "epoch %d/%d  loss", "after epoch %d/%d: loss"),
    ("runs.checkpoint", "it is damaged", "it was cut short"),
    ("runs.lock", "STALE_S = 600", "STALE_S = 900"),
    ("runs.lock", "TOUCH_S = 30", "TOUCH_S = 20"),
    ("runs.dataset", "it cannot be learned", "nothing can be learned of it"),
    ("runs.select_device", "Use device auto or cpu", "Set device to auto or cpu"),
    ("runs.memory", "has too little free memory", "lacks memory"),
    ("gpus", "choosing", "turn"),
    ("schema", "Did you mean", "Is it"),
    (
        "runs.settings",
        "    deterministic: bool",
        '    look_ahead: bool = Field(False, description="x")\n    deterministic: bool',
    ),
    ("runs.settings", "    weighted: bool", "    margins: tuple[float, ...] = ()\n    weighted: bool"),
    ("runs.settings", "    probability: float", "    noise_sigma: Range | None = None\n    probability: float"),
]


def test_editing_machinery_or_adding_an_option_that_is_off_retrains_nothing(package):
    before = digests()
    for edited in MACHINERY:
        edit(package, *edited)
    assert digests() == before


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("training.augmentation", "rng.spawn(5)", "rng.spawn(6)"),
        ("training.blur", "TRUNCATE = 4.0", "TRUNCATE = 3.0"),
        ("training.sampling", "BETA = 0.999", "BETA = 0.99"),
        ("training.optimisers", '"eps": 1e-8', '"eps": 1e-7'),
        ("training.loop", "loss.backward()", "(2 * loss).backward()"),
        ("training.inference", "single_pass():", "single_pass(), torch.no_grad():"),
        ("training.data", "if split == name", "if name == split"),
        ("models.residual_network", "fan_out", "fan_in"),
        ("losses.make", "dict(kwargs)", "{}"),
    ],
)
def test_editing_what_decides_numbers_retrains_everything(package, module, old, new):
    before = digests()
    edit(package, module, old, new)
    after = digests()
    assert all(after[name] != before[name] for name in CONDITIONS)


def test_editing_a_loss_retrains_its_conditions_alone(package):
    before = digests()
    edit(package, "losses.soft_mcc", "import torch\n", "import torch\n\nLIMIT = 1\n")
    after = digests()
    assert {name for name in CONDITIONS if after[name] != before[name]} == {"soft_mcc", "ce+soft_mcc"}


def test_the_metric_of_the_validation_part_is_code_of_the_runs_that_have_one(package, monkeypatch):
    def found():
        forget()
        names = (None, "balanced_accuracy", "brier")
        return {name: training_code({"ce": 1.0}, metric=name) for name in names}

    before = found()
    assert len(set(before.values())) == 3
    edit(
        package,
        "metrics.decisions",
        "balanced_accuracy_score(outcome.labels",
        "balanced_accuracy_score(outcome.labels + 0",
    )
    after = found()
    assert {name for name in before if after[name] != before[name]} == {"balanced_accuracy"}
    metric = METRICS["balanced_accuracy"]
    monkeypatch.setitem(METRICS, "balanced_accuracy", replace(metric, better="lower"))
    assert found()["balanced_accuracy"] != after["balanced_accuracy"], "which way is better decides the epoch"


def test_a_metric_imports_metrics_and_the_set_alone():
    modules = {METRICS[name].function.__module__.removeprefix("imbalance_aware.") for name in OVERALL}
    assert all(module.startswith("metrics.") or module in NUMBERS for module in provenance.closure(modules))


def test_pointing_a_name_at_another_class_retrains_its_conditions_alone(monkeypatch):
    before = digests()
    monkeypatch.setitem(LOSSES, "soft_mcc", LOSSES["soft_f1"])
    after = digests()
    assert {name for name in CONDITIONS if after[name] != before[name]} == {"soft_mcc", "ce+soft_mcc"}


def test_another_class_of_the_same_module_is_another_loss(monkeypatch):
    before = training_code({"soft_mcc": 1.0})
    monkeypatch.setitem(LOSSES, "soft_mcc", LOSSES["soft_mcc"].partition(":")[0] + ":Other")
    assert training_code({"soft_mcc": 1.0}) != before


def test_a_factor_counts_as_code_only_where_a_sum_is_needed():
    assert training_code({"ce": 1.0}) == training_code({"ce": 1}) != training_code({"ce": 2.0})
    assert training_code({"ce": 2.0}) == training_code({"ce": 3.0})


class LookAhead(Strict):
    """A group of options, all off."""

    on: bool = False
    except_for: tuple[str, ...] = ()


class LaterTraining(TrainingSettings):
    """Options that a later version could add, off."""

    cutmix: bool = False
    clip_value: float | None = None
    milestones: tuple[int, ...] = ()


class Later(RunSettings):
    """The same in a group of its own."""

    training: LaterTraining = LaterTraining()
    look_ahead: LookAhead = LookAhead()


RANGES = st.none() | st.tuples(st.floats(0, 1), st.floats(1, 2))
AUGMENTATIONS = st.builds(
    lambda cls, **changes: cls(**changes),
    st.sampled_from([Augmentation, Augmentation2D, Augmentation3D]),
    gamma=RANGES,
    blur_sigma=RANGES,
    flip_axes=st.sampled_from([(), (0, 1)]),
    crop=st.sampled_from([None, 8]),
    probability=st.sampled_from([0.0, 0.5]),
)
RUNS = st.fixed_dictionaries(
    {
        "condition": st.fixed_dictionaries({"loss": st.just({"ce": 1}), "weighted": st.booleans()}),
        "training": st.fixed_dictionaries({"compile": st.booleans(), "optimiser": st.sampled_from([*OPTIMISERS])}),
        "augmentation": AUGMENTATIONS,
        "max_value": st.sampled_from([None, 4095]),
    }
)


@trials(deadline=None)
@given(RUNS)
def test_settings_without_what_is_off_are_the_same_settings(values):
    run = RunSettings(**values)
    assert RunSettings.model_validate(run.decisive()).shaping() == run.shaping()


@trials(deadline=None)
@given(RUNS)
def test_an_option_that_is_added_and_off_changes_no_settings(values):
    run = RunSettings(**values)
    assert Later(**values).decisive() == run.decisive()
    assert Later(**values).shaping() != run.shaping(), "config.yaml is complete"


def test_an_option_that_is_on_counts_and_so_does_its_default():
    plain = settings()
    for training in ({"cutmix": True}, {"clip_value": 0.0}, {"milestones": [3]}):
        assert Later(**settings(training=training)).decisive() != Later(**plain).decisive()
    assert Later(**plain, look_ahead={"on": True}).decisive() != Later(**plain).decisive()

    class Otherwise(TrainingSettings):
        optimiser: str = "sgd"
        deterministic: bool = True

    class Changed(RunSettings):
        training: Otherwise = Otherwise()

    changed, before = Changed(**plain).decisive()["training"], RunSettings(**plain).decisive()["training"]
    assert (changed["optimiser"], before["optimiser"]) == ("sgd", "adam")
    assert "deterministic" in changed and "deterministic" not in before


@pytest.mark.slow
def test_a_run_that_is_interrupted_continues_after_machinery_was_edited(tmp_path):
    dataset, package = write_dataset(tmp_path / "data"), copy_of_package(tmp_path)
    options = json.dumps(settings(training={"epochs": 30}))

    def start(out):
        command = [sys.executable, "-m", "imbalance_aware", "train", "--settings", options, "--seed", "3"]
        command += ["--images", str(dataset / "images.npy"), "--samples", str(dataset / "samples.csv")]
        environment = os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen([*command, "--out", str(out)], stderr=subprocess.PIPE, text=True, env=environment)

    undisturbed, out = tmp_path / "undisturbed", tmp_path / "run"
    assert start(undisturbed).wait() == 0
    stopped = start(out)
    while stopped.poll() is None and not (out / "history.csv").exists():
        time.sleep(0.01)
    stopped.terminate()
    assert stopped.wait() == 128 + signal.SIGTERM
    for edited in MACHINERY:
        edit(package, *edited)
    _, log = (resumed := start(out)).communicate()
    assert resumed.returncode == 0, log
    assert "continues after" in log
    for name in ("predictions.csv", "features.npy"):
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes()
    assert yaml.safe_load((out / "config.yaml").read_text())["training"]["look_ahead"] is False
