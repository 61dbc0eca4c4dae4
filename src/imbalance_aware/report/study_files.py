"""`StudyFiles`: what a section of the report may read of a study. Files only."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imbalance_aware.conditions import trained_and_rival
from imbalance_aware.errors import UserError
from imbalance_aware.json_text import read_object_argument
from imbalance_aware.runs.identity import Run
from imbalance_aware.tables.verdict import read_verdict

#: What the settings of a study hold.
KEYS = {"study", "datasets", "conditions", "model", "training", "augmentation", "evaluation", "tables"}


@dataclass(frozen=True)
class DatasetFiles:
    """What there is of one dataset.

    Attributes:
        name: of the dataset.
        folder: ``results/datasets/{name}``.
        kind: ``images`` or ``volumes``.
        phantoms: whether the workflow drew the data itself.
        folds: of its cross-validation; None where it has a fixed split.
        repeats: of its cross-validation.
        settings: its block of the configuration, with the values of all defaults.
        licence: of the data, in words; empty where none is known.
    """

    name: str
    folder: Path
    kind: str
    phantoms: bool
    folds: int | None
    repeats: int
    settings: Mapping[str, Any]
    licence: str = ""


@dataclass(frozen=True)
class StudyFiles:
    """What there is of a study.

    Attributes:
        name: of the study.
        datasets: by name, in the order of the configuration.
        tables: ``results/tables/{name}``.
        figures: ``results/figures/{name}``.
        runs: ``results/runs/{name}``.
        benchmarks: ``results/benchmarks``.
        config: the merged settings of the study; the keys are those of `study_settings`, and ``tables``, the names of
            its tables.
    """

    name: str
    datasets: Mapping[str, DatasetFiles]
    tables: Path
    figures: Path
    runs: Path
    benchmarks: Path
    config: Mapping[str, Any]

    @property
    def phantoms(self) -> bool:
        """Whether any of its data is phantom."""
        return any(dataset.phantoms for dataset in self.datasets.values())

    def trainings(self, dataset: str) -> list[Run]:
        """Every training of the study on a dataset, in the order of conditions, repeats, seeds and folds."""
        of = self.datasets[dataset]
        folds = [None] if of.folds is None else range(of.folds)
        return [
            Run(self.name, dataset, condition["condition"], seed, repeat, fold)
            for condition in self.config["conditions"]
            if not trained_and_rival(condition["condition"])[1]
            for repeat in range(of.repeats)
            for seed in self.config["study"]["seeds"]
            for fold in folds
        ]

    def folder(self, run: Run) -> Path:
        """The folder of a training."""
        return self.runs.parent / run.place

    def verdict(self) -> dict[str, Any]:
        """The facts of the step `verdict`."""
        return read_verdict(self.tables / "verdict.json")


def study_files(name: str, settings: Mapping[str, Any], results: Path) -> StudyFiles:
    """The files of a study below the folder of results.

    Args:
        name: of the study.
        settings: from `study_settings.study_settings`.
        results: the folder ``results``.
    """
    datasets = {
        dataset: DatasetFiles(
            name=dataset,
            folder=results / "datasets" / dataset,
            kind=known["kind"],
            phantoms=known["phantoms"],
            folds=known["folds"],
            repeats=known["repeats"],
            settings=known["settings"],
            licence=known.get("licence", ""),
        )
        for dataset, known in settings["datasets"].items()
    }
    return StudyFiles(
        name=name,
        datasets=datasets,
        tables=results / "tables" / name,
        figures=results / "figures" / name,
        runs=results / "runs" / name,
        benchmarks=results / "benchmarks",
        config=settings,
    )


def read_settings(text: str) -> Mapping[str, Any]:
    """The settings of a study as the step gets them.

    Raises:
        UserError: the text is not a JSON object, or a key is missing.
    """
    settings = read_object_argument(text, "--settings")
    if missing := KEYS - {*settings}:
        raise UserError(f"--settings: no {', '.join(sorted(missing))}")
    return settings
