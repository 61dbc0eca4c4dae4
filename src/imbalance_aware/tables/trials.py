"""``trials.csv``: the values that were tried on the validation part, what each scored, and which were chosen."""

import json
import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import csv_text, make_again, read_rows

CONTENT = "the trials of a condition, which the step `choose` writes"
TRUTH = {True: "true", False: "false"}


@dataclass(frozen=True)
class Trial:
    """One combination of values, in one split of a dataset.

    Attributes:
        dataset, condition: that it is of.
        seed: of the trials.
        repeat, fold: of the cross-validation; the fold is None where the split is fixed.
        trial: name of its folder.
        values: place in the settings of a run -> value; empty where there is nothing to choose.
        metric: that the validation part is judged by.
        score: its value there; NaN where the run diverged.
        chosen: whether it is the one that is used, one of each condition and split.
        trials: how many there are in this split.
    """

    dataset: str
    condition: str
    seed: int
    repeat: int
    fold: int | None
    trial: str
    values: dict[str, Any]
    metric: str
    score: float
    chosen: bool
    trials: int


COLUMNS = tuple(field.name for field in fields(Trial))


def trials_csv(trials: Iterable[Trial]) -> str:
    """Text of the table."""
    cells = ({**dict(zip(COLUMNS, astuple(trial), strict=True))} for trial in trials)
    return csv_text(
        COLUMNS,
        ((row | {"values": json.dumps(row["values"]), "chosen": TRUTH[row["chosen"]]}).values() for row in cells),
    )


def read_trials(path: Path) -> list[Trial]:
    """Read the table.

    Raises:
        UserError: no such file, another table, a cell that is not what its column holds, or a condition and split
            without exactly one chosen trial.
    """
    _, rows = read_rows(path, CONTENT, COLUMNS)
    trials = [_trial(path, line, row) for line, row in rows]
    chosen: dict[tuple[Any, ...], int] = {}
    for trial in trials:
        split = (trial.dataset, trial.condition, trial.seed, trial.repeat, trial.fold)
        chosen[split] = chosen.get(split, 0) + trial.chosen
    if any(number != 1 for number in chosen.values()):
        raise UserError(f"{path}: not exactly one trial of each condition and split is chosen. {make_again(path)}")
    return trials


def _trial(path: Path, line: int, row: dict[str, str]) -> Trial:
    try:
        values = json.loads(row["values"])
        if not isinstance(values, dict) or row["chosen"] not in TRUTH.values():
            raise ValueError(f"values are {row['values']}, chosen is {row['chosen']}")
        return Trial(
            row["dataset"],
            row["condition"],
            int(row["seed"]),
            int(row["repeat"]),
            int(row["fold"]) if row["fold"] else None,
            row["trial"],
            values,
            row["metric"],
            float(row["score"]) if row["score"] else math.nan,
            row["chosen"] == TRUTH[True],
            int(row["trials"]),
        )
    except ValueError as error:
        raise UserError(f"{path}, line {line}: not {CONTENT}: {error}. {make_again(path)}") from None
