"""The folder of a run: when it counts as done, and what a run leaves of an older one in it."""

import shutil

import numpy as np
import pytest
from training_cases import settings
from training_runs import OUTPUTS, Killed, assert_same, run

from imbalance_aware.errors import UserError
from imbalance_aware.runs import train
from imbalance_aware.runs.lock import locked
from imbalance_aware.runs.model_file import load_model
from imbalance_aware.runs.run_folder import finished


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


def test_what_a_killed_process_left_half_written_is_removed(fresh, dataset, tmp_path):
    (tmp_path / ".checkpoint-0123456789abcdef-x1y2z3.pt").write_bytes(b"half")
    run(dataset, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == OUTPUTS


def test_two_trainings_in_one_folder(dataset, tmp_path):
    with locked(tmp_path / "run"), pytest.raises(UserError, match="is training this run"):
        run(dataset, tmp_path / "run")
