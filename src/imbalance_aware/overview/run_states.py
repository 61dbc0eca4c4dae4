"""How each training run is: done, running, failed, interrupted, outdated or missing."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from imbalance_aware.overview.logs import epochs, failure
from imbalance_aware.overview.workflow import Job
from imbalance_aware.runs.lock import holder
from imbalance_aware.runs.run_folder import CHECKPOINTS, CONFIG

#: In the order in which they are shown. Outdated: all files are there, and a rerun would make them again.
DONE, RUNNING, FAILED, INTERRUPTED, OUTDATED, MISSING = STATES = (
    "done",
    "running",
    "failed",
    "interrupted",
    "outdated",
    "missing",
)


@dataclass(frozen=True)
class RunState:
    """One training run.

    Attributes:
        job: that trains it.
        state: one of `STATES`.
        detail: of a running or interrupted one, how far it is; of a failed one, why.
    """

    job: Job
    state: str
    detail: str = ""

    @property
    def name(self) -> str:
        """``study/dataset/condition/seed-N``, and the fold where there is one."""
        return "/".join(folder_of(self.job).parts[2:])


def run_states(jobs: Iterable[Job]) -> list[RunState]:
    """The state of every job that trains."""
    return [_state(job) for job in jobs if job.trains]


def folder_of(job: Job) -> Path:
    """The run folder of a job that trains."""
    return job.outputs[0].parent


def _trained_in(folder: Path) -> Path:
    """Where a run of a tuned study trains: in a folder of its values, below this one."""
    return Path(*("trials" if part == "runs" else part for part in folder.parts))


def _state(job: Job) -> RunState:
    folder, log = folder_of(job), job.log or Path()
    lock = holder(folder)
    if lock is not None:
        at = f"process {lock['pid']} on {lock['host']}" + (f", job {lock['job']}" if lock.get("job") else "")
        return RunState(job, RUNNING, ", ".join(filter(None, (epochs(log), at))))
    # Of a run whose files were deleted, Snakemake needs none while what was made of them is there.
    if (folder / CONFIG).is_file() and not job.missing:
        return RunState(job, OUTDATED if job.needed else DONE)
    if why := failure(log):
        return RunState(job, FAILED, why)
    if any(folder.glob(CHECKPOINTS)) or any(_trained_in(folder).glob(f"*/{CHECKPOINTS}")):
        return RunState(job, INTERRUPTED, epochs(log) or "before the first epoch ended")
    return RunState(job, MISSING)
