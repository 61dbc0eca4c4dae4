"""How long jobs took and what memory they used, from Snakemake's benchmark files."""

import glob
import math
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

from imbalance_aware.errors import UserError
from imbalance_aware.tables.benchmarks import read_benchmark


@dataclass(frozen=True)
class Measured:
    """Finished jobs of one rule, study and dataset.

    Attributes:
        seconds: of each, wall time.
        memory_mib: of each, the largest resident memory; jobs that ended before it was measured are left out.
    """

    seconds: tuple[float, ...]
    memory_mib: tuple[float, ...]

    @property
    def typical_s(self) -> float:
        """The median, which a job on a busy machine does not move."""
        return median(self.seconds)


@cache
def measured(pattern: str) -> Measured | None:
    """What the benchmark files of this pattern say; None where there are none that can be read."""
    jobs = []
    for path in sorted(glob.glob(pattern)):  # noqa: PTH207
        with suppress(UserError, OSError):  # of a job that was killed, the file may be empty
            jobs.append(read_benchmark(Path(path)))
    seconds = tuple(job.seconds for job in jobs if not math.isnan(job.seconds))
    memory = tuple(job.memory_mib for job in jobs if not math.isnan(job.memory_mib))
    return Measured(seconds, memory) if seconds else None


def cores_here() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hours_on(cores: int, seconds: Iterable[tuple[int, float]]) -> float:
    """Hours for jobs of one thread on so many cores, none longer than the longest job, as if none waited for another.

    Args:
        cores: that run one job each.
        seconds: number of jobs and seconds of each.
    """
    jobs = [(number, each) for number, each in seconds if number]
    if not jobs:
        return 0.0
    total = sum(number * each for number, each in jobs)
    return max(total / cores, max(each for _, each in jobs)) / 3600
