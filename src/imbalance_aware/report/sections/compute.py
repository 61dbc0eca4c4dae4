"""What the study took: times, CPU-hours and GPU-hours of every step and in all."""

import math
from collections.abc import Sequence
from typing import Any

from imbalance_aware.report.compute import Taken, taken
from imbalance_aware.report.study_files import StudyFiles
from imbalance_aware.reporting.grid import MISSING, Cell, Panel, Row, number

HOUR = 3600
#: What is shown of each step after the number of jobs: heading, field of a job, whether it is added up, size of the
#: unit, decimals.
COLUMNS = (
    ("Wall time of all jobs (h)", "seconds", True, HOUR, 3),
    ("CPU (h)", "cpu_seconds", True, HOUR, 3),
    ("GPU (h)", "gpu_seconds", True, HOUR, 3),
    ("Longest job (min)", "seconds", False, 60, 2),
    ("Largest memory of a job (GiB)", "memory_mib", False, 1024, 2),
)
#: What the text says of all steps.
TOTALS = {"wall": "seconds", "cpu": "cpu_seconds", "gpu": "gpu_seconds"}
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
        "totals": {name: _value(whole, field, True, HOUR, 2) for name, field in TOTALS.items()},
    }


def panel(steps: Sequence[Taken], whole: Taken) -> Panel:
    """One row per step and dataset, then all of them together."""
    heads = ("Jobs", *(heading for heading, *_ in COLUMNS))
    rows = [
        Row((step.step, step.dataset), (Cell(str(len(step.jobs))), *(Cell(_value(step, *of)) for _, *of in COLUMNS)))
        for step in (*steps, whole)
    ]
    return Panel(("Step", "Dataset"), heads, tuple(rows))


def _value(step: Taken, field: str, added: bool, unit: float, decimals: int) -> str:
    value = (step.total(field) if added else step.largest(field)) / unit
    return MISSING if math.isnan(value) else number(value, decimals)
