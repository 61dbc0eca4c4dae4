"""The flow of each cohort from what was found to the parts of the split or the folds, as a diagram."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from imbalance_aware.report.flow_diagram import Stage, counted, lay_out
from imbalance_aware.report.parts import UNIT, Parts, Sample, of_class, patients, read_parts
from imbalance_aware.report.study_files import DatasetFiles, StudyFiles
from imbalance_aware.tables.flow import read_flow

#: Folds that are listed one by one.
MOST_FOLDS = 10


def gather(study: StudyFiles) -> dict[str, Any] | None:
    """A diagram for each dataset with a table of counts; None where none has one."""
    datasets = [
        {"name": dataset.name, "phantoms": dataset.phantoms, "diagram": lay_out(stages(dataset))}
        for dataset in study.datasets.values()
        if (dataset.folder / "flow.csv").is_file()
    ]
    return {"datasets": datasets} if datasets else None


def stages(dataset: DatasetFiles) -> list[Stage]:
    """The boxes of a dataset's diagram, from top to bottom.

    Raises:
        UserError: a table of the dataset cannot be read.
    """
    listed = read_flow(dataset.folder / "flow.csv")
    unit = UNIT[dataset.kind]
    found = _total(listed, "found")
    boxes = [Stage(f"Found: {_count(found, unit)}", _breakdown(listed, "found"))]
    boxes += _excluded(_reasons(listed), unit, "Excluded")
    final = listed
    if (table := dataset.folder / "preprocessed_flow.csv").is_file():
        final = read_flow(table)
        boxes.append(Stage(f"Preprocessed: {_count(_total(listed, 'included'), unit)}"))
        later = _reasons(final).sub(_reasons(listed), fill_value=0).astype(int)
        boxes += _excluded(later[later > 0], unit, "Excluded in preprocessing")
    if not (dataset.folder / "samples.csv").is_file():
        return [*boxes, Stage(f"Included: {_count(_total(final, 'included'), unit)}", _breakdown(final, "included"))]
    parts = read_parts(dataset)
    title = f"Included: {_with_patients(_total(final, 'included'), parts.samples, parts, unit)}"
    return [*boxes, Stage(title, _breakdown(final, "included")), *_parts(parts, unit)]


def _total(flow: pd.DataFrame, stage: str) -> int:
    return int(flow.loc[flow["stage"] == stage, "subjects"].sum())


def _reasons(flow: pd.DataFrame) -> pd.Series:
    """Criterion -> how many it excluded, in the order of the table."""
    out = flow[flow["stage"] == "excluded"]
    return out.groupby("criterion", sort=False)["subjects"].sum()


def _breakdown(flow: pd.DataFrame, stage: str) -> tuple[str, ...]:
    """Lines that count a stage by class and, of several cohorts, by cohort."""
    rows = flow[flow["stage"] == stage]
    lines = []
    for column, label in (("class", "by class"), ("cohort", "by cohort")):
        counts = rows.groupby(column, sort=False)["subjects"].sum()
        if len(counts) > 1 or column == "class":
            named = [counted(name or "no class", count) for name, count in counts.items()]
            lines.append(f"{label}: {', '.join(named)}")
    return tuple(lines)


def _excluded(reasons: pd.Series, unit: str, title: str) -> list[Stage]:
    lines = tuple(counted(name, count, ":") for name, count in reasons.items())
    return [Stage(f"{title}: {_count(int(reasons.sum()), unit)}", lines, side=True)]


def _parts(parts: Parts, unit: str) -> Iterator[Stage]:
    if not parts.repeats:
        for name, samples in parts.parts.items():
            title = f"{name}: {_with_patients(len(samples), samples, parts, unit)}"
            yield Stage(title, (_classes(parts, samples),), side=True)
        return
    folds, repeats = len(parts.parts), parts.repeats
    once = "once" if repeats == 1 else "once in each repeat"
    lines = [f"each {unit} is tested {once}, by a network that did not see it"]
    sizes = [len(samples) for samples in parts.parts.values()]
    if folds <= MOST_FOLDS:
        named = zip(parts.parts.items(), parts.left_out, strict=True)
        lines += [
            f"{name}: {len(samples)} tested ({_classes(parts, samples)})" + f"; {out} in no part" * bool(out)
            for (name, samples), out in named
        ]
    else:
        lines.append(f"each fold tests {min(sizes)} to {max(sizes)}")
    title = f"Cross-validation: {folds} folds"
    if repeats > 1:
        lines.append("numbers of each fold: in the first repeat")
        title += f", {repeats} repeats"
    yield Stage(title, tuple(lines), side=True)


def _classes(parts: Parts, samples: Sequence[Sample]) -> str:
    return ", ".join(counted(name, len(of_class(samples, name))) for name in parts.classes)


def _with_patients(number: int, samples: Sequence[Sample], parts: Parts, unit: str) -> str:
    count = _count(number, unit)
    return f"{count} of {_count(patients(samples), 'patient')}" if parts.has_patients else count


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}{'s' * (number != 1)}"
