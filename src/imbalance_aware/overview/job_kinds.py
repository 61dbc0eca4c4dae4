"""Jobs of one kind together: how many are to do and done, what each takes, and how that is known."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from imbalance_aware.overview.durations import Measured, measured
from imbalance_aware.overview.workflow import Job

#: Name of the row of all jobs whose rules have no benchmark file: tables, figures and other short steps.
SHORT = "short steps"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Kind:
    """Jobs of one rule, study and dataset.

    Attributes:
        name: rule, study and dataset.
        jobs: one or more.
        measured: what their benchmark files say, if there are any.
    """

    name: str
    jobs: tuple[Job, ...]
    measured: Measured | None

    @property
    def to_do(self) -> int:
        """Jobs that a run would start."""
        return sum(job.jobs for job in self.jobs if job.needed)

    @property
    def done(self) -> int:
        """All others."""
        return sum(job.jobs for job in self.jobs if not job.needed)

    @property
    def asked_mb(self) -> int:
        """What each requests in its rule; 0 where that is left to the profile."""
        return max(job.memory_mb or 0 for job in self.jobs)

    @property
    def gpu(self) -> bool:
        """Whether they ask for a GPU."""
        return any(job.gpu for job in self.jobs)


def kinds(jobs: Iterable[Job]) -> list[Kind]:
    """Jobs by kind, in the order of the flow; those without benchmark files last and together."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(_name(job), []).append(job)
    order = sorted(groups, key=lambda name: name == SHORT)
    return [Kind(name, tuple(groups[name]), _measured(groups[name])) for name in order]


def _measured(jobs: list[Job]) -> Measured | None:
    return measured(jobs[0].benchmarks) if jobs[0].benchmarks else None


def _name(job: Job) -> str:
    if not job.benchmarks:
        return SHORT
    return f"{job.rule} {place(job.wildcards)}".strip()


def place(wildcards: Mapping[str, str]) -> str:
    """``study/dataset``, as far as a job has them."""
    return "/".join(wildcards[name] for name in ("study", "dataset") if name in wildcards)
