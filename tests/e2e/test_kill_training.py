"""Training is killed at random moments, again and again; what it ends with is what an undisturbed run ends with."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from training_cases import settings, write_dataset

from imbalance_aware.runs.run_folder import OUTPUTS, finished

SETTINGS = json.dumps(settings(training={"epochs": 120}, condition={"loss": {"ce": 1, "soft_f1": 1}}))
KILLS = 6


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("dataset"))


def start(dataset, out, *more):
    command = [
        sys.executable,
        "-m",
        "imbalance_aware",
        "train",
        "--seed",
        "3",
        "--settings",
        SETTINGS,
        "--out",
        str(out),
    ]
    command += ["--images", str(dataset / "images.npy"), "--samples", str(dataset / "samples.csv"), *more]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})


def finish(process):
    _, log = process.communicate(timeout=300)
    return process.returncode, log


def contents(folder):
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "history.csv"}
    history = [line.rpartition(",")[0] for line in (folder / "history.csv").read_text().splitlines()]
    return files | {"history.csv without seconds": history}


@pytest.fixture(scope="module")
def undisturbed(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    status, log = finish(start(dataset, out))
    assert status == 0, log
    return contents(out)


@pytest.mark.slow
def test_killed_at_random_moments(dataset, undisturbed, tmp_path):
    rng, resumed, kills = random.Random(0), 0, 0
    out = tmp_path / "run"
    while kills < KILLS:
        before = checkpoints(out)
        process = start(dataset, out, "--checkpoint-every-s", "0.1")
        wait_for_progress(process, out, rng.uniform(0, 0.3))
        # Every other one lives until it has saved something, however slow the machine.
        while kills % 2 and process.poll() is None and checkpoints(out) == before:
            time.sleep(0.01)
        process.kill()
        status, log = finish(process)
        kills += status == -signal.SIGKILL
        resumed += "continues after" in log
        if status == 0:
            break
    status, log = finish(start(dataset, out))
    assert status == 0, log
    resumed += "continues after" in log
    assert kills >= 2 and resumed >= 2, "the test must have disturbed the run"
    assert contents(out) == undisturbed


def wait_for_progress(process, out, extra_s):
    """Wait until the process holds its run folder (imports take most of its time), then a random moment more."""
    while process.poll() is None and not holds(out, process.pid):
        time.sleep(0.01)
    time.sleep(extra_s)


def checkpoints(out):
    """Which checkpoints there are, and of when; none if a finished run is just removing its own."""
    try:
        return {path.name: path.stat().st_mtime_ns for path in out.glob("checkpoint-*.pt")}
    except FileNotFoundError:
        return {}


def holds(out, pid):
    try:
        return json.loads((out / "runs.lock").read_text())["pid"] == pid
    except (OSError, json.JSONDecodeError):
        return False


@pytest.mark.slow
def test_killed_over_an_older_run(dataset, undisturbed, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    for name in (*OUTPUTS, "metrics.json"):
        (out / name).write_text("of: an older run")
    assert finished(out)
    process = start(dataset, out, "--checkpoint-every-s", "0.1")
    while process.poll() is None and not checkpoints(out):
        time.sleep(0.01)
    process.kill()
    assert finish(process)[0] == -signal.SIGKILL, "it was to be killed in the middle"
    assert finished(out) is None
    assert not [path.name for path in out.iterdir() if b"older" in path.read_bytes()]
    status, log = finish(start(dataset, out))
    assert status == 0 and "continues after" in log
    assert contents(out) == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_exits(dataset, undisturbed, tmp_path, stop):
    out = tmp_path / "run"
    process = start(dataset, out)
    while not (out / "history.csv").exists():
        time.sleep(0.02)
    process.send_signal(stop)
    status, log = finish(process)
    assert status == 128 + stop
    assert f"stopped by {stop.name} after" in log
    assert "Traceback" not in log
    assert len(list(out.glob("checkpoint-*.pt"))) == 1
    assert not (out / "runs.lock").exists()
    status, log = finish(start(dataset, out))
    assert status == 0 and "continues after" in log
    assert contents(out) == undisturbed


@pytest.mark.slow
def test_a_twin_refuses_to_start(dataset, undisturbed, tmp_path):
    out = tmp_path / "run"
    first = start(dataset, out)
    wait_for_progress(first, out, 0)
    first.send_signal(signal.SIGSTOP)  # so that it cannot have finished before the twin looks
    status, log = finish(start(dataset, out))
    first.send_signal(signal.SIGCONT)
    assert status == 2
    assert f"process {first.pid} on" in log and "Traceback" not in log
    assert finish(first)[0] == 0
    assert contents(out) == undisturbed
