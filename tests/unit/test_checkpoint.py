"""Checkpoints: resumed only where they belong, never half, never in the way."""

import errno
import hashlib
import io
import logging
from pathlib import Path

import pytest
import torch

from imbalance_aware import files
from imbalance_aware.errors import UserError
from imbalance_aware.runs.checkpoint import Checkpoint

KEY, OTHER = "a" * 64, "b" * 64
STATE = {"weights": torch.arange(5.0), "position": {"epoch": 3, "step": 1}}


@pytest.fixture
def saved(tmp_path):
    checkpoint = Checkpoint(tmp_path, KEY)
    assert checkpoint.save(STATE)
    return checkpoint


def test_what_is_saved_is_loaded(saved):
    state = saved.load()
    assert torch.equal(state["weights"], STATE["weights"])
    assert state["position"] == STATE["position"]
    assert KEY[:16] in saved.path.name


def test_nothing_saved(tmp_path):
    assert Checkpoint(tmp_path, KEY).load() is None


def test_a_foreign_checkpoint_is_ignored_with_a_line(saved, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    assert Checkpoint(tmp_path, OTHER).load() is None
    assert f"ignored {saved.path.name}: it belongs to a run with other code, settings, seed or data" in caplog.text


def test_a_renamed_checkpoint_is_ignored(saved, tmp_path, caplog):
    other = Checkpoint(tmp_path, OTHER)
    saved.path.rename(other.path)
    assert other.load() is None
    assert "belongs to another run" in caplog.text


def test_a_folder_in_its_place_is_explained_before_training(tmp_path):
    checkpoint = Checkpoint(tmp_path, KEY)
    checkpoint.path.mkdir()
    with pytest.raises(UserError, match=f"{checkpoint.path.name}: this is a folder, but training needs this name"):
        checkpoint.load()


def test_a_folder_named_like_another_checkpoint_is_left_alone(saved, tmp_path):
    other = Checkpoint(tmp_path, OTHER).path
    other.mkdir()
    assert saved.load() is not None
    saved.remove()
    assert list(tmp_path.iterdir()) == [other]


def test_what_is_no_checkpoint_but_has_a_digest_is_ignored(saved, caplog):
    buffer = io.BytesIO()
    torch.save([1, 2], buffer)
    content = buffer.getvalue()
    saved.path.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    assert saved.load() is None
    assert "belongs to another run" in caplog.text


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text"])
def test_a_damaged_checkpoint_is_ignored_with_a_line(saved, damage, caplog):
    content = bytearray(saved.path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    changed = {"cut": content[:-100], "flip": content, "empty": b"", "text": b"hello\nworld"}[damage]
    saved.path.write_bytes(bytes(changed))
    assert saved.load() is None
    assert "damaged" in caplog.text


class Attack:
    """An object that writes a file when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def test_a_checkpoint_that_would_run_code_is_ignored(saved, tmp_path, caplog):
    """Its digest fits: anyone who can write a file can also write its digest."""
    buffer, sign = io.BytesIO(), tmp_path / "ran"
    torch.save({"key": KEY, "state": Attack(sign)}, buffer)
    content = buffer.getvalue()
    saved.path.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    assert saved.load() is None
    assert "it cannot be read" in caplog.text
    assert not sign.exists()


def test_a_full_disk_leaves_the_last_good_one(saved, monkeypatch, caplog):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    assert not saved.save({"weights": torch.zeros(5)})
    assert "No space left" in caplog.text
    monkeypatch.undo()
    assert torch.equal(saved.load()["weights"], STATE["weights"])
    assert [path.name for path in saved.folder.iterdir()] == [saved.path.name], "no half-written file stays"


def test_removing_takes_all_checkpoints_of_the_finished_run(saved, tmp_path):
    Checkpoint(tmp_path, OTHER).save(STATE)
    (tmp_path / "model.pt").touch()
    saved.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]
