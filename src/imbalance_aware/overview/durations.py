"""How long jobs took and what memory they used, from Snakemake's benchmark files."""

import glob
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

SECONDS, MEMORY = "s", "max_rss"


@dataclass(frozen=True)
class Measured:
    """Finished jobs of one rule, study and dataset.

    Attributes:
        seconds: of each, wall time.
        memory_mb: of each, the largest resident set; jobs that ended too soon to be looked at are left out.
    """

    seconds: tuple[float, ...]
    memory_mb: tuple[float, ...]

    @property
    def typical_s(self) -> float:
        """The median, which a job on a busy machine does not move."""
        return median(self.seconds)


@cache
def measured(pattern: str) -> Measured | None:
    """What the benchmark files of this pattern say; None where there are none that can be read."""
    rows = [row for path in sorted(glob.glob(pattern)) if (row := _row(Path(path)))]  # noqa: PTH207
    seconds = tuple(value for row in rows if (value := _number(row, SECONDS)) is not None)
    memory = tuple(value for row in rows if (value := _number(row, MEMORY)) is not None)
    return Measured(seconds, memory) if seconds else None


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


def _row(path: Path) -> Mapping[str, str]:
    try:
        head, *lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    return dict(zip(head.split("\t"), lines[-1].split("\t"), strict=False)) if lines else {}


def _number(row: Mapping[str, str], column: str) -> float | None:
    try:
        return float(row[column])
    except (KeyError, ValueError):  # "NA" or "-" of a job that ended before it was looked at
        return None
