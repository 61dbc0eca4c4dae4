"""Classes, cohorts and subgroups of each dataset, by part of the split or by fold: counts of images and of patients."""

from collections.abc import Iterator, Sequence
from typing import Any

from imbalance_aware.report.parts import UNIT, Parts, Sample, of_class, patients, read_parts
from imbalance_aware.report.study_files import DatasetFiles, StudyFiles
from imbalance_aware.reporting.grid import MISSING, Cell, Panel, Row, number
from imbalance_aware.reporting.labels import readable
from imbalance_aware.tables.samples import subgroup_names

#: What the column of all parts together, and the row of all classes together, are called.
ALL = "All"
COHORT = "cohort"


def gather(study: StudyFiles) -> dict[str, Any] | None:
    """Two tables for each packed dataset; None where none is packed."""
    datasets = [_dataset(dataset) for dataset in study.datasets.values() if (dataset.folder / "samples.csv").is_file()]
    return {"datasets": datasets} if datasets else None


def _dataset(dataset: DatasetFiles) -> dict[str, Any]:
    parts = read_parts(dataset)
    unit = UNIT[dataset.kind]
    return {
        "name": dataset.name,
        "phantoms": dataset.phantoms,
        "unit": unit,
        "has_patients": parts.has_patients,
        "folds": len(parts.parts) if parts.repeats else 0,
        "repeats": parts.repeats,
        "classes": classes_panel(parts, unit),
        "subsets": subsets_panel(parts, unit),
    }


def _columns(parts: Parts) -> dict[str, Sequence[Sample]]:
    return {ALL: parts.samples, **parts.parts}


def classes_panel(parts: Parts, unit: str) -> Panel:
    """One row per class: how many samples, their share of the part and, where they differ, how many patients."""
    columns = _columns(parts)
    rows = [
        Row((name,), tuple(_cells(parts, [of_class(samples, name) for samples in columns.values()], columns)))
        for name in parts.classes
    ]
    total = Row((ALL,), tuple(_cells(parts, list(columns.values()), columns)), rule=True)
    heads = [f"{unit}s", "%", *["patients"] * parts.has_patients]
    groups = tuple((name, len(heads)) for name in columns)
    return Panel(("Class",), tuple(heads) * len(columns), (*rows, total), groups)


def _cells(parts: Parts, samples: Sequence[Sequence[Sample]], columns: dict[str, Sequence[Sample]]) -> Iterator[Cell]:
    for some, whole in zip(samples, columns.values(), strict=True):
        yield Cell(str(len(some)))
        yield Cell(number(100 * len(some) / len(whole), 1) if whole else MISSING)
        if parts.has_patients:
            yield Cell(str(patients(some)))


def subsets_panel(parts: Parts, unit: str) -> Panel | None:
    """One row per cohort or subgroup and class; None where all samples are of one cohort and there are no subgroups."""
    columns = _columns(parts)
    rows = []
    for split_by in (COHORT, *subgroup_names(parts.samples[0])):
        values = sorted({sample[split_by] for sample in parts.samples})
        for value in values if len(values) > 1 or split_by != COHORT else ():
            for name in (None, *parts.classes):
                cells = []
                for samples in columns.values():
                    some = [sample for sample in samples if sample[split_by] == value]
                    some = some if name is None else of_class(some, name)
                    cells += [Cell(str(len(some))), *[Cell(str(patients(some)))] * parts.has_patients]
                rows.append(Row((readable(split_by), value, ALL if name is None else name), tuple(cells)))
    heads = [f"{unit}s", *["patients"] * parts.has_patients]
    groups = tuple((name, len(heads)) for name in columns)
    return Panel(("By", "Value", "Class"), tuple(heads) * len(columns), tuple(rows), groups) if rows else None
