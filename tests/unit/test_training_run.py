"""The train step as a whole, on small phantoms: exact, resumable, paired, and clear about what it cannot use."""

import json
import logging
import shutil
import signal

import numpy as np
import pytest
import torch
import yaml
from training_cases import arguments, edited, read, settings, write_dataset
from training_runs import OUTPUTS, STEPS, Killed, N, assert_same, run, stop_after

from imbalance_aware.errors import UserError
from imbalance_aware.models.make import InputSpec, make_model
from imbalance_aware.runs import train
from imbalance_aware.runs.lock import locked
from imbalance_aware.runs.model_file import load_model
from imbalance_aware.runs.run_folder import finished
from imbalance_aware.training import augment_cpu
from imbalance_aware.training.optimisers import SCHEDULES


def test_the_run_folder_holds_its_files_and_no_others(fresh):
    assert sorted(path.name for path in fresh.iterdir()) == OUTPUTS


def kill_at(monkeypatch, call):
    """Have the run end when it is about to write one of its files."""

    def killed(path, *rest):
        # NumPy writes to a temporary name: ".features-….npy".
        if call.partition(" ")[2] in path.name:
            raise Killed
        write(path, *rest)

    module, name = {"save": (np, "save")}.get(call.partition(" ")[0], (train, call.partition(" ")[0]))
    write = getattr(module, name)
    monkeypatch.setattr(module, name, killed)


LAST_ACTS = ["write_text predictions", "save features", "save_model", "write_text config.yaml"]


@pytest.mark.parametrize("act", LAST_ACTS)
def test_a_run_killed_over_an_older_one_is_not_taken_for_done(dataset, fresh, tmp_path, monkeypatch, act):
    out = shutil.copytree(fresh, tmp_path / "run")
    (out / "metrics.json").write_text("{}")
    older = {path.name: path.read_bytes() for path in out.iterdir()}
    assert finished(out)
    options = settings(training={"epochs": 2})
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, act)
        run(dataset, out, options)
    assert finished(out) is None
    for path in out.iterdir():
        assert path.read_bytes() != older.get(path.name), f"{path.name} is of the older run"
    run(dataset, out, options)
    assert_same(out, run(dataset, tmp_path / "undisturbed", options))
    assert sorted(path.name for path in out.iterdir()) == OUTPUTS
    assert finished(out)["training"]["epochs"] == 2
    assert load_model(out / "model.pt")[2] == finished(out)


def test_what_is_killed_in_training_leaves_nothing_of_an_older_run(dataset, fresh, tmp_path, monkeypatch):
    out = shutil.copytree(fresh, tmp_path / "run")

    def killed(self):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(train.Lock, "touch", killed)
        run(dataset, out, settings(training={"epochs": 2}))
    assert finished(out) is None and list(out.iterdir()) == []


def test_outputs_deleted_while_a_run_trains_are_all_there_in_the_end(dataset, fresh, tmp_path, monkeypatch):
    """Snakemake does so for a second job of the same run, which the lock refuses."""
    out = tmp_path / "run"

    def touch(self):
        for name in OUTPUTS:
            (out / name).unlink(missing_ok=True)

    monkeypatch.setattr(train.Lock, "touch", touch)
    run(dataset, out)
    assert_same(out, fresh)
    assert finished(out)


@pytest.mark.parametrize("content", [None, b"", b"[1]", b"{", b"\xff\xfe", "folder"])
def test_a_folder_without_a_readable_config_is_not_done(fresh, tmp_path, content):
    out = shutil.copytree(fresh, tmp_path / "run")
    (out / "config.yaml").unlink()
    if content == "folder":
        (out / "config.yaml").mkdir()
    elif content is not None:
        (out / "config.yaml").write_bytes(content)
    assert finished(out) is None


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_folder_that_lacks_a_file_is_not_done(fresh, tmp_path, name):
    out = shutil.copytree(fresh, tmp_path / "run")
    (out / name).unlink()
    assert finished(out) is None


def test_a_run_that_cannot_begin_leaves_the_older_one_whole(dataset, fresh, tmp_path):
    out = shutil.copytree(fresh, tmp_path / "run")
    with pytest.raises(UserError):
        run(dataset, out, settings(augmentation={"crop": 40}))
    with pytest.raises(UserError):
        run(dataset, out, settings(condition={"kwargs": {"ce": {"nonsense": 1}}}))
    assert_same(out, fresh)


@pytest.mark.parametrize("name", ["model.pt", "history.csv", ".predictions-x.csv", ".checkpoint-x.pt"])
def test_a_folder_where_a_file_is_to_be_written_is_told_before_training(dataset, tmp_path, name):
    (tmp_path / "run" / name).mkdir(parents=True)
    with pytest.raises(
        UserError, match=f"{name}: this is a folder, but training writes a file of this name; move it away"
    ):
        run(dataset, tmp_path / "run")


def test_predictions(fresh, dataset):
    rows = read(fresh / "predictions.csv")
    expected = [row for row in read(dataset / "samples.csv") if row["split"] == "test"]
    assert [(row["subject"], row["class"], row["label"]) for row in rows] == [
        (row["subject"], row["class"], row["label"]) for row in expected
    ]
    assert list(rows[0]) == ["subject", "group", "cohort", "class", "label", "prob_a", "prob_b", "prob_c"]
    probabilities = np.array([[float(row[f"prob_{name}"]) for name in "abc"] for row in rows])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    features = np.load(fresh / "features.npy")
    assert features.shape == (len(rows), 8)
    assert features.dtype == np.float32
    model, spec, config = load_model(fresh / "model.pt")
    assert (spec.channels, spec.shape, spec.classes) == (2, (16, 16), ("a", "b", "c"))
    assert config == yaml.safe_load((fresh / "config.yaml").read_text())
    images = torch.from_numpy(np.load(dataset / "images.npy")[N:]).float() / 255
    with torch.inference_mode():
        np.testing.assert_allclose(model(images).double().softmax(1), probabilities, atol=1e-6)
        np.testing.assert_allclose(model.features(images), features, atol=1e-5)


def test_history(fresh):
    rows = read(fresh / "history.csv")
    assert list(rows[0]) == ["epoch", "learning_rate", "train_loss", "train_balanced_accuracy", "seconds"]
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [float(row["learning_rate"]) for row in rows] == pytest.approx([1e-3, 7.5e-4, 2.5e-4])


def test_cosine_annealing_is_torchs():
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=30)
    for epoch in range(30):
        assert 0.1 * SCHEDULES["cosine"](epoch, 30) == pytest.approx(schedule.get_last_lr()[0], rel=1e-9)
        optimiser.step()
        schedule.step()


def test_one_whole_batch_gives_the_loss_of_the_initial_weights(dataset, tmp_path):
    options = settings(
        training={"epochs": 1, "batch_size": N},
        augmentation={"probability": 0},
        condition={"loss": {"ce": 1}, "weighted": True},
    )
    (row,) = read(run(dataset, tmp_path / "run", options) / "history.csv")
    model = make_model(options["model"], InputSpec(2, (16, 16), "uint8", None, ("a", "b", "c")), 0).train()
    samples = read(dataset / "samples.csv")[:N]
    target = torch.tensor([int(sample["label"]) for sample in samples])
    images = torch.from_numpy(np.load(dataset / "images.npy")[:N]).float() / 255
    logits = model(images.contiguous(memory_format=torch.channels_last))
    each = torch.nn.functional.cross_entropy(logits, target, reduction="none")
    counts = torch.bincount(target)
    expected = (each * (N / (3 * counts))[target]).mean().item()
    assert float(row["train_loss"]) == pytest.approx(expected, rel=1e-5)
    right = logits.argmax(1) == target
    recalls = [right[target == label].double().mean().item() for label in range(3)]
    assert float(row["train_balanced_accuracy"]) == pytest.approx(np.mean(recalls), abs=1e-9)


def test_same_bytes_whatever_ran_before(fresh, dataset, tmp_path):
    other = settings(condition={"loss": {"soft_mcc": 1}, "sampling": "oversampling"})
    run(dataset, tmp_path / "other", other, seed=5)
    torch.manual_seed(123)
    np.random.default_rng(1)
    assert_same(fresh, run(dataset, tmp_path / "again"))


def test_another_seed_gives_other_weights(fresh, dataset, tmp_path):
    other = run(dataset, tmp_path / "run", seed=1)
    assert not np.array_equal(np.load(fresh / "features.npy"), np.load(other / "features.npy"))


def test_config_yaml_can_be_given_as_settings(fresh, dataset, tmp_path):
    train.run(arguments(dataset, tmp_path / "run", str(fresh / "config.yaml"), 0, "--code", "0" * 16))
    assert_same(fresh, tmp_path / "run")


def test_config_tells_what_shaped_the_run(fresh, dataset):
    config = yaml.safe_load((fresh / "config.yaml").read_text())
    assert config["condition"] == {"loss": {"ce": 1.0}, "kwargs": {}, "sampling": "uniform", "weighted": False}
    assert config["recorded"]["seed"] == 0
    assert config["recorded"]["versions"]["torch"] == torch.__version__
    assert str(dataset) not in (fresh / "config.yaml").read_text()


@pytest.mark.parametrize("stops", [(1,), (STEPS,), (STEPS + 1, 2, STEPS), (3 * STEPS,)])
def test_a_run_that_is_stopped_ends_with_the_same_bytes(fresh, dataset, tmp_path, monkeypatch, caplog, stops):
    caplog.set_level(logging.INFO)
    out = tmp_path / "run"
    for count in stops:
        with monkeypatch.context() as patch, pytest.raises(SystemExit) as stop:
            stop_after(patch, count)
            run(dataset, out)
        assert stop.value.code == 128 + signal.SIGTERM
        assert len(list(out.glob("checkpoint-*.pt"))) == 1
    assert "stopped by SIGTERM after" in caplog.text
    caplog.clear()
    run(dataset, out)
    epochs, steps = divmod(sum(stops), STEPS)
    if steps == 0:
        epochs, steps = epochs - 1, STEPS
    assert f"continues after {epochs} epochs and {steps} steps" in caplog.text
    assert sorted(path.name for path in out.iterdir()) == OUTPUTS, "the checkpoint is gone"
    assert_same(fresh, out)


@pytest.mark.parametrize(
    "condition",
    [
        {"loss": {"ce": 1, "soft_f1": 1}, "sampling": "oversampling"},
        {"loss": {"soft_mcc": 1}, "weighted": True},
        {"loss": {"soft_mcc": 1}, "kwargs": {"soft_mcc": {"queue_size": 20}}, "sampling": "square_root"},
        {"loss": {"ldam": 1}, "kwargs": {"ldam": {"deferred_until": 0.4}}, "sampling": "effective_number"},
        {"loss": {"ce": 0.5, "auc_margin": 1}},
    ],
    ids=lambda condition: "+".join(condition["loss"]),
)
def test_other_conditions_resume_exactly_too(dataset, tmp_path, monkeypatch, condition):
    options = settings(condition=condition)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_after(patch, STEPS + 2)
        run(dataset, tmp_path / "stopped", options)
    assert_same(run(dataset, tmp_path / "fresh", options), run(dataset, tmp_path / "stopped", options))


@pytest.mark.parametrize("training", [{"optimiser": "sgd", "schedule": "constant"}, {"optimiser": "adamw"}], ids=str)
def test_other_optimisers_resume_exactly_too(fresh, dataset, tmp_path, monkeypatch, training):
    options = settings(training=training)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_after(patch, STEPS + 2)
        run(dataset, tmp_path / "stopped", options)
    one, other = run(dataset, tmp_path / "fresh", options), run(dataset, tmp_path / "stopped", options)
    assert_same(one, other)
    assert not np.array_equal(np.load(one / "features.npy"), np.load(fresh / "features.npy"))


def test_a_run_that_crashes_goes_on_from_its_last_checkpoint(fresh, dataset, tmp_path, monkeypatch):
    made = []

    def crash(self, rows, changes, original=augment_cpu.CpuImages._batch):
        made.append(rows)
        if len(made) == STEPS + 3:
            raise ZeroDivisionError
        return original(self, rows, changes)

    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(augment_cpu.CpuImages, "_batch", crash)
        run(dataset, tmp_path / "run", None, "--checkpoint-every-s", "0")
    assert_same(fresh, run(dataset, tmp_path / "run"))


@pytest.mark.parametrize("change", ["settings", "seed", "code", "data"])
def test_a_changed_parameter_never_resumes(dataset, tmp_path, monkeypatch, change, caplog):
    caplog.set_level(logging.INFO)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_after(patch, STEPS)
        run(dataset, tmp_path / "run")
    options, seed, code = settings(), 0, "0" * 16
    if change == "settings":
        options["training"]["learning_rate"] = 2e-3
    if change == "seed":
        seed = 1
    if change == "code":
        code = "1" * 16
    if change == "data":
        dataset = write_dataset(tmp_path / "other", edge=17)
    for name in ("run", "fresh"):
        train.run(arguments(dataset, tmp_path / name, json.dumps(options), seed, "--code", code))
    assert "it belongs to a run with other code, settings, seed or data" in caplog.text
    assert_same(tmp_path / "run", tmp_path / "fresh")


def test_conditions_of_one_seed_are_paired(dataset, tmp_path, monkeypatch):
    """Under one sampling mode they start from the same weights and see the same batches, to the bit."""
    seen = {}
    for name in ("ce", "soft_mcc"):
        batches = seen[name] = []

        def spy(self, rows, changes, original=augment_cpu.CpuImages._batch, batches=batches):
            batch = original(self, rows, changes)
            batches.append((rows.tolist(), batch.numpy().tobytes()))
            return batch

        with monkeypatch.context() as patch:
            patch.setattr(augment_cpu.CpuImages, "_batch", spy)
            run(dataset, tmp_path / name, settings(condition={"loss": {name: 1}}))
    assert len(seen["ce"]) > 3 * STEPS
    assert seen["ce"] == seen["soft_mcc"]


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_volumes_learn_what_can_be_learnt(tmp_path, dtype):
    dataset = write_dataset(tmp_path / "data", dimensions=3, dtype=dtype, edge=12)
    options = settings(training={"epochs": 20, "learning_rate": 0.01}, condition={"sampling": "oversampling"})
    options["augmentation"] = {"gamma": [0.9, 1.1], "blur_sigma": [0, 1.5], "flip_axes": [0, 1, 2], "crop": 8}
    out = run(dataset, tmp_path / "run", options)
    rows = read(out / "predictions.csv")
    guesses = [max("abc", key=lambda name: float(row[f"prob_{name}"])) for row in rows]
    right = np.array([guess == row["class"] for guess, row in zip(guesses, rows, strict=True)])
    assert right.mean() > 0.8
    assert float(read(out / "history.csv")[-1]["train_loss"]) < float(read(out / "history.csv")[0]["train_loss"])


def test_a_diverged_run_finishes_and_says_so(dataset, tmp_path, caplog):
    out = run(dataset, tmp_path / "run", settings(training={"learning_rate": 1e38}))
    assert "diverged in epoch" in caplog.text
    assert {row[f"prob_{name}"] for row in read(out / "predictions.csv") for name in "abc"} == {""}
    assert sorted(path.name for path in out.iterdir()) == OUTPUTS
    assert read(out / "history.csv")[-1]["train_loss"] == ""


def test_what_a_killed_process_left_half_written_is_removed(fresh, dataset, tmp_path):
    (tmp_path / ".checkpoint-0123456789abcdef-x1y2z3.pt").write_bytes(b"half")
    run(dataset, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == OUTPUTS


def test_two_trainings_in_one_folder(dataset, tmp_path):
    with locked(tmp_path / "run"), pytest.raises(UserError, match="is training this run"):
        run(dataset, tmp_path / "run")


def set_all(key, value, **where):
    def change(rows):
        for row in rows:
            if all(row[name] == wanted for name, wanted in where.items()):
                row[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.pop(), "holds 53 images and .* 52 rows"),
        (set_all("split", "train", split="test"), "no sample is in the split test"),
        (set_all("split", "test", split="train"), "no sample is in the split train"),
        (set_all("split", "", subject="s3"), 'line 5: split is ""'),
        (set_all("label", "nan", subject="s3"), 'line 5: label is "nan"'),
        (set_all("label", "3", label="2"), "expected labels 0 … K-1"),
        (set_all("label", "1", subject="s0"), "label 1 is used for both"),
        (set_all("class", "b", label="2"), "each with its own name"),
        (set_all("split", "test", label="2"), "no training sample of the class c"),
    ],
)
def test_tables_that_cannot_be_used(dataset, tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        run(edited(dataset, tmp_path / "data", change), tmp_path / "run")


def values(array):
    return lambda path: np.save(path, array)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.write_bytes(b"hello"), "not a NumPy array, or truncated"),
        (values(np.zeros((53, 2, 16, 16), dtype=np.float32)), "expected uint8 or float16 images"),
        (values(np.zeros((53, 256), dtype=np.uint8)), "expected uint8 or float16 images"),
        (values(np.full((53, 2, 8, 8), 1.5, dtype=np.float16)), "values outside"),
        (values(np.full((53, 2, 8, 8), np.nan, dtype=np.float16)), "values outside"),
        (values(np.full((53, 2, 8, 8), -0.5, dtype=np.float16)), "values outside"),
    ],
)
def test_arrays_that_cannot_be_used(dataset, tmp_path, write, message):
    (tmp_path / "samples.csv").symlink_to(dataset / "samples.csv")
    write(tmp_path / "images.npy")
    with pytest.raises(UserError, match=message):
        run(tmp_path, tmp_path / "run")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_asking_for_a_gpu_without_one(dataset, tmp_path):
    with pytest.raises(UserError, match="finds no GPU"):
        run(dataset, tmp_path / "run", settings(training={"device": "cuda"}))


@pytest.mark.slow
@pytest.mark.parametrize("sampling", ["uniform", "oversampling"])
def test_one_graph_is_compiled_although_the_last_batch_is_short(dataset, tmp_path, monkeypatch, sampling):
    """With the graph run as it is, since a compiler in C++ may be missing; the numbers are those without `compile`."""
    graphs, compiler = [], torch.compile

    def backend(graph, inputs):
        shapes = [tuple(value.shape) for value in inputs if isinstance(value, torch.Tensor)]
        graphs.append([shape for shape in shapes if shape[1:] == (2, 16, 16)])
        return graph.forward

    torch._dynamo.reset()
    monkeypatch.setattr(torch, "compile", lambda model, **options: compiler(model, backend=backend, **options))
    condition = {"sampling": sampling}
    run(dataset, tmp_path / "compiled", settings(training={"compile": True}, condition=condition))
    assert graphs == [[(8, 2, 16, 16)]]
    run(dataset, tmp_path / "plain", settings(condition=condition))
    compiled, plain = (read(tmp_path / name / "history.csv")[-1]["train_loss"] for name in ("compiled", "plain"))
    assert float(compiled) == pytest.approx(float(plain), rel=1e-4)


def test_a_negative_seed(dataset, tmp_path):
    with pytest.raises(UserError, match="--seed is -1"):
        run(dataset, tmp_path / "run", seed=-1)


def test_bfloat16_on_the_cpu_is_refused(dataset, tmp_path):
    with pytest.raises(UserError, match="bfloat16 gradients of some convolutions are wrong"):
        run(dataset, tmp_path / "run", settings(training={"precision": "bfloat16"}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"training": {"epochs": 0}}, "training.epochs: input should be greater than or equal to 1"),
        ({"training": {"batch_size": 1}}, "training.batch_size"),
        ({"training": {"epoch": 3}}, 'unknown key "epoch" in training. Did you mean "epochs"'),
        ({"condition": {"sampling": "over"}}, '"over" is not known'),
        ({"condition": {"loss": {"cee": 1}}}, 'unknown loss "cee". Did you mean "ce"'),
        ({"augmentation": {"gamma": [1.5, 0.5]}}, "a range is"),
        ({"augmentation": {"crop": 40}}, "crop is 40, larger than the images: 16 x 16"),
        ({"model": {"blocks": [1]}}, "model.blocks: expected a number of at least 1 for each of the 4 stages"),
        ({"model": {"stem_kernel": 4}}, "model.stem_kernel: must be odd"),
    ],
)
def test_settings_that_cannot_be_used(dataset, tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        run(dataset, tmp_path / "run", settings(**options))


def test_the_probabilities_of_ldam_are_those_that_it_trained(dataset, tmp_path):
    ldam = {"loss": {"ldam": 1}, "kwargs": {"ldam": {"scale": 30}}}
    folder = run(dataset, tmp_path, settings(condition=ldam, training={"epochs": 1, "learning_rate": 1e-9}))
    model, spec, config = load_model(folder / "model.pt")
    start = make_model(config["model"], spec, seed=0)
    torch.testing.assert_close(model.fc.weight, 30 * start.fc.weight, rtol=1e-4, atol=1e-5)
    logits = model.fc(torch.from_numpy(np.load(folder / "features.npy"))).double()
    given = [[float(row[f"prob_{name}"]) for name in "abc"] for row in read(folder / "predictions.csv")]
    np.testing.assert_allclose(given, logits.softmax(1).detach().numpy(), atol=1e-6)
