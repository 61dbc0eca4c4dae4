"""Quality control of volumes: the picture of every subject, those that failed first, then those to look at."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from imbalance_aware.report.pictures import data_uri
from imbalance_aware.report.study_files import DatasetFiles, StudyFiles
from imbalance_aware.reporting.grid import MISSING, Cell, Panel, Row, number
from imbalance_aware.tables.quality import read_quality

#: Characters that the pictures of one study take at most in the page: each is made smaller until they do.
BUDGET = 24_000_000
#: Longest sides to choose from, in pixels, and the quality of WebP.
SIDES_PX = (900, 640, 480, 360, 240)
QUALITY = 50
#: Pictures whose sizes tell what all of them will take.
PROBES = 10
#: Measures of the table, the unit, and decimals.
MEASURES = {
    "brain_ml": ("Brain (ml)", 0),
    "atlas_overlap": ("Overlap with atlas", 2),
    "tumour_ml": ("Tumour (ml)", 1),
    "inside_brain": ("Tumour inside brain", 2),
    "tumour_in_patch": ("Tumour inside patch", 2),
}
FAILED, MARKED, PASSED = "failed", "marked", "passed"


def gather(study: StudyFiles) -> dict[str, Any] | None:
    """The subjects of each dataset with quality control; None where none has it."""
    datasets = {name: of for name, of in study.datasets.items() if (of.folder / "qc.csv").is_file()}
    tables = {name: _worst_first(read_quality(of.folder / "qc.csv")) for name, of in datasets.items()}
    places = [_place(datasets[name], subject) for name, table in tables.items() for subject in table["subject"]]
    side_px = longest_side([path for path in places if path.is_file()])
    shown = [_dataset(datasets[name], table, side_px) for name, table in tables.items()]
    return {"datasets": shown} if shown else None


def _place(dataset: DatasetFiles, subject: str) -> Path:
    return dataset.folder / "subjects" / subject / "qc.png"


def longest_side(paths: Sequence[Path], budget: int = BUDGET) -> int:
    """The largest of `SIDES_PX` with which the pictures take no more characters than ``budget``; else the smallest.

    It is told from `PROBES` of them, evenly spread.
    """
    some = paths[:: max(1, -(-len(paths) // PROBES))]
    for side in SIDES_PX:
        taken = sum(len(data_uri(path, side, QUALITY)) for path in some)
        if taken * len(paths) <= budget * len(some):
            return side
    return SIDES_PX[-1]


def state(row: dict[str, Any]) -> str:
    """`FAILED`, `MARKED` (passed, but a person should look at it) or `PASSED`."""
    if row["passed"] != "True":
        return FAILED
    return MARKED if row["warnings"] else PASSED


def _worst_first(quality: pd.DataFrame) -> pd.DataFrame:
    states = [state(row) for row in quality.to_dict("records")]
    order = {name: place for place, name in enumerate((FAILED, MARKED, PASSED))}
    return quality.assign(state=states).sort_values("state", key=lambda names: names.map(order), kind="stable")


def _dataset(dataset: DatasetFiles, quality: pd.DataFrame, side_px: int) -> dict[str, Any]:
    rows = quality.to_dict("records")
    return {
        "name": dataset.name,
        "phantoms": dataset.phantoms,
        "counts": {name: sum(row["state"] == name for row in rows) for name in (FAILED, MARKED, PASSED)},
        "subjects": [row | {"picture": _picture(dataset, row["subject"], side_px)} for row in rows],
        "measures": _panel(rows),
    }


def _picture(dataset: DatasetFiles, subject: str, side_px: int) -> str | None:
    path = _place(dataset, subject)
    return data_uri(path, side_px, QUALITY) if path.is_file() else None


def _panel(rows: Sequence[dict[str, Any]]) -> Panel:
    """Outcome and main measures of every subject."""
    there = [name for name in MEASURES if name in rows[0]]
    heads = ("Cohort", "Class", "Outcome", "Step", "Reason or warning", *(MEASURES[name][0] for name in there))
    return Panel(("Subject",), heads, tuple(_row(row, there) for row in rows))


def _row(row: dict[str, Any], measures: Sequence[str]) -> Row:
    words = [row["cohort"], row["class"], row["state"], row["step"], row["reason"] or row["warnings"]]
    values = [_measure(row[name], MEASURES[name][1]) for name in measures]
    return Row((row["subject"],), tuple(map(Cell, (*words, *values))))


def _measure(cell: Any, decimals: int) -> str:
    """A measure as it is printed; those that a failed subject lacks are a dash."""
    value = float(cell) if cell != "" else float("nan")
    return MISSING if value != value else number(value, decimals)
