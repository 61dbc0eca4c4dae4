"""Steps as one recorded graph: the steps that they replace, byte for byte, on a CPU that imitates the recording.

`recorded_work.CpuGraphs` keeps the operations of a step with the memory that they work on, and repeats exactly these,
as a CUDA graph does. Whatever a step takes from the host would be that of the recorded one.
"""

import csv
import json
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from recorded_work import CpuGraphs, HostWaitsError, NoWaiting
from test_accumulation import CONDITIONS
from test_augmentation_device import CASES, stored
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._pytree import tree_flatten_with_path
from toy_network import ToyNetwork
from training_cases import SIZES, arguments, settings, write_dataset

import bench_captured
from device_counter import Counter, without_data
from imbalance_aware.errors import UserError
from imbalance_aware.losses.make import loss_of
from imbalance_aware.models.residual_network import ResidualNetwork
from imbalance_aware.overview import timed_step
from imbalance_aware.overview.known_samples import KnownDataset
from imbalance_aware.overview.timed_step import time_step
from imbalance_aware.runs import select_device, shared, train
from imbalance_aware.runs.dataset import open_dataset
from imbalance_aware.runs.interruption import Interruption
from imbalance_aware.runs.settings import RunSettings, TrainingSettings
from imbalance_aware.schema import validate
from imbalance_aware.training import augment_device, captured, loop
from imbalance_aware.training.augment_device import DeviceImages, Prepared
from imbalance_aware.training.augmentation import sample_parameters, unchanged
from imbalance_aware.training.captured import WARM_UP, CapturedSteps, CudaGraphs
from imbalance_aware.training.device import Device, on_cpu
from imbalance_aware.training.optimisers import make_optimiser
from imbalance_aware.training.sampling import SAMPLERS
from imbalance_aware.training.validation import Score

N = sum(SIZES["train"].values())
STEPS, WHOLE = -(-N // 8), N // 8
EPOCHS = 3
#: Each changes what a step is made of.
RECIPES = {
    "paper": {},
    "weight decay, warm-up": {"weight_decay": 0.1, "warmup_epochs": 1, "optimiser": "adamw"},
    "clipping, average": {"clip_norm": 0.05, "ema": 0.8},
    "mixup": {"mixup": 0.4},
    "a rate for the last layer": {"head_learning_rate": 0.01},
    "SGD, constant rate": {"optimiser": "sgd", "schedule": "constant"},
    "all": {"weight_decay": 0.1, "warmup_epochs": 1, "clip_norm": 0.05, "ema": 0.8, "mixup": 0.4, "optimiser": "sgd"},
}
MIXED = {"loss": {"ce": 1, "soft_mcc": 1}, "kwargs": {"soft_mcc": {"queue_size": 20}}, "weighted": True}
BLUR = {"blur_sigma": [0.0, 1.0], "crop": 9, "contrast_gain": None}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(autouse=True)
def graphs(monkeypatch):
    """The path for GPUs, on the CPU; returns what is recorded."""
    made = []
    for module in (loop, shared):
        monkeypatch.setattr(module, "on_device", lambda images, device: DeviceImages(images, device.torch_device))
    monkeypatch.setattr(captured, "CudaGraphs", lambda: made.append(CpuGraphs()) or made[-1])
    return made


def toy(monkeypatch, dropout=0.5):
    """Train a network that takes little time to run, with dropout."""
    monkeypatch.setattr(loop, "make_model", lambda architecture, spec, seed: seeded(seed, spec.dimensions, dropout))


def seeded(seed, dimensions, dropout):
    torch.manual_seed(seed)
    return ToyNetwork(dimensions, 2, 3, dropout=dropout)


def options(capture, training=None, **changes):
    changes["training"] = {"epochs": EPOCHS, "device": "auto", "capture": capture} | (training or {})
    return settings(**changes)


def begun(dataset, capture=True, device=None, score=None, **changes):
    """A run; with a score, its test part is also the validation part."""
    opened = open_dataset(dataset / "images.npy", dataset / "samples.csv")
    opened = opened if score is None else replace(opened, validation=opened.test)
    return loop.begin(RunSettings(**options(capture, **changes)), 3, opened, device or on_cpu(), score)


def trained(dataset, capture, **changes):
    training = begun(dataset, capture, **changes)
    training.run(lambda: None, lambda: None)
    return training


def assert_same(ours, plain):
    """Weights, running means, state of the optimiser, queue, average and history: to the bit."""
    ours, plain = (dict(tree_flatten_with_path(training.state())[0]) for training in (ours, plain))
    assert ours.keys() == plain.keys()
    for place, value in plain.items():
        name = str(place)
        if isinstance(value, torch.Tensor):
            assert torch.equal(ours[place], value), name
        elif "seconds" not in name:
            assert ours[place] == value or (ours[place] != ours[place] and value != value), name


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe(dataset, graphs, recipe):
    training = RECIPES[recipe]
    plain, ours = (trained(dataset, capture, training=training, condition=MIXED) for capture in (False, True))
    assert_same(ours, plain)
    (made,) = graphs
    assert vars(made) == {"warmed_up": WARM_UP, "recorded": 1, "replayed": EPOCHS * WHOLE - WARM_UP}


@pytest.mark.parametrize(("terms", "kwargs"), CONDITIONS, ids=str)
def test_every_loss(dataset, monkeypatch, terms, kwargs):
    toy(monkeypatch)
    condition = {"loss": terms, "kwargs": kwargs, "weighted": True}
    assert_same(*(trained(dataset, capture, condition=condition) for capture in (True, False)))


def test_class_weights_that_a_loss_changes_late(dataset, monkeypatch):
    toy(monkeypatch)
    condition = {"loss": {"ldam": 1}, "kwargs": {"ldam": {"deferred_until": 0.5}}}
    assert_same(*(trained(dataset, capture, condition=condition) for capture in (True, False)))


@pytest.mark.parametrize("sampling", [name for name in SAMPLERS if name != "uniform"])
def test_batches_that_are_all_whole(dataset, monkeypatch, graphs, sampling):
    toy(monkeypatch)
    assert_same(*(trained(dataset, capture, condition={"sampling": sampling}) for capture in (True, False)))
    assert graphs[0].replayed == EPOCHS * STEPS - WARM_UP


@pytest.mark.parametrize("ema", [None, 0.8])
def test_validation_between_the_steps(dataset, graphs, ema):
    score = Score("brier", "lower", lambda labels, values: float(((values - np.eye(3)[labels]) ** 2).mean()))
    training = {"select": "best", "patience": 2, "epochs": 5, "ema": ema}
    plain, ours = (trained(dataset, capture, score=score, training=training) for capture in (False, True))
    assert_same(ours, plain)
    assert ours.best.epoch == plain.best.epoch > 0
    assert graphs[0].recorded == 1


@pytest.mark.parametrize(("dimensions", "dtype"), [(2, "uint8"), (2, "float16"), (3, "uint8"), (3, "float16")])
def test_images_and_volumes_blurred_and_cut_out(tmp_path, monkeypatch, dimensions, dtype):
    toy(monkeypatch)
    dataset = write_dataset(tmp_path, dimensions, dtype)
    changes = {"augmentation": BLUR | {"flip_axes": range(dimensions)}, "training": {"mixup": 0.4}}
    assert_same(*(trained(dataset, capture, **changes) for capture in (True, False)))


@pytest.mark.parametrize("at_once", [1, 16, 25])
def test_an_epoch_that_does_not_fit_into_memory_at_once(dataset, monkeypatch, at_once):
    toy(monkeypatch)
    plain = trained(dataset, False, training={"mixup": 0.4})
    monkeypatch.setattr(augment_device.DeviceImages, "at_once", lambda self, parameters: at_once)
    assert_same(trained(dataset, True, training={"mixup": 0.4}), plain)


@pytest.mark.parametrize("size", [2, 41, 42, 100])
def test_batches_of_any_size(dataset, monkeypatch, graphs, size):
    """One batch left over that joins the only other one; one that holds all; all of size two."""
    toy(monkeypatch)
    training = {"batch_size": size, "epochs": 5}
    assert_same(*(trained(dataset, capture, training=training) for capture in (True, False)))
    assert graphs[0].replayed == 5 * max(1, N // size) - WARM_UP


def test_a_step_takes_the_batch_whose_number_the_device_has(dataset):
    """Without a word from the host: the number is increased by the step itself."""
    seen = []
    images = DeviceImages(np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1), torch.device("cpu"))
    optimiser = make_optimiser("adam", [torch.ones(1)], 1.0)
    plain = unchanged(12, None, (1, 1))
    steps = CapturedSteps(lambda *batch: seen.append(batch), images, 4, plain, True, optimiser)
    steps.prepared.take_over(Prepared(images, np.arange(20, 32), plain))
    steps.targets.copy_(torch.arange(12))
    steps.partners.copy_(torch.arange(12) % 4)
    steps.rests.copy_(torch.tensor([0.1, 0.2, 0.3]))
    for number in (0, 1, 2):
        steps._step()
        batch, target, mixing = seen[-1]
        expected = torch.arange(4 * number, 4 * number + 4)
        assert (255 * batch).round().int().flatten().tolist() == (20 + expected).tolist()
        assert target.tolist() == expected.tolist()
        assert mixing.rest.item() == pytest.approx(0.1 * (number + 1))
        assert mixing.partner.tolist() == [0, 1, 2, 3]
    assert steps.number.tolist() == [3]


def test_the_imitation_keeps_what_the_host_says_and_refuses_what_waits():
    """It would notice a learning rate that is a number, and a step that asks for a value."""
    weights, rate = torch.zeros(3, requires_grad=True), [1.0]
    optimiser = make_optimiser("sgd", [weights], 1.0)
    weights.grad = torch.ones(3)
    optimiser.step()
    replay = CpuGraphs().record(lambda: (optimiser.step(), weights.detach().add_(rate[0])))
    assert weights.tolist() == [-1] * 3, "recorded, not done"
    optimiser.param_groups[0]["lr"], rate[0] = 100.0, 100.0
    replay()
    # A momentum of 0.9 + 1 times the rate of the recording, and what was added then.
    assert weights.tolist() == pytest.approx([-1 - 1.9 + 1] * 3)
    with pytest.raises(HostWaitsError):
        CpuGraphs().record(lambda: weights.sum().item())


# Stopped and continued.


def files(folder):
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "history.csv"}
    with (folder / "history.csv").open(newline="") as handle:
        return found | {"history": [{**row, "seconds": None} for row in csv.DictReader(handle)]}


def test_a_run_that_is_stopped_after_every_step_ends_with_the_same_bytes(dataset, tmp_path, monkeypatch):
    toy(monkeypatch)
    monkeypatch.setattr(train, "select_device", lambda *_: on_cpu())
    chosen = json.dumps(options(True, condition=MIXED, training={"mixup": 0.4, "ema": 0.8, "epochs": 2}))

    def run(out):
        train.run(arguments(dataset, out, chosen, 0, "--code", "0" * 16))
        return files(out)

    with monkeypatch.context() as patch:
        patch.setattr(Interruption, "received", property(lambda _: signal.SIGTERM, lambda *_: None), raising=False)
        for _ in range(2 * STEPS):
            with pytest.raises(SystemExit):
                run(tmp_path / "stopped")
    assert run(tmp_path / "stopped") == run(tmp_path / "fresh")


def test_a_run_killed_while_the_graph_is_replayed_ends_with_the_same_bytes(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "select_device", lambda *_: on_cpu())
    chosen, done = json.dumps(options(True, condition=MIXED)), []

    def run(out, *more):
        train.run(arguments(dataset, out, chosen, 0, "--code", "0" * 16, *more))
        return files(out)

    def crash(self, original=CapturedSteps._next):
        done.append(self)
        if len(done) == WHOLE + WARM_UP:
            raise ZeroDivisionError
        original(self)

    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(CapturedSteps, "_next", crash)
        run(tmp_path / "killed", "--checkpoint-every-s", "0")
    assert done[-1].replay is not None
    assert run(tmp_path / "killed") == run(tmp_path / "fresh")


# No step waits for the host.


#: A device whose tensors have no data: asking for a value is an error.
META = Device(torch.device("meta"), "float32")


def waits(training):
    """Copies from and to the host in each of three steps; waiting is an error."""
    steps = training._captured()(training._drawn(0))
    for _, step in zip(range(3), steps, strict=False):
        with NoWaiting(), without_data() as (counter, fused):
            step()
        assert counter.launches > 20
        assert {rate.device for rate in fused.rates} == {training.device.torch_device}, "the rate is no number"
        yield counter.transfers


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_no_step_of_any_recipe_waits(dataset, optimiser):
    training = RECIPES["all"] | {"optimiser": optimiser}
    assert [*waits(begun(dataset, device=META, training=training, condition=MIXED))] == [0] * 3


@pytest.mark.parametrize("dimensions", [2, 3])
def test_no_step_of_any_augmentation_waits(tmp_path, monkeypatch, dimensions):
    toy(monkeypatch)
    dataset = write_dataset(tmp_path, dimensions)
    changes = {"augmentation": BLUR | {"contrast_gain": [5, 10], "flip_axes": range(dimensions)}}
    assert [*waits(begun(dataset, device=META, **changes))] == [0] * 3


@pytest.mark.parametrize("name", CASES)
def test_picking_a_batch_on_a_fake_gpu_asks_nothing_of_the_host(monkeypatch, name):
    augmentation, shape = CASES[name]
    monkeypatch.setattr(torch.Tensor, "copy_", lambda self, source: torch.ops.aten.copy_.default(self, source))
    with FakeTensorMode(allow_non_fake_inputs=True), NoWaiting():
        images = DeviceImages(stored(shape, 8), torch.device("cuda", 0))
        ours, new = (
            Prepared(images, np.arange(8), sample_parameters(augmentation, 8, shape[1:], 0, epoch)) for epoch in (0, 1)
        )
        places = torch.arange(4, device="cuda:0")
        with Counter() as counter:
            ours.take_over(new)
            batch = ours.picked(places)
    assert batch.device.type == "cuda" and batch.shape[:2] == (4, shape[0])
    assert counter.transfers == 0 < counter.launches


@pytest.mark.parametrize(("terms", "kwargs"), CONDITIONS, ids=str)
def test_no_loss_waits(dataset, monkeypatch, terms, kwargs):
    """Forward and backward on tensors without data, and the value on a fake GPU.

    The backward pass of a fake GPU's tensors needs a torch that was built for CUDA.
    """
    toy(monkeypatch)
    condition = {"loss": terms, "kwargs": kwargs, "weighted": True}
    assert [*waits(begun(dataset, device=META, condition=condition))] == [0] * 3

    loss = loss_of(terms, kwargs, [24, 11, 7])
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad(), NoWaiting(), Counter() as counter:
        values = {name: value.new_empty(value.shape, device="cuda") for name, value in loss.named_buffers()}
        monkeypatch.setattr(torch.Tensor, "copy_", lambda self, source: torch.ops.aten.copy_.default(self, source))
        logits, target, weights = (
            torch.empty(shape, dtype=dtype, device="cuda")
            for shape, dtype in (((6, 3), None), ((6,), torch.int64), ((6,), None))
        )
        value = torch.func.functional_call(loss, values, (logits, target, weights))
        assert value.device.type == "cuda" and value.shape == ()
    assert counter.transfers == 0


@pytest.mark.slow
@pytest.mark.parametrize(("terms", "kwargs"), CONDITIONS, ids=str)
def test_network_and_loss_are_one_graph_for_torchs_compiler(terms, kwargs):
    """No break between them: whatever leaves the graph, such as a value that is asked for, is an error."""
    network, loss = ToyNetwork(2, 2, 3, dropout=0.0), loss_of(terms, kwargs, [24, 11, 7])
    images, target, weights = torch.rand(6, 2, 8, 8), torch.arange(6) % 3, torch.rand(6)

    def step(images, target, weights):
        return loss(network(images), target, sample_weight=weights)

    torch.compiler.reset()
    ours = torch.compile(step, fullgraph=True, backend="eager")(images, target, weights)
    torch.testing.assert_close(ours, loss_of(terms, kwargs, [24, 11, 7])(network(images), target, weights))


@pytest.mark.slow
@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_network_of_the_paper_is_one_graph_for_torchs_compiler(dimensions):
    """That is all of a step that `training.compile` compiles."""
    network = ResidualNetwork(dimensions, 2, 3, (1, 1, 1, 1), (4, 4, 8, 8), 3)
    images = torch.rand(3, 2, *[16] * dimensions)
    torch.compiler.reset()
    compiled = torch.compile(network, dynamic=False, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(images), network(images))


# What cannot be recorded.


def test_a_cpu_is_refused_before_training(monkeypatch):
    with pytest.raises(UserError, match="training: capture: needs a GPU, for CUDA graphs, but device is cpu"):
        validate(TrainingSettings, {"capture": True, "device": "cpu"}, "training")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"training\.capture needs a GPU, for CUDA graphs, but torch finds no GPU"):
        select_device.select_device(TrainingSettings(capture=True), 1)


def test_accumulation_is_refused():
    with pytest.raises(UserError, match="training: capture: cannot be combined with accumulate, which is 2"):
        validate(TrainingSettings, {"capture": True, "accumulate": 2}, "training")


def test_a_step_that_waits_is_explained(dataset, monkeypatch):
    toy(monkeypatch)

    class Asking(ToyNetwork):
        def features(self, x):
            return super().features(x) * (1 if x.sum().item() > 0 else 2)

    monkeypatch.setattr(loop, "make_model", lambda *_: Asking(2, 2, 3))
    with pytest.raises(UserError, match=r"training\.capture: a step of this network and loss cannot be recorded"):
        trained(dataset, True)


def test_too_little_memory_for_the_graph_is_told_as_such(dataset, monkeypatch):
    toy(monkeypatch)

    def record(self, work):
        try:
            raise torch.OutOfMemoryError("CUDA out of memory")
        finally:
            raise RuntimeError("operation failed due to a previous error during capture")

    monkeypatch.setattr(CpuGraphs, "record", record)
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        trained(dataset, True)


def test_adam_is_marked_only_while_it_is_recorded(dataset, monkeypatch):
    toy(monkeypatch)
    marks = []
    training = begun(dataset)

    def record(self, work, original=CpuGraphs.record):
        marks.append(training.optimiser.param_groups[0]["capturable"])
        return original(self, work)

    monkeypatch.setattr(CpuGraphs, "record", record)
    training.run(lambda: marks.append(training.optimiser.param_groups[0]["capturable"]), lambda: None)
    assert marks.count(True) == 1 and len(marks) == EPOCHS * STEPS + 1


def test_cuda_is_asked_for_what_a_recording_needs(monkeypatch):
    """On a GPU that is not there: streams wait for each other, and both kinds of work are on the stream beside."""
    said = []

    class Stream:
        def __init__(self, name="beside"):
            self.name = name

        def wait_stream(self, other):
            said.append(f"{self.name} waits for {other.name}")

    class Context:
        def __init__(self, *words):
            self.words = words

        def __enter__(self):
            said.append(" ".join(self.words))

        def __exit__(self, *_):
            said.append("end")

    class Graph:
        def replay(self):
            said.append("replay")

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: Stream("default"))
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: Context("on", stream.name))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", lambda graph, stream: Context("record on", stream.name))
    graphs = CudaGraphs()
    graphs.warm_up(lambda: said.append("work"))
    assert said == ["beside waits for default", "on beside", "work", "end", "default waits for beside"]
    said.clear()
    replay = graphs.record(lambda: said.append("work"))
    replay()
    assert said == ["record on beside", "work", "end", "replay"]


def test_a_plan_times_steps_of_the_graph(monkeypatch, graphs):
    toy(monkeypatch)
    monkeypatch.setattr(select_device, "select_device", lambda *_: on_cpu())
    known = KnownDataset(None, 42, 42, None, ("a", "b", "c"), (2, 16, 16), "uint8")
    time_step(RunSettings(**options(True)), known)
    assert graphs[0].replayed == timed_step.STEPS + 1


def test_the_benchmark_runs_without_a_gpu():
    rows = [line for line in bench_captured.page("cpu", 1, tiny=True).splitlines() if line.startswith("| 2D, 16 x 16")]
    launches, *times = [row.split(" | ") for row in rows]
    assert int(launches[1]) > 100
    assert [row[0].rpartition(": ")[2] for row in times] == ["one by one", "captured"]
