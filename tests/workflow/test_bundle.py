"""A study is trained from its bundle, elsewhere, and used in the workflow as if it had been trained there."""

import os
import shutil
import subprocess
import sys
import tarfile
import time

import pytest
from tiny_study import ROWS, TINY

pytestmark = pytest.mark.slow

RUNS = "runs/tiny/fundus_phantoms"
FILES = ("config.yaml", "features.npy", "history.csv", "model.pt", "predictions.csv")
UNFINISHED = 75


def contents(results):
    """Bytes of all files of all runs; the history without its seconds."""
    files = {path.relative_to(results): path.read_bytes() for path in results.glob(f"{RUNS}/*/seed-0/*")}
    for path, content in files.items():
        if path.name == "history.csv":
            files[path] = b"\n".join(line.rpartition(b",")[0] for line in content.splitlines())
    return {str(path): content for path, content in files.items() if path.name in FILES}


def test_trained_elsewhere(workflow, tmp_path):
    study = TINY["studies"]["tiny"]
    workflow.configure(TINY | {"studies": {"tiny": study | {"training": study["training"] | {"epochs": 60}}}})
    results = workflow.folder / "results"
    workflow.run("results/bundles/tiny/fundus_phantoms.tar")
    with tarfile.open(results / "bundles/tiny/fundus_phantoms.tar") as archive:
        archive.extractall(tmp_path, filter="data")

    def train():
        command = [sys.executable, str(tmp_path / "tiny-fundus_phantoms/run.py"), "--jobs", "3"]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        return subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)

    process = train()
    while process.poll() is None and not list(tmp_path.glob(f"results/{RUNS}/*/seed-0/history.csv")):
        time.sleep(0.02)
    process.terminate()
    _, log = process.communicate(timeout=300)
    assert process.returncode == UNFINISHED, log
    assert list(tmp_path.glob(f"results/{RUNS}/*/seed-0/checkpoint-*.pt"))
    process = train()
    _, log = process.communicate(timeout=300)
    assert process.returncode == 0, log

    shutil.copytree(tmp_path / "results", results, dirs_exist_ok=True)
    jobs = workflow.planned()
    assert not {job for job in jobs if job.startswith("train")}
    assert {f"evaluate {name}" for name in ROWS} <= jobs
    trained_elsewhere = contents(results)
    assert len(trained_elsewhere) == len(ROWS) * len(FILES)

    # With the record that this makes, an edited loss reruns the runs that were copied, as if they had been made here.
    workflow.run("--touch", "--forcerun", "train", "--until", "train")
    assert not {job for job in workflow.planned() if job.startswith("train")}
    loss = workflow.folder / "src/imbalance_aware/losses/soft_mcc.py"
    original = loss.read_text()
    loss.write_text(original + "\nLIMIT = 1\n")
    trained = {job for job in workflow.planned() if job.startswith("train")}
    assert trained == {"train ce_mcc-weighted", "train mcc-oversampling"}
    loss.write_text(original)

    workflow.run("--forcerun", "train", "--until", "train")
    assert contents(results) == trained_elsewhere
