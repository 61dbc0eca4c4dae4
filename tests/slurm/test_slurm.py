"""A study of both arms on a real SLURM cluster of two nodes, on which nearly everything fails that can.

The end is that of a local run, byte for byte, and nothing that was finished is computed twice.
"""

import os
import re
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import both_arms
import psutil
import pytest
import slurm_cluster as clusters
from both_arms import STUDY
from tiny_study import Workflow

pytestmark = pytest.mark.slow

# Asks for a GPU; torch finds none here and computes on the CPU.
CONFIGURATION = both_arms.configuration(
    {"tiny": STUDY | {"training": STUDY["training"] | {"device": "auto", "epochs": 6}}}
)
TARGETS = [
    "results/tables/tiny/verdict.html",
    "results/tables/tiny/table5_mcc.html",
    "results/figures/tiny/balanced_accuracy.png",
    "results/figures/tiny/figure1_study_design.png",
]
RUNS = 4
#: Memory in MB and minutes of the steps of a patient. A step that was finished is not in a later job.
SUBJECT = {"register": (1000, 15), "strip": (1000, 40), "mask": (1000, 10), "patch": (1500, 15)}
#: Files that are compared with those of a local run, and how many there are at least.
COMPARED = {
    "results/runs/**/model.pt": RUNS,
    "results/runs/**/predictions.csv": RUNS,
    "results/runs/**/metrics.json": RUNS,
    "results/datasets/**/images.npy": 2,
    "results/tables/**/*.*": 10,
}
#: Faster than a cluster's users need, for the test.
QUICK = ["--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10"]
TIMEOUT_S = 1500


@pytest.fixture(scope="module")
def cluster() -> Iterator[clusters.Cluster]:
    if reason := clusters.missing():
        pytest.skip(reason)
    with clusters.cluster() as running:
        yield running


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


@dataclass(frozen=True)
class Submission:
    """A job as the cluster's controller knows it, and what it was submitted to do."""

    number: str
    state: str
    node: str
    memory_mb: int
    time_min: int
    cores: int
    gpu: bool
    attempt: int
    targets: tuple[str, ...]

    @property
    def rules(self) -> set[str]:
        return {target.partition(":")[0] for target in self.targets}


def submissions(cluster: clusters.Cluster) -> list[Submission]:
    """Every job that was ever submitted, in this order."""
    found = []
    for job in cluster.jobs():
        script = cluster.script(job["JobId"])
        memory, unit = re.fullmatch(r"([\d.]+)([MG])", job["MinMemoryNode"]).groups()
        days, _, clock = job["TimeLimit"].rpartition("-")
        hours, minutes, _ = map(int, clock.split(":"))
        found.append(
            Submission(
                number=job["JobId"],
                state=job["JobState"],
                node=job["NodeList"],
                memory_mb=round(float(memory) * {"M": 1, "G": 1024}[unit]),
                time_min=int(days or 0) * 1440 + hours * 60 + minutes,
                cores=int(job["NumCPUs"]),
                gpu=job.get("TresPerJob") == "gres:gpu:1",
                attempt=int(re.search(r"--attempt (\d+)", script)[1]),
                targets=tuple(sorted(shlex.split(re.search(r"--target-jobs (.*?) --allowed-rules", script, re.S)[1]))),
            )
        )
    return sorted(found, key=lambda each: int(each.number))


def running(cluster: clusters.Cluster, rule: str) -> list[Submission]:
    """Jobs that are running a rule's step at this moment."""
    jobs = [job for job in submissions(cluster) if job.state == "RUNNING" and rule in job.rules]
    return [job for job in jobs if computing(job.number, rule)]


def computing(number: str, step: str) -> bool:
    """Whether a step of a job has begun and not ended."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("SLURM_JOB_ID") == number and f"imbalance_aware {step} " in " ".join(
                process.cmdline()
            ):
                return True
    return False


@pytest.fixture(scope="module")
def ran(cluster, tmp_path_factory, checkout) -> Iterator[Study]:
    """The study, through all faults to its end."""
    on_cluster = Study(both_arms.written(checkout, tmp_path_factory.mktemp("cluster"), CONFIGURATION), cluster)
    try:
        on_cluster.start()
        through_faults(on_cluster)
        yield on_cluster
    finally:
        on_cluster.kill()


def through_faults(study: Study) -> None:
    """Lose a node and the controller, cancel a training, kill Snakemake in another; then run to the end."""
    cluster = study.cluster

    def on_second_node() -> set[str]:
        return {job.number for job in submissions(cluster) if job.state == "RUNNING" and job.node == "n2"}

    study.wait("a patient on n2", lambda: [job for job in running(cluster, "register") if job.node == "n2"])
    study.lost = on_second_node()
    cluster.cut_power("n2")
    cluster.stop_controller()
    time.sleep(3)
    cluster.start("slurmctld")
    ended = lambda: {job.number for job in submissions(cluster) if job.state == "NODE_FAIL"}  # noqa: E731
    study.wait("the end of the lost jobs", lambda: study.lost <= ended())
    cluster.start("n2")

    study.cancelled = study.wait("a training", lambda: running(cluster, "train"))[0].number
    cluster.command("scancel", study.cancelled)
    study.wait("the next training", lambda: [j for j in running(cluster, "train") if j.number != study.cancelled])
    study.kill()
    # What docs/running.md says to do then.
    lines = cluster.command("squeue", "--me", "--noheader", "--format", "%i %j").splitlines()
    left = [line.split()[0] for line in lines if line.split()[1].startswith("imbalance-aware_")]
    cluster.command("scancel", *left)
    cluster.wait("the end of what was left", lambda: not cluster.command("squeue", "--me", "--noheader"), TIMEOUT_S)
    study.left = (
        {job.number for job in submissions(cluster) if job.state != "COMPLETED"} - study.lost - {study.cancelled}
    )
    assert study.left <= set(left)
    study.finished = {job.targets for job in submissions(cluster) if job.state == "COMPLETED"}
    study.workflow.run("--unlock")
    study.start()
    study.end()


def test_the_end_is_that_of_a_local_run(ran, tmp_path_factory, checkout):
    local = both_arms.written(checkout, tmp_path_factory.mktemp("local"), CONFIGURATION)
    local.run(*TARGETS)
    for pattern, least in COMPARED.items():
        files = sorted(path.relative_to(local.folder) for path in local.folder.glob(pattern))
        assert len(files) >= least, pattern
        for file in files:
            assert (ran.workflow.folder / file).read_bytes() == (local.folder / file).read_bytes(), file


def test_nothing_that_was_finished_is_computed_twice(ran):
    ends: dict[str, list[Submission]] = {}
    for job in submissions(ran.cluster):
        for target in job.targets:
            ends.setdefault(target, []).append(job)
    for target, jobs in ends.items():
        completed = [job for job in jobs if job.state == "COMPLETED"]
        # What was written when its job was cancelled with all others is not made again.
        assert completed == jobs[-1:] or (not completed and jobs[-1].number in ran.left), (target, jobs)
    assert sum(map(len, ran.finished)) >= 10, "much was finished when Snakemake was killed"
    unfinished = {job.number for job in submissions(ran.cluster) if job.state != "COMPLETED"}
    assert unfinished == ran.lost | {ran.cancelled} | ran.left


def test_every_job_got_what_it_asked_for_and_more_at_the_next_attempt(ran):
    jobs = submissions(ran.cluster)
    gpus = {record["job"]: record["gpu"] for record in ran.cluster.records()}
    for job in jobs:
        expected = first_attempt(job)
        assert (job.memory_mb, job.time_min) == tuple(job.attempt * amount for amount in expected), job
        assert job.gpu == ("train" in job.rules), job
        if job.state == "COMPLETED":
            assert gpus[job.number] == ("0" if job.gpu else None), job
    assert {job.attempt for job in jobs if "register" in job.rules} == {1, 2}, "the lost node's patient"


def first_attempt(job: Submission) -> tuple[int, int]:
    """Memory in MB and minutes that the rules of a job ask for at the first attempt."""
    if "train" in job.rules:
        return (8000 if "dataset=volumes" in job.targets[0] else 4000), 720 + 10
    if job.rules <= SUBJECT.keys():
        memory, minutes = zip(*(SUBJECT[rule] for rule in job.rules), strict=True)
        return max(memory), sum(minutes)
    if "pack" in job.rules:
        return 2000, 60 + (60 if "resize" in job.rules else 10)
    return {"cohort": (2000, 60), "statistics": (2000, 60)}.get(*job.rules, (1000, 10))


def test_short_steps_cost_no_submission_and_the_rest_little(ran, capsys):
    jobs = [job for job in submissions(ran.cluster) if job.state == "COMPLETED"]
    submitted = set().union(*(job.rules for job in jobs))
    assert not submitted & {"collect", "tables", "verdict", "metric_dots", "study_design"}
    assert all("train" in job.rules for job in jobs if "evaluate" in job.rules)
    spent: dict[str, float] = {}
    for record in ran.cluster.records():
        spent[record["job"]] = spent.get(record["job"], 0) + record["cpu_s"]
    overhead = statistics.median(spent[job.number] for job in jobs)
    with capsys.disabled():
        print(
            f"\nslurm: {sum(len(job.targets) for job in jobs)} steps in {len(jobs)} jobs, "
            f"{len(submissions(ran.cluster)) - len(jobs)} more were submitted and failed as planned; "
            f"Snakemake in a job: median {overhead:.1f} s of CPU time"
        )
    assert overhead < 30


def test_what_a_killed_test_leaves_is_stopped_by_the_next():
    if reason := clusters.missing():
        pytest.skip(reason)
    process = subprocess.Popen(
        [sys.executable, clusters.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    folder = Path(process.stdout.readline().partition("=")[2].partition("/bin:")[0])
    subprocess.run(
        [folder / "bin/sbatch"], input="#!/bin/sh\nsleep 1000\n", text=True, check=True, cwd=folder, capture_output=True
    )
    process.kill()
    process.communicate()
    users = lambda: [each for each in psutil.process_iter() if clusters.uses(each, str(folder))]  # noqa: E731
    assert len(users()) >= 4, "two nodes, the controller and munged"
    clusters.stop_leftovers()
    assert not users()
    assert not folder.exists()
