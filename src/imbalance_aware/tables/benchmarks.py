"""Snakemake's measurements of a job: the tab-separated files of ``results/benchmarks/``.

A job that ended before the first measurement has no memory and no processor time; the cells then hold ``NA`` or ``-``.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from imbalance_aware.errors import UserError
from imbalance_aware.text_files import read_text

CONTENT = "what Snakemake measured of a job"
#: Columns: wall time and processor time in seconds, largest resident memory in MiB.
SECONDS, CPU_SECONDS, MEMORY_MIB = "s", "cpu_time", "max_rss"


@dataclass(frozen=True)
class Measured:
    """What a job took; NaN where it was not measured.

    Attributes:
        seconds: wall time.
        cpu_seconds: processor time of the job and its children.
        memory_mib: largest resident memory.
    """

    seconds: float
    cpu_seconds: float
    memory_mib: float


def read_benchmark(path: Path) -> Measured:
    """What a job took, in its last attempt.

    Raises:
        UserError: no such file, or not such a table.
    """
    lines = [line.split("\t") for line in read_text(path, CONTENT).splitlines() if line]
    if len(lines) < 2 or SECONDS not in lines[0]:
        raise UserError(f"{path}: not a benchmark file of Snakemake: expected a row below the columns {SECONDS}, …")
    row = dict(zip(lines[0], lines[-1], strict=False))
    return Measured(*(_number(row.get(name, "")) for name in (SECONDS, CPU_SECONDS, MEMORY_MIB)))


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan
