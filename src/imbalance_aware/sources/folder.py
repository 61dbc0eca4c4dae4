"""Anyone's own 2D images: a table with a row per image, and the files that it names."""

import logging
import re
from collections import Counter

import pandas as pd

from imbalance_aware.cohort.facts import exclude, included
from imbalance_aware.cohort.image_checks import check_images
from imbalance_aware.errors import UserError
from imbalance_aware.sources.folder_table import image_path, read_table
from imbalance_aware.sources.settings_2d import FolderSettings

log = logging.getLogger(__name__)

SIDES = ("train", "test")
LONGEST_SUBJECT = 150


def find(settings: FolderSettings) -> pd.DataFrame:
    """Facts about every row of the table.

    Kept out with a reason: rows without path, class, patient or side of the split, of a class that is not among
    ``classes``, listed twice, and images that are missing, damaged or of another form than the dataset's.

    Raises:
        UserError: the table cannot be read, lacks a column, or its split has a patient on both sides.
    """
    rows, roles = read_table(settings)
    facts = pd.DataFrame(rows)
    from_table = _split_from_table(settings, roles)
    facts["subject"] = subject_names(facts["path"].tolist())
    facts["cohort"] = facts["cohort"].replace("", "unknown") if "cohort" in roles else settings.table.stem
    facts["split"] = facts["split"].str.lower() if from_table else ""
    facts["excluded"] = ""
    facts["image"] = [image_path(settings, path).as_posix() if path else "" for path in facts["path"]]
    _exclude_incomplete(facts, settings, roles, from_table)
    _exclude_repeated(facts)
    facts = check_images(facts, channels=settings.channels, max_value=settings.max_value)
    if from_table and "group" in roles:
        _refuse_crossing_groups(facts, settings)
    return facts.drop(columns=["path"])


def subject_names(paths: list[str]) -> list[str]:
    """File-name safe, unique identifiers: ``"left eye/12.png"`` -> ``"left_eye-12"``; a repeated one gets a number."""
    names, taken = [], Counter()
    for path in paths:
        stem = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", path)
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", re.sub(r"[/\\]+", "-", stem)).lstrip(".-")
        name = name[-LONGEST_SUBJECT:] or "unnamed"
        base = name
        while name.lower() in taken:
            taken[base.lower()] += 1
            name = f"{base}-{taken[base.lower()]}"
        taken[name.lower()] += 1
        names.append(name)
    return names


def _split_from_table(settings: FolderSettings, roles: list[str]) -> bool:
    if settings.split == "table" and "split" not in roles:
        raise UserError(
            f"{settings.table}: `split: table` needs a column with train or test in each row; name it by "
            "`columns: {split: NAME}`, or choose `split: random`"
        )
    if settings.split == "random" and "split" in roles:
        log.warning("%s: its split column is not used, since the settings say `split: random`", settings.table)
    return settings.split != "random" and "split" in roles


def _exclude_incomplete(facts: pd.DataFrame, settings: FolderSettings, roles: list[str], from_table: bool) -> None:
    needed = ["path", "class", *(["group"] if "group" in roles else [])]
    for role in needed:
        for row in facts.index[facts[role] == ""]:
            exclude(facts, [row], f"no {role}: empty in line {facts.at[row, 'line']} of the table")
    if settings.classes is not None:
        for row in facts.index[~facts["class"].isin([*settings.classes, ""])]:
            exclude(facts, [row], f'other class: "{facts.at[row, "class"]}" is not among `classes`')
    if from_table:
        for row in facts.index[~facts["split"].isin(SIDES)]:
            exclude(facts, [row], f'no split: "{facts.at[row, "split"]}" is neither train nor test')


def _exclude_repeated(facts: pd.DataFrame) -> None:
    """A file listed again is left out; listed under two classes, no row of it can be trusted."""
    for _, same in facts[facts["image"] != ""].groupby("image", sort=False):
        if len(same) > 1:
            lines = ", ".join(same["line"])
            if same["class"].nunique() > 1:
                exclude(facts, same.index, f"listed under several classes: lines {lines} of the table")
            else:
                exclude(facts, same.index[1:], f"listed twice: lines {lines} of the table")


def _refuse_crossing_groups(facts: pd.DataFrame, settings: FolderSettings) -> None:
    sides = facts[included(facts)].groupby("group")["split"].nunique()
    crossing = sides.index[sides > 1]
    if len(crossing):
        raise UserError(
            f"{settings.table}: the split has {len(crossing)} group(s) in both training and test, such as "
            f'"{crossing[0]}". Mend the table, choose `split: random`, which keeps groups together, or leave the group '
            "column out."
        )
