"""The whole configuration of the workflow: what may stand in it, and what must fit together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from imbalance_aware.conditions import Condition, read_conditions
from imbalance_aware.config_sources import Sources
from imbalance_aware.errors import UserError
from imbalance_aware.loss_checks import Trial, try_losses
from imbalance_aware.losses import LOSSES
from imbalance_aware.losses.arguments import check_arguments
from imbalance_aware.names import Name
from imbalance_aware.paths import find_path
from imbalance_aware.runs.settings import (
    Augmentation2D,
    Augmentation3D,
    ConditionSettings,
    ModelSettings,
    RunSettings,
    TrainingSettings,
    unfit,
)
from imbalance_aware.schema import Strict, nearest, validate
from imbalance_aware.sources.settings import DatasetSettings
from imbalance_aware.training.sampling import SAMPLERS

CHECKOUT = Path(__file__).resolve().parents[2]


#: What generators of random numbers take.
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class AugmentationSettings(Strict):
    """Random changes of the training images, for photographs and for volumes."""

    images: Augmentation2D = Field(Augmentation2D(), description="photographs")
    volumes: Augmentation3D = Field(Augmentation3D(), description="volumes")


class StudySettings(Strict):
    """A study: every condition, on every dataset, with every seed."""

    datasets: list[str] = Field(min_length=1, description="names below `datasets`")
    conditions: str = Field("config/conditions.tsv", description="table of conditions")
    only: list[str] | None = Field(None, description="names in that table; left out: all of them")
    seeds: list[Seed] = Field(min_length=1, description="each run's seed: initial weights, batches, augmentation")
    published: bool = Field(False, description="whether the paper's values may stand beside these results")
    training: dict[str, Any] = Field({}, description="keys of `training` that differ in this study")
    model: dict[str, Any] = Field({}, description="keys of `model` that differ in this study")


class Config(Strict):
    """Everything that ``config/*.yaml`` may say."""

    run: list[str] = Field(min_length=1, description="names of the studies to run")
    datasets: dict[Name, DatasetSettings] = Field(description="sources of images, by name")
    studies: dict[Name, StudySettings] = Field(description="studies, by name")
    model: ModelSettings = Field(ModelSettings(), description="the network")
    training: TrainingSettings = Field(TrainingSettings(), description="the optimisation")
    augmentation: AugmentationSettings = Field(AugmentationSettings(), description="random changes of training images")


@dataclass(frozen=True)
class Study:
    """A study with all that its runs need, resolved and checked.

    Attributes:
        name: of the study.
        settings: as the configuration has them.
        conditions: those that it compares, by name.
        training: the shared settings with the study's own.
        model: the same.
        misfits: what is wrong with it on its datasets; of no concern until it is to run.
    """

    name: str
    settings: StudySettings
    conditions: dict[str, Condition]
    training: TrainingSettings
    model: ModelSettings
    misfits: tuple[str, ...] = ()


def read_config(
    merged: Mapping[str, Any], files: Sequence[str | Path], command_line: Mapping[str, Any] | None = None
) -> tuple[Config, dict[str, Study]]:
    """Check a merged configuration and resolve all its studies, those to run and the others.

    Args:
        merged: the configuration after all files and command-line values were merged.
        files: the files it was merged from, later ones winning; only to tell where a wrong key is.
        command_line: the values given on the command line, for the same purpose.

    Raises:
        UserError: one line for every problem found, naming the file, the line and the place.
    """
    sources = Sources(files, command_line)
    config = validate(Config, merged, sources.of)
    problems = _cross_check(config, sources)
    studies = {}
    for name in config.studies:
        try:
            studies[name] = _study(name, config, sources)
        except UserError as error:
            problems += str(error).splitlines()
    problems += [misfit for name in config.run if name in studies for misfit in studies[name].misfits]
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    return config, studies


def check_losses(config: Config, studies: Mapping[str, Study]) -> None:
    """Try the losses of every condition with its arguments, on as many classes as each dataset has.

    Raises:
        UserError: one line for every loss that cannot be used.
    """
    try_losses(_trials(config, studies))


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
    found = find_path(path)
    return found if found.exists() else find_path(path, CHECKOUT)


def _cross_check(config: Config, sources: Sources) -> list[str]:
    """What does not fit together, but for what a dataset and training ask of each other."""
    problems = [
        f'{sources.of(["run", index])}: run: there is no study "{name}".{nearest(name, config.studies)}'
        for index, name in enumerate(config.run)
        if name not in config.studies
    ]
    for name, study in config.studies.items():
        place = ["studies", name, "datasets"]
        problems += [
            f'{sources.of([*place, index])}: {".".join(place)}: there is no dataset "{dataset}".'
            f"{nearest(dataset, config.datasets)}"
            for index, dataset in enumerate(study.datasets)
            if dataset not in config.datasets
        ]
        for key in ("datasets", "seeds", "only"):
            problems += _listed_twice(["studies", name, key], getattr(study, key) or [], sources)
    return problems + _listed_twice(["run"], config.run, sources)


def _listed_twice(place: list[str], values: Sequence[Any], sources: Sources) -> list[str]:
    twice = [index for index, value in enumerate(values) if value in values[:index]]
    return [f"{sources.of([*place, index])}: {'.'.join(place)}: {values[index]} is listed twice" for index in twice]


def _study(name: str, config: Config, sources: Sources) -> Study:
    settings, place = config.studies[name], ["studies", name]
    table = find_file(settings.conditions)
    if not table.exists():
        where = sources.of([*place, "conditions"])
        raise UserError(f"{where}: studies.{name}.conditions: {settings.conditions}: no such table of conditions")
    conditions = read_conditions(table, list(LOSSES), list(SAMPLERS))
    for condition in conditions.values():
        try:
            check_arguments(condition.kwargs)
        except UserError as problem:
            raise UserError(f"{_place_of(settings, condition)}: {problem}") from None
    for index, chosen in enumerate(settings.only or []):
        if chosen not in conditions:
            raise UserError(
                f'{sources.of([*place, "only", index])}: studies.{name}.only: there is no condition "{chosen}" in '
                f"{settings.conditions}.{nearest(chosen, conditions)}"
            )

    def with_changes(key: str) -> Any:
        base, changes = getattr(config, key), getattr(settings, key)
        merged = ({} if _another_network(base, changes) else base.model_dump()) | changes
        prefix = ".".join([*place, key])
        return validate(type(base), merged, lambda inner: f"{sources.of([*place, key, *inner])}: {prefix}")

    return Study(
        name=name,
        settings=settings,
        conditions={key: conditions[key] for key in settings.only or conditions},
        training=with_changes("training"),
        model=with_changes("model"),
        misfits=tuple(_misfits(settings, config, sources)),
    )


def _another_network(base: Any, changes: Mapping[str, Any]) -> bool:
    """Whether a study takes another network than the base: what shapes that is then no concern of the study."""
    return isinstance(base, ModelSettings) and changes.get("network", base.network) != base.network


def _misfits(study: StudySettings, config: Config, sources: Sources) -> Iterator[str]:
    """Changes of training images that are not possible on images of a dataset's size."""
    for dataset in study.datasets:
        if dataset in config.datasets:
            settings = config.datasets[dataset]
            problem = unfit(getattr(config.augmentation, settings.kind), settings.training_shape)
            if problem is not None:
                place = ("augmentation", settings.kind, problem.key)
                yield f"{sources.of(place)}: {'.'.join(place)} {problem.message} (dataset {dataset})"


def _trials(config: Config, studies: Mapping[str, Study]) -> Iterator[Trial]:
    classes = cache(lambda dataset: _class_count(config.datasets[dataset]))
    for study in studies.values():
        for condition in study.conditions.values():
            for loss, kwargs in condition.kwargs.items():
                for dataset in study.settings.datasets if kwargs else []:
                    yield Trial(_place_of(study.settings, condition), loss, kwargs, classes(dataset))


def _place_of(settings: StudySettings, condition: Condition) -> str:
    return f'{settings.conditions}, line {condition.line}: condition "{condition.name}"'


def _class_count(settings: Any) -> int | None:
    """Number of classes of a dataset: as its settings say, else as its table does; None if that cannot be read."""
    if settings.classes is not None:
        return len(settings.classes)
    try:
        return len(settings.listed_classes())
    except UserError:  # said when the dataset is needed
        return None
