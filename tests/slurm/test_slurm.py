"""A study of both arms on a real SLURM cluster of two nodes, on which nearly everything fails that can.

The end is that of a local run, byte for byte, and nothing that was finished is computed twice.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tiny_study import TINY, Workflow, copied

import cluster as clusters
import mri_cases

pytestmark = pytest.mark.slow

HEADS = {"a1": "glioblastoma", "a2": "glioblastoma", "b1": "astrocytoma", "b2": "astrocytoma"}
STEPS = {"atlas": "heads/atlas", "registration": {"samples": 3000}, "brain_extraction": {"method": "threshold"}}
STUDY = TINY["studies"]["tiny"]
CONFIGURATION = TINY | {
    "datasets": TINY["datasets"]
    | {
        "volumes": {
            "adapter": "folder3d",
            "table": "heads/table.csv",
            "preprocessing": STEPS | {"crop": {"size": 24}},
        }
    },
    "augmentation": {"volumes": {"crop": 16}},
    # Asks for a GPU; torch finds none here and computes on the CPU.
    "studies": {
        "tiny": STUDY
        | {"datasets": ["volumes", "fundus_phantoms"]}
        | {"training": STUDY["training"] | {"device": "auto", "epochs": 6}}
    },
}
CONDITIONS = {"ce-uniform": "ce\tuniform\tfalse\t{}", "mcc-oversampling": "soft_mcc\toversampling\tfalse\t{}"}
TARGETS = [
    "results/tables/tiny/verdict.html",
    "results/tables/tiny/table5_mcc.html",
    "results/figures/tiny/balanced_accuracy.png",
    "results/figures/tiny/figure1_study_design.png",
]
#: A run's memory in MB at its first attempt, by its dataset.
RUN_MB = {"fundus_phantoms": 4000, "volumes": 8000}
RUN_MIN = 720 + 3
SUBJECT_MB, SUBJECT_MIN = 1500, 80
#: Faster than a cluster's users need, for the test.
QUICK = ["--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10"]
TIMEOUT_S = 1500


@pytest.fixture(scope="module")
def cluster() -> Iterator[clusters.Cluster]:
    if reason := clusters.missing():
        pytest.skip(reason)
    with clusters.cluster() as running:
        yield running


def study(checkout: Path, folder: Path) -> Workflow:
    workflow = copied(checkout, folder)
    workflow.configure(CONFIGURATION)
    workflow.conditions(CONDITIONS)
    mri_cases.write_subjects(workflow.folder / "heads", HEADS)
    return workflow


class Study:
    """Snakemake on the cluster."""

    def __init__(self, workflow: Workflow, cluster: clusters.Cluster) -> None:
        self.workflow, self.cluster = workflow, cluster
        self.process: subprocess.Popen | None = None
        self.log = workflow.folder / "snakemake.log"

    def start(self) -> None:
        command = [sys.executable, "-m", "snakemake", "--profile", "workflow/profiles/slurm", *QUICK, *TARGETS]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*command, "--configfile", "config/test.yaml"],
                cwd=self.workflow.folder,
                env=os.environ | self.cluster.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def wait(self, what, condition):
        """The first true value of a condition, while Snakemake is running."""

        def looked():
            assert self.process.poll() is None, f"Snakemake ended before: {what}\n{self.log.read_text()[-6000:]}"
            return condition()

        try:
            return self.cluster.wait(what, looked, TIMEOUT_S)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log.read_text()[-6000:]}") from None

    def end(self) -> None:
        assert self.process.wait(TIMEOUT_S) == 0, self.log.read_text()[-6000:]


def is_run(job: dict[str, str]) -> bool:
    return job.get("TresPerJob") == "gres:gpu:1"


def is_subject(job: dict[str, str]) -> bool:
    return job["Comment"].startswith("rule_subject")


def megabytes(job: dict[str, str]) -> int:
    number, unit = re.fullmatch(r"(\d+)([MG])", job["MinMemoryNode"]).groups()
    return int(number) * {"M": 1, "G": 1024}[unit]


def minutes(job: dict[str, str]) -> int:
    days, _, clock = job["TimeLimit"].rpartition("-")
    hours, rest, _ = map(int, clock.split(":"))
    return int(days or 0) * 1440 + hours * 60 + rest


def computing(job: dict[str, str], step: str) -> bool:
    """Whether a step of a job has begun."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("SLURM_JOB_ID") == job["JobId"] and f"imbalance_aware {step}" in " ".join(
                process.cmdline()
            ):
                return True
        except psutil.Error:
            continue
    return False


@pytest.fixture(scope="module")
def ran(cluster, tmp_path_factory, checkout) -> Iterator[Study]:
    """The study, through all faults to its end."""
    on_cluster = Study(study(checkout, tmp_path_factory.mktemp("cluster")), cluster)
    try:
        on_cluster.start()
        through_faults(on_cluster)
        yield on_cluster
    finally:
        on_cluster.kill()


def through_faults(study: Study) -> None:
    cluster = study.cluster
    # A node is lost while it prepares a patient.
    lost = study.wait(
        "patient on n2", lambda: [j for j in cluster.running() if is_subject(j) and j["NodeList"] == "n2"]
    )
    study.lost = {job["JobId"] for job in cluster.running() if job["NodeList"] == "n2"}
    assert lost
    cluster.cut_power("n2")
    # The controller restarts meanwhile.
    cluster.stop_controller()
    time.sleep(3)
    cluster.start("slurmctld")
    study.wait(
        "end of the lost jobs",
        lambda: study.lost <= {j["JobId"] for j in cluster.jobs() if j["JobState"] == "NODE_FAIL"},
    )
    cluster.start("n2")
    # One training is cancelled while it computes.
    cancelled = study.wait("training", lambda: [j for j in cluster.running() if is_run(j) and computing(j, "train")])[0]
    cluster.command("scancel", cancelled["JobId"])
    study.cancelled = cancelled["JobId"]
    # Snakemake is killed while another computes.
    study.wait(
        "second training",
        lambda: [j for j in cluster.running() if is_run(j) and j["JobId"] != study.cancelled and computing(j, "train")],
    )
    study.kill()
    names = cluster.command("squeue", "--me", "--noheader", "--format", "%i %j").splitlines()
    left = [line.split()[0] for line in names if line.split()[1].startswith("imbalance-aware_")]
    study.left = set(left)
    assert left
    cluster.command("scancel", *left)
    cluster.wait("end of what was left", lambda: not cluster.command("squeue", "--me", "--noheader").strip(), TIMEOUT_S)
    study.workflow.run("--unlock")
    study.start()
    study.end()


def test_the_end_is_that_of_a_local_run(ran, tmp_path_factory, checkout):
    local = study(checkout, tmp_path_factory.mktemp("local"))
    local.run(*TARGETS)
    patterns = [
        "results/runs/**/model.pt",
        "results/runs/**/predictions.csv",
        "results/runs/**/metrics.json",
        "results/tables/**/*.*",
        "results/datasets/**/images.npy",
    ]
    for pattern in patterns:
        files = sorted(path.relative_to(local.folder) for path in local.folder.glob(pattern))
        assert files
        for file in files:
            assert (ran.workflow.folder / file).read_bytes() == (local.folder / file).read_bytes(), file


def test_nothing_that_was_finished_is_computed_twice(ran):
    by_work: dict[str, list[dict[str, str]]] = {}
    for job in ran.cluster.jobs():
        by_work.setdefault(job["Comment"], []).append(job)
    for work, jobs in by_work.items():
        states = [job["JobState"] for job in sorted(jobs, key=lambda job: int(job["JobId"]))]
        assert states.count("COMPLETED") == 1 and states[-1] == "COMPLETED", (work, states)
    failed = {job["JobId"] for job in ran.cluster.jobs() if job["JobState"] != "COMPLETED"}
    assert failed == ran.lost | {ran.cancelled} | ran.left


def test_every_job_got_what_it_asked_for_and_more_at_the_next_attempt(ran):
    attempts: dict[str, int] = {}
    for job in sorted(ran.cluster.jobs(), key=lambda job: int(job["JobId"])):
        print(
            job["JobId"],
            job["Comment"],
            job["JobState"],
            megabytes(job),
            minutes(job),
            job.get("TresPerJob"),
            job["NodeList"],
        )


def test_submissions_and_overhead(ran):
    records = ran.cluster.records()
    print(len(records), records[:3])
    jobs = ran.cluster.jobs()
    print(len(jobs))
