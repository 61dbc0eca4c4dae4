"""Snakemake is stopped in the middle of a study; the rerun repeats nothing and ends with the same results."""

import os
import signal
import subprocess
import sys
import time

import pytest
from tiny_study import TINY

pytestmark = pytest.mark.slow

RUNS = "results/runs/tiny/fundus_phantoms"


def heed_interrupts():
    """Background jobs of a shell ignore SIGINT, and so would all that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_stopped_and_started_again(workflow):
    """By Ctrl-C, which every process of the terminal gets, and by kill -9; a second Snakemake refuses to start."""
    study = TINY["studies"]["tiny"]
    longer = study | {"training": study["training"] | {"epochs": 200}}
    workflow.configure(TINY | {"studies": {"tiny": longer}})
    targets = [f"{RUNS}/{condition}/seed-0/metrics.json" for condition in ("ce-uniform", "mcc-oversampling")]

    command = [sys.executable, "-m", "snakemake", "--cores", "1", *targets, "--configfile", "config/test.yaml"]

    def start():
        return subprocess.Popen(
            command,
            cwd=workflow.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=heed_interrupts,
        )

    process = start()
    while not (saved := list(workflow.folder.glob(f"{RUNS}/*/seed-0/history.csv"))):
        assert process.poll() is None, "it was to be stopped in the first run"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGSTOP)  # so that it cannot have finished before the second one looks
    second = workflow.run(*targets, check=False)
    assert second.returncode and "cannot be locked" in second.stderr + second.stdout, "two at once"
    os.killpg(process.pid, signal.SIGINT)
    os.killpg(process.pid, signal.SIGCONT)
    assert process.wait(120), "it did not finish"
    assert list(saved[0].parent.glob("checkpoint-*.pt")), "training saved where it was"
    assert not list(workflow.folder.glob(f"{RUNS}/*/seed-0/model.pt"))
    assert not (saved[0].parent / "runs.lock").exists()

    process = start()
    deadline = time.monotonic() + 300
    while not (done := list(workflow.folder.glob(f"{RUNS}/*/seed-0/model.pt"))) or not _others_begun(workflow, done):
        assert process.poll() is None and time.monotonic() < deadline, "it was to be killed in the second run"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert len(done) == 1
    finished_at = done[0].stat().st_mtime_ns

    workflow.run("--unlock")
    workflow.run(*targets)
    assert done[0].stat().st_mtime_ns == finished_at, "the run that was done is not repeated"
    killed = {path.parent.parent.name: path.parent for path in workflow.folder.glob(f"{RUNS}/*/seed-0/model.pt")}
    interrupted = next(folder for folder in killed.values() if folder / "model.pt" != done[0])
    again = {name: (interrupted / name).read_bytes() for name in ("model.pt", "predictions.csv", "features.npy")}

    workflow.run(str(interrupted.relative_to(workflow.folder) / "metrics.json"), "--forcerun", "train")
    assert {name: (interrupted / name).read_bytes() for name in again} == again, "as if it had not been interrupted"


def _others_begun(workflow, done):
    """Folders, but those of the runs that are done, in which a training is running."""
    folders = [path.parent for path in workflow.folder.glob(f"{RUNS}/*/seed-0/runs.lock")]
    return [folder for folder in folders if folder not in [path.parent for path in done]]
