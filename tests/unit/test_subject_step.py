"""A step of one subject: which errors become its reason, and which end the step."""

import errno
import json

import pytest

from imbalance_aware.errors import UserError
from imbalance_aware.preprocessing.subject_step import Failure, first_step, next_step, next_steps


@pytest.mark.parametrize("error", [TypeError("odd"), MemoryError(), RuntimeError("sitk::ERROR:\n too   many")])
def test_an_unforeseen_error_costs_its_subject_alone(tmp_path, error, caplog):
    def work(steps, measures):
        raise error

    (tmp_path / "before.json").write_text('{"subject": "x", "failed": null, "steps": {}}')
    next_step("strip", tmp_path / "before.json", tmp_path / "after.json", [tmp_path / "out.nii.gz"], work)
    failed = json.loads((tmp_path / "after.json").read_text())["failed"]
    message = " ".join(str(error).split()) or "no message"
    assert failed["reason"] == f"unexpected: {type(error).__name__}: {message} (step strip)"
    assert (tmp_path / "out.nii.gz").stat().st_size == 0
    assert "Traceback" in caplog.text and "in work" in caplog.text


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (UserError("no weights"), UserError),
        (ModuleNotFoundError("No module named 'torch'"), UserError),
        (OSError(errno.ENOSPC, "No space left on device"), OSError),
        (OSError("8000 requested and 4096 written"), OSError),  # what NumPy makes of a full disk
        (KeyboardInterrupt(), KeyboardInterrupt),
        (SystemExit(3), SystemExit),
    ],
)
def test_what_is_no_fault_of_the_subject_ends_the_step(tmp_path, error, raised):
    def work(measures):
        raise error

    with pytest.raises(raised):
        first_step("register", "x", tmp_path / "after.json", work)
    assert not (tmp_path / "after.json").exists()


def test_what_was_measured_before_an_unforeseen_error_is_kept(tmp_path):
    def work(measures):
        measures["coverage"] = 0.7
        raise RuntimeError

    first_step("register", "x", tmp_path / "after.json", work)
    report = json.loads((tmp_path / "after.json").read_text())
    assert report["failed"] and report["steps"] == {"register": {"coverage": 0.7}}


def test_steps_in_one_process_end_with_the_first_that_fails(tmp_path):
    def measuring(steps, measures):
        measures["seen"] = list(steps)

    def failing(steps, measures):
        measures["least"] = 0.1
        raise Failure("hot voxels: t1c", "t1c.nii.gz")

    before = {"subject": "x", "failed": None, "steps": {"mask": {}}}
    parts = {"resample": measuring, "scale": failing, "crop": measuring}
    report = next_steps(before, [tmp_path / "patch.npy"], parts)
    assert report["failed"] == {"step": "scale", "reason": "hot voxels: t1c", "file": "t1c.nii.gz"}
    assert report["steps"] == {"mask": {}, "resample": {"seen": ["mask"]}, "scale": {"least": 0.1}}
    assert (tmp_path / "patch.npy").read_bytes() == b"" and before["steps"] == {"mask": {}}
    assert next_steps(report, [tmp_path / "other.npy"], parts) == report
    assert (tmp_path / "other.npy").read_bytes() == b""
