"""The grid of a tuned study: which values of which settings are tried for each condition, and what to call a trial.

A value is named by its place in the settings of a run: ``training.learning_rate``, or the name of a loss and one of its
arguments, ``focal.gamma``.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from imbalance_aware.conditions import Condition
from imbalance_aware.errors import UserError
from imbalance_aware.losses import LOSSES
from imbalance_aware.losses.arguments import check_arguments, parameters_of
from imbalance_aware.names import PATTERN
from imbalance_aware.runs.settings import TrainingSettings
from imbalance_aware.schema import NUMBER, WHOLE_NUMBER, nearest, validate

#: Keys of `tune` that are no loss: values for every condition, and how many trials each gets at most.
COMMON, TRIALS = "common", "trials"
TRAINING = "training"
#: Name of the only trial of a condition that has nothing to choose.
AS_GIVEN = "as_given"
#: Settings of training that are not chosen -> why.
NOT_CHOSEN = {
    "batch_size": "is that of the whole study in every table; compare batch sizes as studies of their own",
    "select": "says how the validation part is used; set it for the study",
    "validate_every": "says how often the validation part is looked at; set it for the study",
    **dict.fromkeys(
        ("device", "precision", "deterministic", "compile", "capture", "training_predictions"),
        "is no hyperparameter: it says how runs are computed or what they write",
    ),
}

#: Place below `tune` -> the file and line of it.
Where = Callable[[Sequence[Any]], str]


@dataclass(frozen=True)
class Point:
    """One combination of values.

    Attributes:
        values: place in the settings -> value, such as ``{"training.learning_rate": 0.001, "focal.gamma": 2}``.
    """

    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Folder of its trial: ``learning_rate-0.001_focal.gamma-2``; a digest of values that are no folder's name.

        It depends on the values alone, not on their order, so that a trial keeps its folder when the grid grows.
        """
        keys = sorted(self.values, key=lambda key: (not key.startswith(f"{TRAINING}."), key))
        parts = [f"{key.removeprefix(f'{TRAINING}.')}-{_text(self.values[key])}" for key in keys]
        name = "_".join(parts) or AS_GIVEN
        return name if re.fullmatch(PATTERN, name) else f"values-{_digest(name)[:12]}"


@dataclass(frozen=True)
class Grid:
    """What `tune` declares.

    Attributes:
        common: for every condition, combinations of settings of training.
        losses: name of a loss -> its combinations of arguments.
        trials: how many combinations a condition gets at most; None: all.
    """

    common: Sequence[Mapping[str, Any]]
    losses: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    trials: int | None = None

    def of(self, condition: Condition) -> tuple[Point, ...]:
        """The trials of a condition: `common` times the grids of its losses, in the order declared."""
        grids = [self.common, *(self.losses[loss] for loss in condition.terms if loss in self.losses)]
        points = [
            Point({key: value for part in parts for key, value in part.items()})
            for parts in product(*(grid for grid in grids if grid))
        ]
        return tuple(points if self.trials is None else drawn(points, self.trials))


def drawn(points: Sequence[Point], number: int) -> list[Point]:
    """``number`` of the points, or all, in their order: those whose names have the smallest SHA-256.

    That is a random choice without a seed: the same for everyone, and most points stay when values are added.
    """
    names = sorted((point.name for point in points), key=_digest)
    kept = {*names[:number]}
    return [point for point in points if point.name in kept]


def read_grid(
    tune: Mapping[str, Any], training: TrainingSettings, conditions: Iterable[Condition], place: str, where: Where
) -> Grid:
    """The grid that a study declares, with every value checked and as a run has it.

    Args:
        tune: as the configuration has it.
        training: the study's settings.
        conditions: those that it trains.
        place: of ``tune`` in the configuration, for messages.
        where: file and line of a value below ``tune``.

    Raises:
        UserError: one line for every problem.
    """
    problems: list[str] = []

    def refuse(below: Sequence[Any], message: str) -> None:
        problems.append(f"{where(below)}: {'.'.join([place, *map(str, below)])}: {message}")

    used = dict.fromkeys(loss for condition in conditions for loss in condition.terms)
    declared: dict[str, Mapping[str, Sequence[Any]]] = {}
    for group, values in tune.items():
        if group == TRIALS:
            if isinstance(values, bool) or not WHOLE_NUMBER.fullmatch(str(values)) or int(values) < 1:
                refuse([group], f"expected a whole number of at least 1 (got {values!r})")
        elif group != COMMON and group not in LOSSES:
            refuse([group], f'there is no loss "{group}".{nearest(str(group), [COMMON, TRIALS, *LOSSES])}')
        elif group != COMMON and group not in used:
            refuse([group], f'no condition of the study has the loss "{group}".{nearest(group, used)}')
        elif not isinstance(values, Mapping) or not values:
            refuse([group], f"expected keys, each with a list of values (got {values!r})")
        elif lists := _lists(group, values, refuse):
            declared[group] = lists
    if not problems and not declared:
        problems.append(f"{where([])}: {place}: names no values to choose from; give it common, or a loss")
    if problems:
        raise UserError("\n".join(problems))
    common = _training(declared.get(COMMON, {}), training, place, where)
    losses = {loss: _arguments(loss, declared[loss], refuse) for loss in declared if loss != COMMON}
    for group, points in ((COMMON, common), *losses.items()):
        names = [Point(values).name for values in points]
        for twice in dict.fromkeys(name for name in names if names.count(name) > 1):
            refuse([group], f"a value is listed twice ({twice})")
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    return Grid(common, losses, int(tune[TRIALS]) if TRIALS in tune else None)


def _lists(
    group: str, values: Mapping[str, Any], refuse: Callable[[Sequence[Any], str], None]
) -> dict[str, Sequence[Any]]:
    """The lists of values of a group, with known keys."""
    known = {f"{TRAINING}.{key}" for key in TrainingSettings.model_fields if key not in NOT_CHOSEN}
    lists: dict[str, Sequence[Any]] = {}
    for key, tried in values.items():
        setting = str(key).removeprefix(f"{TRAINING}.")
        if group == COMMON and key not in known:
            if setting in NOT_CHOSEN:
                refuse([group, key], f"{setting} {NOT_CHOSEN[setting]}")
            else:
                refuse([group, key], f'"{key}" is no setting of training.{nearest(str(key), sorted(known))}')
        elif not isinstance(tried, list) or not tried:
            refuse([group, key], f"expected a list of values, such as [1, 2] (got {tried!r})")
        else:
            lists[str(key)] = tried
    return lists


def _training(
    lists: Mapping[str, Sequence[Any]], base: TrainingSettings, place: str, where: Where
) -> list[dict[str, Any]]:
    """Every combination of settings of training, checked together with the study's others."""
    fields = [key.removeprefix(f"{TRAINING}.") for key in lists]

    def source(below: Sequence[Any]) -> str:
        key = f"{TRAINING}.{below[0]}" if below else ""
        return f"{where([COMMON, *([key] if key in lists else [])])}: {place}.{COMMON}.{TRAINING}"

    points, problems = [], []
    for values in product(*lists.values()):
        try:
            settings = validate(TrainingSettings, base.model_dump() | dict(zip(fields, values, strict=True)), source)
        except UserError as error:
            problems += str(error).splitlines()
        else:
            points.append({f"{TRAINING}.{name}": getattr(settings, name) for name in fields})
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    return points


def _arguments(
    loss: str, lists: Mapping[str, Sequence[Any]], refuse: Callable[[Sequence[Any], str], None]
) -> list[dict[str, Any]]:
    """Every combination of arguments of a loss."""
    types = parameters_of(LOSSES[loss]).types
    read = {key: [_as_number(value, types.get(key, "")) for value in values] for key, values in lists.items()}
    for key, values in read.items():
        for value in values:
            try:
                check_arguments({loss: {key: value}})
            except UserError as problem:
                refuse([loss, key], str(problem))
    return [
        {f"{loss}.{key}": value for key, value in zip(read, values, strict=True)} for values in product(*read.values())
    ]


def _as_number(value: Any, annotation: str) -> Any:
    """A number that YAML reads as text, 1e-3, where the argument is no text."""
    return float(value) if isinstance(value, str) and "str" not in annotation and NUMBER.fullmatch(value) else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
