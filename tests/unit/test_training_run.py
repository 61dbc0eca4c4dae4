"""The train step as a whole, on small phantoms: what a run holds, and that its seed and settings decide it."""

import numpy as np
import pytest
import torch
import yaml
from training_cases import arguments, read, settings, write_dataset
from training_runs import OUTPUTS, STEPS, N, assert_same, run

from imbalance_aware.models.make import InputSpec, make_model
from imbalance_aware.runs import train
from imbalance_aware.runs.model_file import load_model
from imbalance_aware.training import augment_cpu
from imbalance_aware.training.optimisers import SCHEDULES


def test_the_run_folder_holds_its_files_and_no_others(fresh):
    assert sorted(path.name for path in fresh.iterdir()) == OUTPUTS


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


def test_the_probabilities_of_ldam_are_those_that_it_trained(dataset, tmp_path):
    ldam = {"loss": {"ldam": 1}, "kwargs": {"ldam": {"scale": 30}}}
    folder = run(dataset, tmp_path, settings(condition=ldam, training={"epochs": 1, "learning_rate": 1e-9}))
    model, spec, config = load_model(folder / "model.pt")
    start = make_model(config["model"], spec, seed=0)
    torch.testing.assert_close(model.fc.weight, 30 * start.fc.weight, rtol=1e-4, atol=1e-5)
    logits = model.fc(torch.from_numpy(np.load(folder / "features.npy"))).double()
    given = [[float(row[f"prob_{name}"]) for name in "abc"] for row in read(folder / "predictions.csv")]
    np.testing.assert_allclose(given, logits.softmax(1).detach().numpy(), atol=1e-6)
