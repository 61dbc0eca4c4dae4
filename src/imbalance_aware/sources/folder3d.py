"""A user's own volumes: a table with a row per subject, and the files that it names."""

import re
from collections import Counter
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import Field

from imbalance_aware.errors import UserError
from imbalance_aware.paths import UserPath
from imbalance_aware.sources.settings_3d import Volumes3D
from imbalance_aware.sources.user_table import (
    Listed,
    Rows,
    exclude_other_classes,
    read_table,
    table_fingerprint,
    take_sides,
)
from imbalance_aware.volume_settings import Start

if TYPE_CHECKING:
    import pandas as pd

    from imbalance_aware.cohort.volume_subjects import VolumeSubject

CONTENT = "a CSV table with a row per subject and the columns subject, class and one per sequence"
REQUIRED = ("subject", "class")
OPTIONAL = ("mask", "cohort", "group", "split", "fold", "start")
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,149}")


class Settings(Listed, Volumes3D):
    """Your own volumes, listed in a table with one row per subject."""

    adapter: Literal["folder3d"]
    table: UserPath = Field(
        description="CSV (separated by commas, semicolons or tabs) with the columns subject and class, one per "
        "sequence with a path, and optionally mask, cohort, group (patient), split or fold, and start"
    )
    start: Start = Field(
        "raw",
        description="raw: each sequence on its own grid; registered: aligned with each other; stripped: also without "
        "skull. A column `start` overrides it",
    )

    def read(self) -> tuple[Rows, list[str]]:
        """The rows of the table and the columns that it has."""
        needed = (*REQUIRED, *self.sequences, *["mask"] * self.needs_mask, *self.subgroups)
        columns = {name: name for name in (*REQUIRED, *self.sequences, *OPTIONAL, *self.subgroups)}
        return read_table(self, CONTENT, columns, required=needed, advice=self._advice)

    def reserved(self) -> set[str]:
        """Columns of later tables, which no subgroup can be called."""
        return {*super().reserved(), *self.sequences}

    def _advice(self, role: str) -> str:
        if role == "mask":
            return "Add the path of each subject's tumour mask, or choose `preprocessing: {mask: {method: brats}}`."
        if role in self.subgroups:
            return "`subgroups` names columns of the table."
        return f"The dataset's sequences are {', '.join(self.sequences)}."


def fingerprint(settings: Settings) -> str:
    """Lines of cells and sizes (-1 if absent) for every row of the table."""
    return table_fingerprint(settings, [*settings.sequences, "mask"])


def find(settings: Settings) -> "pd.DataFrame":
    """The table of subjects, a row for every row of the user's table.

    Volumes are opened to find those that are the same (`check_volumes`).

    Kept out with a reason: rows without class, of a class that is not among ``classes``, with a missing file, with the
    same volume as two sequences, or without a side of the split where the table has one.

    Raises:
        UserError: the table cannot be read, or names a subject twice or not at all.
    """
    from imbalance_aware.cohort.inclusion import exclude
    from imbalance_aware.cohort.volume_checks import check_volumes
    from imbalance_aware.cohort.volume_subjects import subject_table

    rows, columns = settings.listing
    _check_subjects(settings, rows)
    found = (_subject(settings, row) for row in rows)
    subjects = subject_table(found, settings.sequences, "", settings.start, settings.needs_mask)
    subjects["cohort"] = settings.cohorts_of(rows, columns)
    for name in settings.subgroups:
        subjects[name] = [row[name] or "unknown" for row in rows]
    subjects["class"] = [row["class"] for row in rows]
    subjects["start"] = [row["start"] or settings.start for row in rows]
    exclude(subjects, subjects.index[subjects["class"] == ""], "no class")
    exclude_other_classes(subjects, settings.classes)
    take_sides(subjects, settings, rows, columns)
    return check_volumes(subjects, settings.sequences)


def _check_subjects(settings: Settings, rows: Rows) -> None:
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


def _subject(settings: Settings, row: dict[str, str]) -> "VolumeSubject":
    from imbalance_aware.cohort.volume_subjects import VolumeSubject

    paths = {name: settings.file(row[name]) for name in (*settings.sequences, "mask") if row[name]}
    absent = [name for name, path in paths.items() if not path.is_file()]
    return VolumeSubject(
        subject=row["subject"],
        patient=row["group"] or row["subject"],
        files={name: [path] for name, path in paths.items()},
        reasons=[f"no such file: {', '.join(absent)}"] if absent else [],
    )
