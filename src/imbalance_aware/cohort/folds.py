"""The folds of a cross-validated dataset: the test, training and validation samples of each model.

Whole groups (patients) and all that has equal images are on one side of every fold; each subject is tested once per
repeat; the folds have shares of the classes as even as whole groups allow.
"""

import hashlib
import logging
from typing import Any

import numpy as np
import pandas as pd

from imbalance_aware.cohort.split_settings import Folds, LeaveOneCohortOut
from imbalance_aware.cohort.splits import draw_parts, parts_with_every_class
from imbalance_aware.errors import UserError
from imbalance_aware.tables.cohort import FOLD

log = logging.getLogger(__name__)


def assign_folds(subjects: pd.DataFrame, split: Any, folds: int, repeat: int) -> pd.DataFrame:
    """The part of every subject in every fold of one repeat.

    Args:
        subjects: included subjects, columns ``subject``, ``unit`` (what no fold may separate: a group and all with
            which it shares equal images), ``cohort``, ``class``, ``conflict`` (True: left out of training), and
            ``fold`` where the user's table gives the folds.
        split: a method that cross-validates, see `imbalance_aware.cohort.split_settings`.
        folds: their number, which the source's cohorts or table decide for some methods.
        repeat: its number, from 0.

    Returns:
        One column per fold, numbered from 0, same index: train, validation, test, or empty for a subject that takes no
        part in that fold.

    Raises:
        UserError: the subjects cannot be divided like that.
    """
    tested = tested_by(subjects, split, folds, repeat)
    return pd.DataFrame({number: _fold(subjects, tested, number, split, repeat) for number in range(folds)})


def tested_by(subjects: pd.DataFrame, split: Any, folds: int, repeat: int = 0) -> pd.Series:
    """Number of the fold that tests each subject, from 0, same index; see `assign_folds`.

    Raises:
        UserError: the subjects cannot be divided like that.
    """
    if isinstance(split, Folds):
        require_enough_groups(subjects, split.folds)
        shares = [1 / split.folds] * split.folds
        return draw_parts(subjects["unit"], subjects["class"], shares, seed_of(split.seed, repeat))
    if isinstance(split, LeaveOneCohortOut):
        names = sorted(subjects["cohort"].unique())
        tested = subjects["cohort"].map({name: number for number, name in enumerate(names)})
        if len(names) != folds:
            raise UserError(
                f"leave_one_cohort_out tests {folds} cohorts, but usable samples are only from "
                f"{', '.join(names) or 'none'}; remove the other cohorts from the dataset"
            )
        _require_every_class(subjects, tested, [f'the cohort "{name}"' for name in names])
        return tested
    tested = subjects[FOLD].astype(int)
    if empty := sorted(set(range(folds)) - set(tested)):
        raise UserError(f"the fold {empty[0]} of the table, counted from 0 in their order, has no usable sample")
    _require_every_class(subjects, tested, [f"the fold {number} (counted from 0)" for number in range(folds)])
    return tested


def require_enough_groups(subjects: pd.DataFrame, folds: int) -> None:
    """Raise `UserError` unless each fold can have every class.

    The message names the class with the fewest groups, their number and the most folds that are possible.
    """
    counts = pd.crosstab(subjects["unit"], subjects["class"]).to_numpy()
    names = sorted(subjects["class"].unique())
    groups = (counts > 0).sum(axis=0)
    if groups.min() >= folds and parts_with_every_class(counts, folds) is not None:
        return
    least = int(groups.argmin())
    fitting = (number for number in range(min(folds - 1, int(groups.min())), 1, -1) if _possible(counts, number))
    most = next(fitting, None)
    remedy = f"at most `folds: {most}` is possible" if most else "no cross-validation is possible"
    held = f'class "{names[least]}" is in {groups[least]} group{"s" if groups[least] != 1 else ""}'
    if groups.min() >= folds:
        held = f"groups hold several classes, and not every fold can have each of them ({held})"
    raise UserError(
        f"`folds: {folds}` needs {folds} groups (patients, or subjects with equal images) of every class: {held}; "
        f"{remedy}"
    )


def seed_of(seed: int | None, *purpose: int | str) -> int:
    """A seed of its own for a repeat or a validation part, so that none repeats another's draws."""
    text = ":".join(map(str, (seed or 0, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def draw_validation(subjects: pd.DataFrame, share: float, seed: int, place: str = "") -> pd.Series:
    """True for those training subjects that are set aside for validation: whole units, and ``share`` of each class.

    Args:
        subjects: of the training part, with ``unit`` and ``class``.
        share: of each class.
        seed: of the draw.
        place: of which fold, for the message.

    Raises:
        UserError: a class has too few units to be in both.
    """
    counts = pd.crosstab(subjects["unit"], subjects["class"])
    for name in counts.columns:
        if (number := int((counts[name] > 0).sum())) < 2:
            raise UserError(
                f'`validation: {share}`: class "{name}" has {number} group{"s" if number != 1 else ""} for '
                f"training{place}, too few for an additional validation part; add groups of this class, or remove "
                "`validation`"
            )
    return draw_parts(subjects["unit"], subjects["class"], (1 - share, share), seed) == 1


def _possible(counts: np.ndarray, folds: int) -> bool:
    return parts_with_every_class(counts, folds) is not None


def _require_every_class(subjects: pd.DataFrame, tested: pd.Series, names: list[str]) -> None:
    """Raise `UserError` if a class is in one fold alone: the model tested there was not trained on it."""
    for name, folds in tested.groupby(subjects["class"]):
        if folds.nunique() < 2:
            raise UserError(
                f'class "{name}" is in {names[folds.iloc[0]]} only: a model tested there is not trained on this class'
            )


def _fold(subjects: pd.DataFrame, tested: pd.Series, number: int, split: Any, repeat: int) -> pd.Series:
    """The part of each subject in one fold."""
    parts = pd.Series("train", index=subjects.index).where(tested != number, "test")
    parts[subjects["conflict"] & (parts == "train")] = ""
    if isinstance(split, LeaveOneCohortOut):
        # A patient with scans in two cohorts, or equal images in them: the model that is tested on one sees neither.
        shared = subjects["unit"].isin(subjects.loc[parts == "test", "unit"])
        parts[shared & (parts == "train")] = ""
    training = subjects[parts == "train"]
    if absent := sorted(set(subjects["class"]) - set(training["class"])):
        raise UserError(
            f'fold {number} of repeat {repeat} (counted from 0) has no training sample of class "{absent[0]}" once '
            "samples are left out that are also in its test part, or that conflict (`conflicts: drop`)"
        )
    if split.validation:
        seed = seed_of(split.seed, repeat, f"validation {number}")
        chosen = draw_validation(training, split.validation, seed, f" in fold {number}")
        parts[chosen.index[chosen]] = "validation"
    return parts
