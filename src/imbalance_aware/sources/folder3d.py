"""Anyone's own volumes: a table with a row per subject, and the files that it names."""

import re
from collections import Counter
from typing import get_args

import pandas as pd

from imbalance_aware.cohort.facts import exclude, included
from imbalance_aware.cohort.volume_checks import check_volumes
from imbalance_aware.cohort.volume_facts import VolumeSubject, subjects_to_facts
from imbalance_aware.errors import UserError
from imbalance_aware.sources.folder3d_table import read_table, volume_path
from imbalance_aware.sources.settings_3d import Folder3DSettings
from imbalance_aware.volume_settings import Start

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,149}")
SIDES = ("train", "test")


def find(settings: Folder3DSettings) -> pd.DataFrame:
    """Facts about every row of the table; volumes are opened to find those that are the same (`check_volumes`).

    Kept out with a reason: rows without class, of a class that is not among ``classes``, with a missing file, with the
    same volume as two sequences, or without a side of the split where the table has one.

    Raises:
        UserError: the table cannot be read, names a subject twice or not at all, or splits a patient.
    """
    rows, columns = read_table(settings)
    _check_subjects(settings, rows)
    subjects = (_subject(settings, row) for row in rows)
    facts = subjects_to_facts(subjects, settings.sequences, "", settings.start, settings.needs_mask)
    facts["cohort"] = [row["cohort"] or settings.table.stem for row in rows]
    facts["class"] = [row["class"] for row in rows]
    facts["start"] = [row["start"] or settings.start for row in rows]
    _exclude_without_class(facts, settings)
    _assign_side(facts, settings, rows, columns)
    return check_volumes(facts, settings.sequences)


def _check_subjects(settings: Folder3DSettings, rows: list[dict[str, str]]) -> None:
    for name, count in Counter(row["subject"].lower() for row in rows).items():
        if count > 1:
            raise UserError(f'{settings.table}: subject "{name}" is listed {count} times; give each scan its own name')
    for row in rows:
        place = f"{settings.table}, line {row['line']}"
        if not SAFE.fullmatch(row["subject"]):
            raise UserError(
                f'{place}: subject "{row["subject"]}" cannot name a file; use letters, digits, ".", "_" and "-"'
            )
        if row["start"] and row["start"] not in get_args(Start):
            raise UserError(f'{place}: start is "{row["start"]}"; expected {", ".join(get_args(Start))}, or nothing')


def _subject(settings: Folder3DSettings, row: dict[str, str]) -> VolumeSubject:
    paths = {name: volume_path(settings, row[name]) for name in (*settings.sequences, "mask") if row.get(name)}
    absent = [name for name, path in paths.items() if not path.is_file()]
    return VolumeSubject(
        subject=row["subject"],
        patient=row["group"] or row["subject"],
        files={name: [path] for name, path in paths.items()},
        reasons=[f"no such file: {', '.join(absent)}"] if absent else [],
    )


def _exclude_without_class(facts: pd.DataFrame, settings: Folder3DSettings) -> None:
    exclude(facts, facts.index[facts["class"] == ""], "no class")
    if settings.classes is not None:
        for row in facts.index[~facts["class"].isin([*settings.classes, ""])]:
            exclude(facts, [row], f'other class: "{facts.at[row, "class"]}" is not among `classes`')


def _assign_side(
    facts: pd.DataFrame, settings: Folder3DSettings, rows: list[dict[str, str]], columns: list[str]
) -> None:
    """Fill ``split`` in place from the table or the test cohorts; left empty, a random split follows."""
    if "split" in columns:
        facts["split"] = [row["split"].lower() for row in rows]
        for row in facts.index[~facts["split"].isin(SIDES)]:
            exclude(facts, [row], f'no split: "{facts.at[row, "split"]}" is neither train nor test')
    elif settings.test_cohorts:
        unknown = sorted(set(settings.test_cohorts) - set(facts["cohort"]))
        if unknown:
            raise UserError(f"{settings.table}: test_cohorts names {', '.join(unknown)}, which no row has")
        facts["split"] = ["test" if cohort in settings.test_cohorts else "train" for cohort in facts["cohort"]]
    sides = facts[included(facts)].groupby("group")["split"].nunique()
    crossing = sides.index[sides > 1]
    if len(crossing):
        raise UserError(
            f'{settings.table}: group "{crossing[0]}" stands in both training and test; a patient belongs to one side'
        )
