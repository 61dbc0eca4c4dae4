"""The configuration of the workflow: its keys, and checks across datasets, studies and conditions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from imbalance_aware.conditions import Condition, read_conditions, with_rival
from imbalance_aware.config_merge import with_one_method
from imbalance_aware.config_sources import Sources
from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.settings import EvaluationSettings
from imbalance_aware.loss_checks import Trial, try_losses
from imbalance_aware.losses import LOSSES
from imbalance_aware.losses.arguments import check_arguments
from imbalance_aware.models.build import unfit_dimensions
from imbalance_aware.names import Name
from imbalance_aware.network_checks import Trial as NetworkTrial
from imbalance_aware.network_checks import try_networks
from imbalance_aware.paths import find_path
from imbalance_aware.reporting.labels import PAPER_DATASETS
from imbalance_aware.rivals.catalogue import RIVALS
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


#: Seeds that random number generators accept.
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class AugmentationSettings(Strict):
    """Random augmentation of the training images, for photographs and for volumes."""

    images: Augmentation2D = Field(Augmentation2D(), description="photographs")
    volumes: Augmentation3D = Field(Augmentation3D(), description="volumes")


class RivalSettings(Strict):
    """Classifiers that work on the features of networks which the study trains anyway."""

    methods: list[Literal[*RIVALS]] = Field(  # type: ignore[valid-type]  # names of a table
        min_length=1, description="; ".join(f"`{name}`: {rival.meaning}" for name, rival in RIVALS.items())
    )
    of: list[str] = Field(
        [], description="conditions of the study whose networks they use; left out: the baseline alone"
    )


class StudySettings(Strict):
    """A study: every condition, on every dataset, with every seed."""

    datasets: list[str] = Field(min_length=1, description="names of entries in `datasets`")
    conditions: str = Field("config/conditions.tsv", description="table of conditions")
    only: list[str] | None = Field(None, description="names of conditions in that table; default: all")
    seeds: list[Seed] = Field(min_length=1, description="each run's seed: initial weights, batches, augmentation")
    published: bool = Field(False, description="whether tables and figures also show the paper's values")
    paper_datasets: dict[str, Literal[*PAPER_DATASETS]] = Field(  # type: ignore[valid-type]  # names of a table
        {},
        description=(
            "dataset here -> `glioma` or `glaucoma`, the dataset of the paper that it replaces in the table of "
            "the paper's claims; default with `published: true`: datasets with the same name"
        ),
    )
    rivals: RivalSettings | None = Field(
        None,
        description="classifiers on the features of trained networks, each a further condition such as "
        "`ce-uniform+crt` that costs seconds (docs/rivals.md); left out: none",
    )
    training: dict[str, Any] = Field({}, description="keys of `training` that differ in this study")
    model: dict[str, Any] = Field({}, description="keys of `model` that differ in this study")

    @property
    def recomputes_claims(self) -> bool:
        """Whether the paper's claims are recomputed from its runs."""
        return self.published or bool(self.paper_datasets)

    def stand_ins(self) -> dict[str, str]:
        """Datasets of the study -> the dataset of the paper that each takes the place of."""
        if self.paper_datasets or not self.published:
            return dict(self.paper_datasets)
        return {name: name for name in self.datasets if name in PAPER_DATASETS}


class Config(Strict):
    """All keys of ``config/*.yaml``."""

    run: list[str] = Field(min_length=1, description="names of the studies to run")
    datasets: dict[Name, DatasetSettings] = Field(description="datasets, by name")
    studies: dict[Name, StudySettings] = Field(description="studies, by name")
    model: ModelSettings = Field(ModelSettings(), description="the network")
    training: TrainingSettings = Field(TrainingSettings(), description="the optimisation")
    augmentation: AugmentationSettings = Field(
        AugmentationSettings(), description="random augmentation of training images"
    )
    evaluation: EvaluationSettings = Field(
        EvaluationSettings(), description="declared metric, baseline and equivalence margin"
    )
    container: str | None = Field(
        None,
        description=(
            "container image for jobs with `--sdm apptainer`: a file, such as one built from "
            "`containers/imbalance_aware.def`, or a URL; by default, jobs run without containers"
        ),
    )


@dataclass(frozen=True)
class Study:
    """A study with all that its runs need, resolved and checked.

    Attributes:
        name: of the study.
        settings: as the configuration has them.
        conditions: those that it compares, by name; rivals come after those that are trained.
        training: the shared settings with the study's own.
        model: the same.
        validation_metrics: name of a dataset -> the metric of its validation part; datasets without one are left out.
        baseline: the condition that the others are compared with: `evaluation.baseline`, or else the first.
        misfits: what is wrong with it on its datasets; of no concern until it is to run.
    """

    name: str
    settings: StudySettings
    conditions: dict[str, Condition]
    training: TrainingSettings
    model: ModelSettings
    validation_metrics: Mapping[str, str]
    baseline: str
    misfits: tuple[str, ...] = ()

    @property
    def trained(self) -> dict[str, Condition]:
        """The conditions that networks are trained for: all but the rivals."""
        return {name: condition for name, condition in self.conditions.items() if not condition.rival}


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
    config = validate(Config, with_one_method(merged, sources), sources.of)
    problems = _cross_check(config, sources)
    metrics = {name: config.evaluation.primary for name, dataset in config.datasets.items() if has_validation(dataset)}
    studies = {}
    for name in config.studies:
        try:
            studies[name] = _study(name, config, metrics, sources)
        except UserError as error:
            problems += str(error).splitlines()
    problems += _unknown_baseline(config, studies, sources)
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


def check_networks(config: Config, studies: Mapping[str, Study], elsewhere: bool = False) -> None:
    """Try the network of every study that is to run, on images of the size, channels and classes of its datasets.

    Args:
        config: checked.
        studies: of the configuration.
        elsewhere: whether training runs in an environment of its own.

    Raises:
        UserError: one line for every network that cannot be used.
    """
    try_networks(_network_trials(config, studies), elsewhere)


def has_validation(dataset: Any) -> bool:
    """Whether the settings of a dataset, or the table that they name, give it a validation part."""
    try:
        return dataset.has_validation()
    except UserError:  # a table that cannot be read; said when the dataset is needed
        return False


def run_settings(study: Study, condition: str, dataset: str, config: Config) -> RunSettings:
    """All that shapes one training run of a study on a dataset, except its data and seed."""
    images, training = config.datasets[dataset], study.training
    metric = study.validation_metrics.get(dataset)
    if metric is None:  # how often nothing is looked at shapes no run
        training = training.model_copy(update={"validate_every": TrainingSettings().validate_every})
    row = study.conditions[condition]
    return RunSettings(
        condition=ConditionSettings(loss=row.terms, kwargs=row.kwargs, sampling=row.sampling, weighted=row.weighted),
        model=study.model,
        training=training,
        augmentation=getattr(config.augmentation, images.kind),
        max_value=getattr(images, "max_value", None),
        validation_metric=metric,
    )


def find_file(path: str) -> Path:
    """A file of the configuration: as written from the working directory, else from the checkout."""
    found = find_path(path)
    return found if found.exists() else find_path(path, CHECKOUT)


def _cross_check(config: Config, sources: Sources) -> list[str]:
    """Inconsistencies of the configuration, except between a dataset and training."""
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
        place = ["studies", name, "paper_datasets"]
        problems += [
            f'{sources.of([*place, dataset])}: {".".join(place)}: the study has no dataset "{dataset}".'
            f"{nearest(dataset, study.datasets)}"
            for dataset in study.paper_datasets
            if dataset not in study.datasets
        ]
        for key in ("datasets", "seeds", "only"):
            problems += _listed_twice(["studies", name, key], getattr(study, key) or [], sources)
        if study.rivals is not None:
            for key in ("methods", "of"):
                problems += _listed_twice(["studies", name, "rivals", key], getattr(study.rivals, key), sources)
    return problems + _listed_twice(["run"], config.run, sources)


def _listed_twice(place: list[str], values: Sequence[Any], sources: Sources) -> list[str]:
    twice = [index for index, value in enumerate(values) if value in values[:index]]
    return [f"{sources.of([*place, index])}: {'.'.join(place)}: {values[index]} is listed twice" for index in twice]


def _unknown_baseline(config: Config, studies: Mapping[str, Study], sources: Sources) -> list[str]:
    """What is wrong with a baseline that was chosen, and that no study which is to run has."""
    baseline, place = config.evaluation.baseline, ("evaluation", "baseline")
    known = [condition for name in config.run if name in studies for condition in studies[name].trained]
    if "baseline" not in config.evaluation.model_fields_set or not known or baseline in known:
        return []
    return [
        f'{sources.of(place)}: evaluation.baseline: no study has a condition "{baseline}".'
        f"{nearest(baseline, dict.fromkeys(known))}"
    ]


def _study(name: str, config: Config, validation_metrics: Mapping[str, str], sources: Sources) -> Study:
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

    training, compared = with_changes("training"), {key: conditions[key] for key in settings.only or conditions}
    model = with_changes("model")
    baseline = config.evaluation.baseline if config.evaluation.baseline in compared else next(iter(compared), "")
    misfits = [*_misfits(settings, config, sources), *_network_misfits(name, model, config, sources)]
    if training.select == "best":
        misfits += _without_validation(name, config, validation_metrics, sources)
    return Study(
        name=name,
        settings=settings,
        conditions=compared | _rivals(name, settings, compared, baseline, sources),
        training=training,
        model=model,
        validation_metrics=validation_metrics,
        baseline=baseline,
        misfits=tuple(misfits),
    )


def _rivals(
    name: str, settings: StudySettings, trained: Mapping[str, Condition], baseline: str, sources: Sources
) -> dict[str, Condition]:
    """The conditions of the rivals of a study.

    Raises:
        UserError: they are to use networks of a condition that the study does not train.
    """
    if settings.rivals is None:
        return {}
    for index, chosen in enumerate(settings.rivals.of):
        if chosen not in trained:
            place = ["studies", name, "rivals", "of"]
            raise UserError(
                f'{sources.of([*place, index])}: {".".join(place)}: the study trains no condition "{chosen}".'
                f"{nearest(chosen, trained)}"
            )
    of = [trained[chosen] for chosen in settings.rivals.of or [baseline]]
    conditions = [with_rival(condition, method) for condition in of for method in settings.rivals.methods]
    return {condition.name: condition for condition in conditions}


def _another_network(base: Any, changes: Mapping[str, Any]) -> bool:
    """Whether a study has another network than the base; the base's network keys then do not apply to it."""
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


def _network_misfits(name: str, model: ModelSettings, config: Config, sources: Sources) -> Iterator[str]:
    """A network that takes no images with the axes of a dataset's, or weights without a file."""
    study = config.studies[name]
    base = f"studies.{name}.model" if study.model else "model"
    for dataset in study.datasets:
        if dataset in config.datasets:
            problem = unfit_dimensions(model.network, len(config.datasets[dataset].training_shape))
            if problem is not None:
                yield f"{sources.of([*base.split('.'), 'network'])}: {base}.network: {problem} (dataset {dataset})"
    if model.weights is not None and not model.weights.path:
        yield f"{sources.of([*base.split('.'), 'weights'])}: {base}.weights: the key path is missing"


def _without_validation(
    name: str, config: Config, validation_metrics: Mapping[str, str], sources: Sources
) -> Iterator[str]:
    """Datasets of a study that keeps the best epoch, but have no validation part to choose it by."""
    study = config.studies[name]
    key = f"studies.{name}.training.select" if "select" in study.training else "training.select"
    for dataset in study.datasets:
        if dataset in config.datasets and dataset not in validation_metrics:
            yield (
                f"{sources.of(key.split('.'))}: {key}: best needs a validation part, and the dataset {dataset} has "
                f"none; add `validation: 0.15` to datasets.{dataset}.split, or set select: last"
            )


def _trials(config: Config, studies: Mapping[str, Study]) -> Iterator[Trial]:
    classes = cache(lambda dataset: _class_count(config.datasets[dataset]))
    for study in studies.values():
        for condition in study.trained.values():
            for loss, kwargs in condition.kwargs.items():
                for dataset in study.settings.datasets if kwargs else []:
                    yield Trial(_place_of(study.settings, condition), loss, kwargs, classes(dataset))


def _network_trials(config: Config, studies: Mapping[str, Study]) -> Iterator[NetworkTrial]:
    for name in config.run:
        study = studies[name]
        for dataset in study.settings.datasets:
            settings = config.datasets[dataset]
            crop = getattr(config.augmentation, settings.kind).crop
            shape = settings.training_shape if crop is None else (crop,) * len(settings.training_shape)
            place = f"studies.{name}, dataset {dataset}"
            classes = _class_count(settings) or 2
            yield NetworkTrial(place, study.model, settings.training_channels, shape, classes)


def _place_of(settings: StudySettings, condition: Condition) -> str:
    return f'{settings.conditions}, line {condition.line}: condition "{condition.name}"'


def _class_count(settings: Any) -> int | None:
    """Number of classes of a dataset: as its settings say, else as its table does; None if that cannot be read."""
    if settings.classes is not None:
        return len(settings.classes)
    try:
        return len(settings.listed_classes())
    except UserError:  # reported when the dataset is needed
        return None
