"""Resources used by the steps of a study: wall time, CPU time, time on GPUs, memory."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imbalance_aware.report.study_files import StudyFiles
from imbalance_aware.report.trainings import recorded
from imbalance_aware.runs.identity import Run
from imbalance_aware.runs.run_folder import HISTORY
from imbalance_aware.tables.benchmarks import Measured, read_benchmark
from imbalance_aware.tables.history import read_history

DATASET, STUDY = "dataset", "study"
#: Step with a benchmark file -> whether its files lie below the name of a dataset or of a study; in order of the flow.
STEPS = {
    "cohort": DATASET,
    "resize": DATASET,
    "register": DATASET,
    "strip": DATASET,
    "mask": DATASET,
    "patch": DATASET,
    "pack": DATASET,
    "bundle": STUDY,
    "train": STUDY,
    "part_features": STUDY,
    "rival": STUDY,
    "statistics": STUDY,
    "explanations": STUDY,
}
TRAIN = "train"


@dataclass(frozen=True)
class Job:
    """What one job took; NaN where it is not known.

    Attributes:
        seconds: wall time.
        cpu_seconds: processor time.
        gpu_seconds: wall time if it ran on a GPU, else 0.
        memory_mib: largest resident memory.
    """

    seconds: float
    cpu_seconds: float
    gpu_seconds: float
    memory_mib: float


@dataclass(frozen=True)
class Taken:
    """What all jobs of a step took together.

    Attributes:
        step: its name.
        dataset: that it worked on; empty for a step of a whole study.
        jobs: each of them.
    """

    step: str
    dataset: str
    jobs: Sequence[Job]

    def total(self, name: str) -> float:
        """Sum of a field of `Job` over the jobs that have it; NaN if none has."""
        known = [value for job in self.jobs if not math.isnan(value := getattr(job, name))]
        return math.fsum(known) if known else math.nan

    def largest(self, name: str) -> float:
        """Largest value of a field of `Job`; NaN if no job has it."""
        return max((value for job in self.jobs if not math.isnan(value := getattr(job, name))), default=math.nan)

    @property
    def unmeasured(self) -> int:
        """How many jobs have no known processor time."""
        return sum(math.isnan(job.cpu_seconds) for job in self.jobs)


def taken(study: StudyFiles) -> list[Taken]:
    """What each step took, by dataset, in the order of the flow; steps without any measurement are left out.

    Raises:
        UserError: a benchmark file or a history cannot be read.
    """
    found = [
        part for step, of in STEPS.items() for part in (_trainings(study) if step == TRAIN else _step(study, step, of))
    ]
    return [part for part in found if part.jobs]


def _step(study: StudyFiles, step: str, of: str) -> Iterator[Taken]:
    for name in study.datasets if of == DATASET else (study.name,):
        files = _files(study.benchmarks / step, name)
        yield Taken(step, name if of == DATASET else "", [_job(read_benchmark(path)) for path in files])


def _files(folder: Path, name: str) -> list[Path]:
    """``{name}.tsv``, and all files below ``{name}/``."""
    single = folder / f"{name}.tsv"
    return [*[single] * single.is_file(), *sorted((folder / name).rglob("*.tsv"))]


def _job(measured: Measured) -> Job:
    return Job(measured.seconds, measured.cpu_seconds, 0.0, measured.memory_mib)


def _trainings(study: StudyFiles) -> Iterator[Taken]:
    for dataset in study.datasets:
        yield Taken(TRAIN, dataset, [_training(study, run) for run in study.trainings(dataset)])


def _training(study: StudyFiles, run: Run) -> Job:
    """What a training took.

    Its wall time is the longer of what Snakemake measured, which counts only the last attempt of a training that was
    interrupted, and the sum over its epochs, which also speaks for one that was trained on another machine.
    """
    file = study.benchmarks / TRAIN / run.place.parent / f"{run.place.name}.tsv"
    measured = read_benchmark(file) if file.is_file() else Measured(math.nan, math.nan, math.nan)
    epochs = math.fsum(epoch.seconds for epoch in read_history(study.folder(run) / HISTORY).epochs)
    seconds = epochs if math.isnan(measured.seconds) else max(measured.seconds, epochs)
    on_gpu = str(recorded(study, run).get("device", "")).startswith("cuda")
    return Job(seconds, measured.cpu_seconds, seconds if on_gpu else 0.0, measured.memory_mib)
