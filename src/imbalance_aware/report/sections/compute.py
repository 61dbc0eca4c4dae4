"""Compute: times, CPU-hours and GPU-hours of every step and in total."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from imbalance_aware.report.compute import Taken, taken
from imbalance_aware.report.study_files import StudyFiles
from imbalance_aware.reporting.grid import MISSING, Cell, Panel, Row, number

HOUR = 3600


class Column(NamedTuple):
    """A field of `Job`, added up over the jobs of a step or the largest of them, as multiples of ``unit``."""

    heading: str
    field: str
    added: bool
    unit: float
    decimals: int


COLUMNS = (
    Column("Wall time of all jobs (h)", "seconds", True, HOUR, 3),
    Column("CPU (h)", "cpu_seconds", True, HOUR, 3),
    Column("GPU (h)", "gpu_seconds", True, HOUR, 3),
    Column("Longest job (min)", "seconds", False, 60, 2),
    Column("Largest memory of a job (GiB)", "memory_mib", False, 1024, 2),
)
#: What the text says of all steps, in hours with two decimals.
TOTALS = {"wall": COLUMNS[0], "cpu": COLUMNS[1], "gpu": COLUMNS[2]}
ALL = "All steps"


def gather(study: StudyFiles) -> dict[str, Any] | None:
    """A table of all steps; None where nothing was measured."""
    steps = taken(study)
    if not steps:
        return None
    whole = Taken(ALL, "", [job for step in steps for job in step.jobs])
    return {
        "panel": panel(steps, whole),
        "jobs": len(whole.jobs),
        "unmeasured": whole.unmeasured,
        "totals": {name: _value(whole, column._replace(decimals=2)) for name, column in TOTALS.items()},
    }


def panel(steps: Sequence[Taken], whole: Taken) -> Panel:
    """One row per step and dataset, then all of them together."""
    heads = ("Jobs", *(column.heading for column in COLUMNS))
    rows = [
        Row((step.step, step.dataset), (Cell(str(len(step.jobs))), *(Cell(_value(step, column)) for column in COLUMNS)))
        for step in (*steps, whole)
    ]
    return Panel(("Step", "Dataset"), heads, tuple(rows))


def _value(step: Taken, column: Column) -> str:
    value = (step.total(column.field) if column.added else step.largest(column.field)) / column.unit
    return MISSING if math.isnan(value) else number(value, column.decimals)
