"""A user's own 2D images: a table with a row per image, and the files that it names."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import Field

from imbalance_aware.paths import UserPath
from imbalance_aware.sources.settings_2d import Images2D
from imbalance_aware.sources.user_table import (
    Listed,
    Rows,
    exclude_other_classes,
    read_table,
    table_fingerprint,
    take_sides,
)

if TYPE_CHECKING:
    import pandas as pd

CONTENT = "a CSV table with a row per image and the columns path and class"
Role = Literal["path", "class", "split", "fold", "group", "cohort"]
REQUIRED = ("path", "class")
LONGEST_SUBJECT = 150


class Settings(Listed, Images2D):
    """Your own 2D images, listed in a table with one row per image."""

    adapter: Literal["folder"]
    table: UserPath = Field(
        description="CSV (separated by commas, semicolons or tabs) with the columns path and class, and optionally "
        "split or fold, group (patient) and cohort"
    )
    columns: dict[Role, str] = Field(
        default_factory=dict,
        description="names of the columns that are not called path, class, split, fold, group, cohort",
    )
    channels: Literal["rgb", "grey"] = Field(
        "rgb", description="colour mode of the images; others are excluded, with the reason in the cohort table"
    )
    max_value: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="for 16-bit images, the value that is scaled to 1; by default, images are 8-bit",
    )

    def read(self) -> tuple[Rows, list[str]]:
        """The rows of the table and the roles that it has."""
        columns = {role: self.columns.get(role, role) for role in get_args(Role)}
        columns |= {name: name for name in self.subgroups}
        return read_table(
            self,
            CONTENT,
            columns,
            required={*REQUIRED, *self.columns, *self.subgroups},
            advice=self._advice,
        )

    def _advice(self, role: str) -> str:
        if role in self.subgroups:
            return "`subgroups` names columns of the table."
        return f"`columns: {{{role}: NAME}}` names another."

    def cohorts_of(self, rows: Rows, roles: Sequence[str]) -> list[str]:
        """The cohort of each row; an empty cell is ``unknown``."""
        return [row["cohort"] or "unknown" for row in rows] if "cohort" in roles else super().cohorts_of(rows, roles)


def fingerprint(settings: Settings) -> str:
    """Lines of cells and size (-1 if absent) for every row of the table."""
    return table_fingerprint(settings, ["path"])


def find(settings: Settings) -> "pd.DataFrame":
    """The table of subjects, a row for every row of the user's table.

    Kept out with a reason: rows without path, class, patient or side of the split, of a class that is not among
    ``classes``, listed twice, and images that are missing, damaged or of another form than the dataset's.

    Raises:
        UserError: the table cannot be read, or lacks a column.
    """
    import pandas as pd

    from imbalance_aware.cohort.image_checks import check_images

    rows, roles = settings.listing
    subjects = pd.DataFrame(rows)[["line", *roles]]
    subjects["subject"] = subject_names(subjects["path"].tolist())
    subjects["cohort"] = settings.cohorts_of(rows, roles)
    for name in settings.subgroups:
        subjects[name] = subjects[name].replace("", "unknown")
    subjects["excluded"] = ""
    subjects["image"] = [settings.file(path).as_posix() if path else "" for path in subjects["path"]]
    _exclude_incomplete(subjects, roles)
    exclude_other_classes(subjects, settings.classes)
    take_sides(subjects, settings, rows, roles)
    _exclude_repeated(subjects)
    subjects = check_images(subjects, channels=settings.channels, max_value=settings.max_value)
    return subjects.drop(columns=["path"])


def subject_names(paths: list[str]) -> list[str]:
    """File-name safe, unique identifiers: ``"left eye/12.png"`` -> ``"left_eye-12"``; a repeated one gets a number."""
    names: list[str] = []
    taken: Counter[str] = Counter()
    for path in paths:
        stem = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", path)
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", re.sub(r"[/\\]+", "-", stem))
        name = name[-LONGEST_SUBJECT:].lstrip(".-") or "unnamed"
        base = name
        while name.lower() in taken:
            taken[base.lower()] += 1
            name = f"{base}-{taken[base.lower()]}"
        taken[name.lower()] += 1
        names.append(name)
    return names


def _exclude_incomplete(subjects: "pd.DataFrame", roles: list[str]) -> None:
    from imbalance_aware.cohort.inclusion import exclude

    for role in (*REQUIRED, *(["group"] if "group" in roles else [])):
        for row in subjects.index[subjects[role] == ""]:
            exclude(subjects, [row], f"no {role}: empty in line {subjects.at[row, 'line']} of the table")


def _exclude_repeated(subjects: "pd.DataFrame") -> None:
    """A file listed again is left out; listed under two classes, no row of it can be trusted."""
    from imbalance_aware.cohort.inclusion import exclude

    for _, same in subjects[subjects["image"] != ""].groupby("image", sort=False):
        if len(same) > 1:
            lines = ", ".join(same["line"])
            if same["class"].nunique() > 1:
                exclude(subjects, same.index, f"listed under several classes: lines {lines} of the table")
            else:
                exclude(subjects, same.index[1:], f"listed twice: lines {lines} of the table")
