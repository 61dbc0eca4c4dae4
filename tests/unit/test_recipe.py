"""The options of the recipe: each off by default, each what its formula says, each exact in resume."""

import math

import numpy as np
import pytest
import torch
import yaml
from toy_network import ToyNetwork
from training_cases import edited, read, settings
from training_runs import STEPS, contents, run, stop_after

from imbalance_aware.errors import UserError
from imbalance_aware.runs.dataset import open_dataset
from imbalance_aware.runs.model_file import load_model
from imbalance_aware.runs.settings import RunSettings, TrainingSettings
from imbalance_aware.schema import validate
from imbalance_aware.training import loop
from imbalance_aware.training.device import on_cpu
from imbalance_aware.training.optimisers import make_optimiser, rate_factor
from imbalance_aware.training.parameter_groups import parameter_groups

#: Each option by itself.
OPTIONS = {
    "weight_decay": 0.1,
    "warmup_epochs": 1,
    "clip_norm": 0.05,
    "accumulate": 2,
    "mixup": 0.4,
    "ema": 0.8,
}
ALL = OPTIONS | {"optimiser": "adamw"}
MIXED = {"loss": {"ce": 1, "soft_mcc": 1}, "kwargs": {"soft_mcc": {"queue_size": 20}}, "weighted": True}


def begun(dataset, toy=False, monkeypatch=None, **training):
    """A run in this process; ``toy``: of a network without batch normalisation and dropout."""
    options = RunSettings(**settings(training=training, condition={"loss": {"soft_mcc": 1}}))
    if toy:
        torch.manual_seed(0)
        monkeypatch.setattr(loop, "make_model", lambda *_: ToyNetwork(2, 2, 3, dropout=0.0))
    return loop.begin(options, 0, open_dataset(dataset / "images.npy", dataset / "samples.csv"), on_cpu())


@pytest.fixture(scope="module")
def plain(fresh):
    return contents(fresh)


def test_options_that_are_off_are_in_no_digest_and_all_are_recorded(plain):
    assert set(RunSettings(**settings()).decisive()["training"]).isdisjoint(OPTIONS)
    recorded = yaml.safe_load(plain["config.yaml"])["training"]
    off = {"warmup_epochs": 0, "accumulate": 1}
    assert {name: recorded[name] for name in OPTIONS} == dict.fromkeys(OPTIONS) | off
    for name, value in OPTIONS.items():
        assert RunSettings(**settings(training={name: value})).decisive()["training"][name] == value


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_resumes_exactly(dataset, plain, tmp_path, monkeypatch, name):
    options = settings(training={name: OPTIONS[name]})
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_after(patch, STEPS + 2)
        run(dataset, tmp_path / "stopped", options)
    fresh = contents(run(dataset, tmp_path / "fresh", options))
    assert contents(run(dataset, tmp_path / "stopped", options)) == fresh
    assert fresh["predictions.csv"] != plain["predictions.csv"], "it does something"


def test_all_options_together_killed_after_every_step_end_with_the_same_bytes(dataset, tmp_path, monkeypatch):
    options = settings(training=ALL | {"epochs": 2}, condition=MIXED)
    with monkeypatch.context() as patch:
        stop_after(patch, 1)
        for _ in range(2 * STEPS):
            with pytest.raises(SystemExit):
                run(dataset, tmp_path / "stopped", options)
    stopped, fresh = (contents(run(dataset, tmp_path / name, options)) for name in ("stopped", "fresh"))
    assert stopped == fresh


@pytest.mark.parametrize("accumulate", [2, 4])
def test_a_run_in_parts_is_the_run_in_whole_batches(dataset, monkeypatch, accumulate):
    """Of a network without batch normalisation, to rounding; the short last batch of an epoch has parts too."""
    whole, parts = (
        begun(dataset, True, monkeypatch, epochs=4, optimiser="sgd", learning_rate=0.1, accumulate=count)
        for count in (1, accumulate)
    )
    before = {name: values.clone() for name, values in whole.model.state_dict().items()}
    for training in (whole, parts):
        training.run(lambda: None, lambda: None)
    for name, values in whole.model.state_dict().items():
        torch.testing.assert_close(parts.model.state_dict()[name], values, rtol=1e-4, atol=1e-6)
        assert not torch.allclose(values, before[name], rtol=1e-3)
    losses = [[epoch.train_loss for epoch in training.history] for training in (whole, parts)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_the_average_is_that_of_its_formula_and_is_what_is_kept(dataset):
    training, steps = begun(dataset, ema=0.8), []
    expected = {name: values.double().clone() for name, values in training.model.state_dict().items()}

    def after_step():
        for name, values in training.model.state_dict().items():
            averaged = name in weights
            expected[name] = 0.8 * expected[name] + 0.2 * values.double() if averaged else values.double().clone()
        steps.append(1)

    weights = {name for name, _ in training.model.named_parameters()}
    training.run(after_step, lambda: None)
    assert len(steps) == 3 * STEPS
    trained = {name: values.clone() for name, values in training.model.state_dict().items()}
    training.finish()
    for name, values in training.model.state_dict().items():
        torch.testing.assert_close(values.double(), expected[name], rtol=1e-5, atol=1e-6)
    assert not torch.equal(training.model.state_dict()["conv1.weight"], trained["conv1.weight"])


def test_the_average_is_validated_and_the_best_of_them_kept(dataset, tmp_path):
    """The last row of the history is what the saved model says of the validation part."""

    def change(rows):
        for row in rows[1::4]:
            row["split"] = row["split"].replace("train", "validation")

    folder = edited(dataset, tmp_path / "data", change)
    rows = read(folder / "samples.csv")
    options = settings(training={"ema": 0.9, "select": "best"}) | {"validation_metric": "brier"}
    out = run(folder, tmp_path / "run", options)
    best = min(read(out / "history.csv"), key=lambda row: float(row["validation_brier"]))
    model, _, config = load_model(out / "model.pt")
    assert config["recorded"]["best_epoch"] == int(best["epoch"])
    chosen = [number for number, row in enumerate(rows) if row["split"] == "validation"]
    images = torch.from_numpy(np.load(folder / "images.npy")[chosen]).float() / 255
    labels = torch.tensor([int(rows[number]["label"]) for number in chosen])
    with torch.inference_mode():
        loss = float(torch.nn.functional.cross_entropy(model(images), labels))
    assert float(best["validation_loss"]) == pytest.approx(loss, rel=1e-5)


def test_clipping_limits_the_norm_of_all_gradients_together(dataset, monkeypatch):
    training, norms = begun(dataset, clip_norm=0.01, optimiser="sgd"), []

    def step(original=training.optimiser.step):
        squares = [weights.grad.square().sum() for weights in training.model.parameters()]
        norms.append(math.sqrt(float(torch.stack(squares).sum())))
        original()

    monkeypatch.setattr(training.optimiser, "step", step)
    training.run(lambda: None, lambda: None)
    # A batch of one class has no gradient by soft MCC.
    clipped = [norm for norm in norms if norm > 0]
    assert clipped == pytest.approx([0.01] * len(clipped), rel=1e-3)
    assert len(clipped) > 2 * STEPS


def test_mixing_is_paired_and_weights_are_mixed_like_labels(dataset, monkeypatch):
    """What the loss is given: rows that are mixed labels, and sample weights mixed with the same share and partner."""
    options = RunSettings(
        **settings(training={"mixup": 0.4, "epochs": 1}, condition={"loss": {"ce": 1}, "weighted": True})
    )
    training, seen = loop.begin(options, 0, open_dataset(dataset / "images.npy", dataset / "samples.csv"), on_cpu()), []

    def loss(logits, target, sample_weight=None):
        seen.append((target, sample_weight))
        return torch.nn.functional.cross_entropy(logits, target)

    monkeypatch.setattr(training.loss, "forward", loss)
    training.run(lambda: None, lambda: None)
    assert len(seen) == STEPS
    for target, weight in seen:
        torch.testing.assert_close(weight, target @ training.weights)
        assert target.shape == (len(weight), 3)
    assert sum(float(((target > 0) & (target < 1)).sum()) for target, _ in seen) > 0


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_weight_decay_leaves_biases_and_normalisation_alone(dataset, name):
    """With gradients of zero only what is decayed moves; without the setting, an optimiser is as it was."""
    model = begun(dataset).model
    groups = parameter_groups(model, 0.5)
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    optimiser, before = make_optimiser(name, groups, 0.1), [values.clone() for values in model.parameters()]
    for values in model.parameters():
        values.grad = torch.zeros_like(values)
    optimiser.step()
    moved = {
        label for (label, values), old in zip(model.named_parameters(), before, strict=True) if (values != old).any()
    }
    assert moved == {
        f"{label}.weight"
        for label, layer in model.named_modules()
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)
    }
    (alone,) = make_optimiser(name, parameter_groups(model), 0.1).param_groups
    assert alone["weight_decay"] == (0.01 if name == "adamw" else 0)


def test_the_rate_rises_linearly_into_the_schedule(dataset):
    factors = [rate_factor("cosine", epoch, 12, 4) for epoch in range(12)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert factors[4:] == [rate_factor("cosine", epoch, 8) for epoch in range(8)]
    training = begun(dataset, epochs=3, warmup_epochs=2, schedule="constant", learning_rate=0.3)
    training.run(lambda: None, lambda: None)
    assert [epoch.learning_rate for epoch in training.history] == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"accumulate": 3, "batch_size": 50},
            "accumulate: is 3, but batches of 50 cannot be divided into so many equal",
        ),
        ({"accumulate": 5, "batch_size": 5}, "accumulate: is 5, .* parts of at least 2 samples"),
        ({"warmup_epochs": 4, "epochs": 4}, "warmup_epochs: is 4; it must be smaller than epochs, which is 4"),
        ({"ema": 1}, "ema: input should be less than 1"),
        ({"ema": 0}, "ema: input should be greater than 0"),
        ({"mixup": 0}, "mixup: input should be greater than 0"),
        ({"clip_norm": 0}, "clip_norm: input should be greater than 0"),
        ({"weight_decay": -0.1}, "weight_decay: input should be greater than or equal to 0"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_settings(values, message):
    with pytest.raises(UserError, match=f"study.yaml: {message}"):
        validate(TrainingSettings, values, "study.yaml")
