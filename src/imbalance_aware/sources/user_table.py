"""Someone's own table of images or volumes: how it is read, and what becomes of rows that cannot be used.

Light enough to be read while the workflow's graph is built: pandas is imported only to change a table of subjects.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from imbalance_aware.class_names import ClassNames, unusable
from imbalance_aware.cohort.split_settings import SplitSettings
from imbalance_aware.errors import UserError
from imbalance_aware.paths import UserPath, find_path
from imbalance_aware.schema import nearest
from imbalance_aware.sources.file_sizes import size
from imbalance_aware.table_files import read_records, refuse_repeated

if TYPE_CHECKING:
    import pandas as pd

SIDES = ("train", "test")
#: How spreadsheets and data frames write an empty cell.
EMPTY = {"", "nan", "NaN", "NAN", "<NA>", "#N/A"}
#: How R and others write one; a word that could also name a class.
PERHAPS_EMPTY = {"NA", "N/A", "n/a", "null", "NULL", "None"}

#: Rows of a table: role of a column (``path``, ``class``, …) -> cell, and ``line``, the line in the file.
Rows = list[dict[str, str]]


class Listed(SplitSettings):
    """What every dataset has that is listed in a table of one's own."""

    table: UserPath = Field(description="CSV (separated by commas, semicolons or tabs)")
    root: UserPath | None = Field(None, description="folder that the paths start from; left out: the table's own")
    classes: ClassNames | None = Field(None, description="classes in the order of their labels; left out: alphabetical")

    def file(self, path: str) -> Path:
        """Where a file that the table names lies."""
        return find_path(path, self.root if self.root is not None else self.table.parent)

    def read(self) -> tuple[Rows, list[str]]:
        """The rows of the table and the roles that it has, from `read_table`."""
        raise NotImplementedError

    def listed_classes(self) -> set[str]:
        """The classes in the table.

        Raises:
            UserError: it cannot be read.
        """
        return {row["class"] for row in self.read()[0]} - {""}


def read_table(
    settings: Listed, content: str, columns: Mapping[str, str], required: Container[str], advice: Callable[[str], str]
) -> tuple[Rows, list[str]]:
    """Rows of a table, cells stripped; an empty cell, however written, is ``""``, and so is one of an absent column.

    Args:
        settings: of the dataset.
        content: what such a table is and holds, for the message if there is none.
        columns: role -> name of its column.
        required: roles that the table must have.
        advice: from a role to a sentence, for the message if its column is absent.

    Returns:
        The rows, with ``line``, the line in the file, and every role as keys; and the roles that the table has.

    Raises:
        UserError: the table is absent, not text in UTF-8, empty, lacks a column or has it twice, has a row of another
            length, or a class that may be an empty cell.
    """
    header, records = read_records(settings.table, content)
    for role, column in columns.items():
        if column not in header and role in required:
            meaning = "" if column == role else f" ({role})"
            raise UserError(
                f'{settings.table}: there is no column "{column}"{meaning}.{nearest(column, header)} Its columns are '
                f"{', '.join(header)}. {advice(role)}"
            )
    roles = [role for role, column in columns.items() if column in header]
    refuse_repeated(settings.table, header, [columns[role] for role in roles])
    places = {role: header.index(columns[role]) for role in roles}
    rows = []
    for line, record in records:
        cells = {role: _cell(record[place]) for role, place in places.items()}
        cells["class"] = _class_cell(record[places["class"]], settings.classes, f"{settings.table}, line {line}")
        rows.append({"line": str(line)} | {role: cells.get(role, "") for role in columns})
    return rows, roles


def table_fingerprint(settings: Listed, files: Sequence[str]) -> str:
    """Lines of cells and, of the columns with the roles ``files``, the sizes of what they name (-1 if absent)."""
    rows, _ = settings.read()
    return "\n".join(f"{row} {[size(settings.file(row[role])) for role in files if row[role]]}" for row in rows)


def exclude_other_classes(subjects: "pd.DataFrame", classes: Sequence[str] | None) -> None:
    """Exclude, in place, the rows of a class that is not among ``classes``; None admits any."""
    from imbalance_aware.cohort.inclusion import exclude

    if classes is not None:
        for row in subjects.index[~subjects["class"].isin([*classes, ""])]:
            exclude(subjects, [row], f'other class: "{subjects.at[row, "class"]}" is not among `classes`')


def exclude_without_side(subjects: "pd.DataFrame") -> None:
    """Exclude, in place, the rows whose ``split`` is neither train nor test."""
    from imbalance_aware.cohort.inclusion import exclude

    for row in subjects.index[~subjects["split"].isin(SIDES)]:
        exclude(subjects, [row], f'no split: "{subjects.at[row, "split"]}" is neither train nor test')


def refuse_crossing_groups(subjects: "pd.DataFrame", table: Path, remedy: str) -> None:
    """Raise `UserError`, which ends in ``remedy``, if included rows of a group are in both training and test."""
    from imbalance_aware.cohort.inclusion import included

    sides = subjects[included(subjects)].groupby("group")["split"].nunique()
    crossing = sides.index[sides > 1]
    if len(crossing):
        raise UserError(
            f"{table}: the split has {len(crossing)} group(s) in both training and test, such as "
            f'"{crossing[0]}"; a patient belongs to one side. {remedy}'
        )


def _cell(text: str) -> str:
    """A cell without blanks around it; an empty one, however written, is ``""``."""
    return "" if text.strip() in EMPTY | PERHAPS_EMPTY else text.strip()


def _class_cell(text: str, classes: Sequence[str] | None, place: str) -> str:
    """A cell with a class, without blanks around it; an empty one is ``""``.

    Args:
        text: the cell.
        classes: that the dataset names, if it does; one of them may be called NA.
        place: file and line, for the message.

    Raises:
        UserError: the cell reads NA or the like, and the dataset does not name its classes; or no class can have
            this name.
    """
    text = text.strip()
    if text and (reason := unusable([text])):
        raise UserError(f"{place}: {reason}; give it another name")
    if text in PERHAPS_EMPTY and classes is None:
        raise UserError(
            f'{place}: the class is "{text}", which may be an empty cell or a class; leave the cell empty, or list the '
            "dataset's `classes`"
        )
    return "" if text in EMPTY else text
