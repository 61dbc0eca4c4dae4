"""The whole configuration of the workflow: what may stand in it, and what must fit together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from imbalance_aware.conditions import Condition, read_conditions
from imbalance_aware.datasets.settings import DatasetSettings
from imbalance_aware.errors import UserError
from imbalance_aware.losses import LOSSES
from imbalance_aware.losses.build import check_arguments
from imbalance_aware.schema import Strict, load_yaml, nearest, validate
from imbalance_aware.training.settings import (
    SAMPLINGS,
    Augmentation2D,
    Augmentation3D,
    ConditionSettings,
    ModelSettings,
    RunSettings,
    TrainingSettings,
)

CHECKOUT = Path(__file__).resolve().parents[2]


class AugmentationSettings(Strict):
    """Random changes of the training images, for photographs and for volumes."""

    images: Augmentation2D = Field(Augmentation2D(), description="photographs")
    volumes: Augmentation3D = Field(Augmentation3D(), description="volumes")


class StudySettings(Strict):
    """A study: every condition, on every dataset, with every seed."""

    datasets: list[str] = Field(min_length=1, description="names below `datasets`")
    conditions: str = Field("config/conditions.tsv", description="table of conditions")
    only: list[str] | None = Field(None, description="names in that table; left out: all of them")
    seeds: list[int] = Field(min_length=1, description="each run's seed: initial weights, batches, augmentation")
    published: bool = Field(False, description="whether the paper's values may stand beside these results")
    training: dict[str, Any] = Field({}, description="keys of `training` that differ in this study")
    model: dict[str, Any] = Field({}, description="keys of `model` that differ in this study")


class Config(Strict):
    """Everything that ``config/*.yaml`` may say."""

    run: list[str] = Field(min_length=1, description="names of the studies to run")
    datasets: dict[str, DatasetSettings] = Field(description="sources of images, by name")
    studies: dict[str, StudySettings] = Field(description="studies, by name")
    model: ModelSettings = Field(ModelSettings(), description="the network")
    training: TrainingSettings = Field(TrainingSettings(), description="the optimisation")
    augmentation: AugmentationSettings = Field(AugmentationSettings(), description="random changes of training images")


@dataclass(frozen=True)
class Study:
    """A study with all that its runs need, resolved and checked."""

    name: str
    settings: StudySettings
    conditions: dict[str, Condition]
    training: TrainingSettings
    model: ModelSettings


def read_config(merged: Mapping[str, Any], files: Sequence[str | Path]) -> tuple[Config, dict[str, Study]]:
    """Check a merged configuration and resolve the studies that are to run.

    Args:
        merged: the configuration after all files and command-line values were merged.
        files: the files it was merged from, later ones winning; only to tell where a wrong key stands.

    Raises:
        UserError: one line for every problem found, naming the file and the place.
    """
    raw = [(str(file), load_yaml(Path(file))) for file in files]

    def source(place: Sequence[Any]) -> str:
        return next((file for file, content in reversed(raw) if _holds(content, place)), "--config")

    config = validate(Config, merged, source)
    problems = _cross_check(config, source)
    studies = {}
    for name in config.run:
        if name in config.studies:
            try:
                studies[name] = _study(name, config, source)
            except UserError as error:
                problems += str(error).splitlines()
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    return config, studies


def run_settings(
    study: Study, condition: str, augmentation: Augmentation2D | Augmentation3D, max_value: int | None = None
) -> RunSettings:
    """All that shapes one training run of a study, except its data and seed; ``max_value`` is the dataset's."""
    row = study.conditions[condition]
    return RunSettings(
        condition=ConditionSettings(loss=row.terms, kwargs=row.kwargs, sampling=row.sampling, weighted=row.weighted),
        model=study.model,
        training=study.training,
        augmentation=augmentation,
        max_value=max_value,
    )


def find_file(path: str) -> Path:
    """A file of the configuration: as written from the working directory, else from the checkout."""
    return Path(path) if Path(path).exists() else CHECKOUT / path


def _holds(content: Any, place: Sequence[Any]) -> bool:
    for key in place:
        try:
            content = content[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _cross_check(config: Config, source: Any) -> list[str]:
    problems = [
        f'{source(["run"])}: run: there is no study "{name}".{nearest(name, config.studies)}'
        for name in config.run
        if name not in config.studies
    ]
    for name, study in config.studies.items():
        file = source(["studies", name])
        problems += [
            f'{file}: studies.{name}.datasets: there is no dataset "{dataset}".{nearest(dataset, config.datasets)}'
            for dataset in study.datasets
            if dataset not in config.datasets
        ]
        if name in config.run:
            problems += [_crop_problem(config, dataset, source) for dataset in study.datasets]
        for key in ("datasets", "seeds", "only"):
            values = getattr(study, key) or []
            twice = sorted({value for value in values if values.count(value) > 1}, key=str)
            problems += [f"{file}: studies.{name}.{key}: {value} is listed twice" for value in twice]
    return [problem for problem in problems if problem]


def _crop_problem(config: Config, dataset: str, source: Any) -> str:
    """What is wrong if training would cut more out of the patches of a dataset than they have, else empty."""
    settings, crop = config.datasets.get(dataset), config.augmentation.volumes.crop
    if getattr(settings, "kind", "") != "volumes" or crop is None or crop <= settings.preprocessing.crop.size:
        return ""
    return (
        f"{source(['datasets', dataset])}: augmentation.volumes.crop is {crop}, more than the patches of {dataset} "
        f"have: {settings.preprocessing.crop.size}"
    )


def _study(name: str, config: Config, source: Any) -> Study:
    settings = config.studies[name]
    conditions = read_conditions(find_file(settings.conditions), list(LOSSES), list(SAMPLINGS))
    for condition in conditions.values():
        try:
            check_arguments(condition.kwargs)
        except UserError as problem:
            raise UserError(f'{settings.conditions}: condition "{condition.name}": {problem}') from None
    for condition in settings.only or []:
        if condition not in conditions:
            raise UserError(
                f'{source(["studies", name, "only"])}: studies.{name}.only: there is no condition "{condition}" in '
                f"{settings.conditions}.{nearest(condition, conditions)}"
            )

    def with_changes(key: str) -> Any:
        base = getattr(config, key)
        place = ["studies", name, key]
        merged = base.model_dump() | getattr(settings, key)
        return validate(type(base), merged, lambda inner: f"{source([*place, *inner])}: {'.'.join(place)}")

    return Study(
        name=name,
        settings=settings,
        conditions={key: conditions[key] for key in settings.only or conditions},
        training=with_changes("training"),
        model=with_changes("model"),
    )
