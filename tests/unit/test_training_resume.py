"""A training that was stopped or crashed ends with the bytes of one that was not."""

import json
import logging
import signal

import numpy as np
import pytest
from training_cases import arguments, settings, write_dataset
from training_runs import OUTPUTS, STEPS, assert_same, run, stop_after

from imbalance_aware.runs import train
from imbalance_aware.training import augment_cpu


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
