"""Settings of the split of a dataset, and of the treatment of duplicated images."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from imbalance_aware.errors import UserError
from imbalance_aware.schema import Strict, misfit, models_in

Seed = Annotated[int, Field(ge=0, lt=2**63)]

#: Keys of earlier versions -> their name below `split`.
FORMER = {"split_seed": "seed", "test_fraction": "test_fraction", "test_cohorts": "test_cohorts"}


class WithValidation(Strict):
    """What every method of splitting has."""

    cross_validates: ClassVar[bool] = False

    validation: float = Field(
        0,
        ge=0,
        lt=1,
        description=(
            "fraction of the training part held out for validation, with whole groups, stratified by class; 0: "
            "no validation part"
        ),
    )


class Given(WithValidation):
    """A method that draws nothing but the validation part."""

    seed: Seed | None = Field(None, description="random seed of the validation part; default: 0")

    @model_validator(mode="after")
    def _seed_draws(self) -> "Given":
        if self.seed is not None and not self.validation:
            raise misfit(["seed"], f"nothing is drawn by `method: {self.model_dump()['method']}` without `validation`")
        return self


class Drawn(WithValidation):
    """A method that draws the parts."""

    seed: Seed = Field(0, description="random seed of the split")


class Authors(Given):
    """The split that the authors of the data published."""

    method: Literal["authors"] = "authors"


class Table(Given):
    """The split given in the user's table: in a column `split` (train, validation, test) or in a column `fold`.

    A column `fold` names the fold that tests each subject: the dataset is then cross-validated.
    """

    method: Literal["table"] = "table"


class Cohorts(Given):
    """Some cohorts are the test set; the others are used for training."""

    method: Literal["cohorts"] = "cohorts"
    test_cohorts: tuple[str, ...] = Field(min_length=1, description="names of the test cohorts")


class Random(Drawn):
    """A random test set with whole groups, stratified by class."""

    method: Literal["random"] = "random"
    test_fraction: float = Field(
        0.25,
        gt=0,
        lt=1,
        description=(
            "fraction of each class in the test set: of its samples and, if samples are grouped, of its groups "
            "(patients)"
        ),
    )


class Folds(Drawn):
    """Cross-validation: each subject is tested once per repeat, by a model that was not trained on its group."""

    cross_validates: ClassVar[bool] = True

    method: Literal["folds"] = "folds"
    folds: int = Field(5, ge=2, le=1000, description="number of folds; each class needs as many groups (patients)")
    repeats: int = Field(
        1, ge=1, le=1000, description="number of times that the folds are drawn; increasing it keeps existing repeats"
    )


class LeaveOneCohortOut(Given):
    """Cross-validation in which each cohort is tested once, by a model trained on the other cohorts."""

    cross_validates: ClassVar[bool] = True

    method: Literal["leave_one_cohort_out"] = "leave_one_cohort_out"


@dataclass(frozen=True)
class CrossValidation:
    """How many models test a dataset: each of ``folds`` in each of ``repeats``."""

    folds: int
    repeats: int = 1


def any_method(*methods: type[WithValidation]) -> Any:
    """The type of a source's key `split`: one of ``methods``, or the word alone of one that needs no further key."""
    words = [method_of(model) for model in methods if not any(f.is_required() for f in model.model_fields.values())]
    union: Any = Annotated[reduce(or_, methods), Field(discriminator="method")]
    short: Any = Literal.__getitem__(tuple(words))
    return Annotated[union, BeforeValidator(_spelled_out, json_schema_input_type=short | union)]


def method_of(model: type[WithValidation]) -> str:
    """The word by which the configuration names a method."""
    return str(get_args(model.model_fields["method"].annotation)[0])


def _spelled_out(value: Any) -> Any:
    if isinstance(value, str):
        return {"method": value}
    if isinstance(value, Mapping | BaseModel):
        return value
    raise ValueError("expected a method, such as random, or `{method: random}` with further keys")


if TYPE_CHECKING:  # types that are made from a table are none that a checker can read
    DrawnSplit = Any
    AuthorsSplit = Any
    CohortsSplit = Any
    TableSplit = Any
else:
    DrawnSplit = any_method(Random, Folds)
    AuthorsSplit = any_method(Authors, Random, Folds)
    CohortsSplit = any_method(Cohorts, Random, Folds, LeaveOneCohortOut)
    TableSplit = any_method(Table, Cohorts, Random, Folds, LeaveOneCohortOut)

#: What the manual says of every `split`.
SPLIT = "how training and test data are split: a method, or `{method: …}` with its keys"


class SplitSettings(Strict):
    """How a dataset is split, and what becomes of images that are in it twice.

    Raises:
        TypeError: a subclass accepts `split: leave_one_cohort_out` and is not based on `WithCohorts`.
    """

    split: DrawnSplit = Field(Random(), description=SPLIT)
    conflicts: Literal["keep", "drop"] = Field(
        "keep",
        description=(
            "treatment of training samples whose pixels or voxels also occur in the dataset under another class: "
            "keep them, or drop them from training"
        ),
    )
    leakage: Literal["warn", "refuse"] = Field(
        "warn",
        description=(
            "warning or error if a given split has a group (patient) or identical images in several parts, or if "
            "two groups have identical images"
        ),
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        if LeaveOneCohortOut in models_in(cls.model_fields["split"].annotation) and not issubclass(cls, WithCohorts):
            raise TypeError(
                f"{cls.__module__}.{cls.__qualname__} accepts `split: {method_of(LeaveOneCohortOut)}`: base it on "
                f"{WithCohorts.__module__}.{WithCohorts.__qualname__}, and define `cohort_names`"
            )

    @model_validator(mode="before")
    @classmethod
    def _no_former_keys(cls, content: Any) -> Any:
        if isinstance(content, Mapping):
            for key in FORMER:
                if key in content:
                    raise misfit([key], f"is now a key of `split`: write `split: {{{_new_spelling(content)}}}`")
        return content

    def chosen_split(self) -> Any:
        """The method and its keys, where the settings leave it to the source's table too.

        Raises:
            UserError: that table cannot be read.
        """
        return self.split

    def cross_validation(self) -> CrossValidation | None:
        """How many folds and repeats there are; None for a dataset with one fixed split.

        Raises:
            UserError: a table that decides it cannot be read, or has a single cohort or fold.
        """
        split = self.chosen_split()
        return CrossValidation(split.folds, split.repeats) if isinstance(split, Folds) else None

    def has_validation(self) -> bool:
        """Whether some training samples are set aside for validation.

        Raises:
            UserError: a table that decides it cannot be read.
        """
        return self.chosen_split().validation > 0

    def split_for_cohort(self) -> dict[str, Any] | None:
        """What the cohort table depends on: how folds are drawn, and how often, is no part of it."""
        if self.split is None:
            return None
        return self.split.model_dump(mode="json", include={"method", "folds"} if self.split.cross_validates else None)

    def for_folds(self) -> dict[str, Any]:
        """The settings on which one repeat's folds depend, to be passed to the step ``folds``.

        Raises:
            UserError: the dataset has a fixed split.
        """
        cross_validation = self.cross_validation()
        if cross_validation is None:
            raise UserError(
                f"`split: {self.chosen_split().method}` gives one fixed split and therefore no folds; methods with "
                "folds are `folds`, `leave_one_cohort_out`, and `table` with a column fold"
            )
        return {
            "split": self.chosen_split().model_dump(mode="json", exclude={"repeats"}),
            "folds": cross_validation.folds,
            "conflicts": self.conflicts,
        }


class WithCohorts(SplitSettings):
    """Base of the settings of a source that has cohorts, each of which can be the test set."""

    @abstractmethod
    def cohort_names(self) -> Sequence[str]:
        """Names of all cohorts.

        Raises:
            UserError: a table that lists them cannot be read.
        """

    def cross_validation(self) -> CrossValidation | None:
        """How many folds and repeats there are; None for a dataset with one fixed split.

        Raises:
            UserError: a table that decides it cannot be read, or has a single cohort or fold.
        """
        split = self.chosen_split()
        if not isinstance(split, LeaveOneCohortOut):
            return super().cross_validation()
        names = self.cohort_names()
        if len(names) < 2:
            there = ", ".join(names) or "none"
            raise UserError(f"`split: {split.method}` needs at least two cohorts; there is {there}")
        return CrossValidation(len(names))


def _new_spelling(content: Mapping[str, Any]) -> str:
    """What the keys of earlier versions mean now: the inside of the mapping `split`."""
    split = content.get("split")
    given = dict(split) if isinstance(split, Mapping) else {"method": split} if isinstance(split, str) else {}
    moved = {new: content[old] for old, new in FORMER.items() if content.get(old) not in (None, [], ())}
    method = given.pop("method", "cohorts" if "test_cohorts" in moved else "random")
    if method != "random":
        moved = {key: value for key, value in moved.items() if key == "test_cohorts" and method == "cohorts"}
    parts = {"method": method} | given | moved
    return ", ".join(f"{key}: {_as_yaml(value)}" for key, value in parts.items())


def _as_yaml(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list | tuple) else str(value)
