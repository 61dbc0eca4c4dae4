"""Reading a user's table of images or volumes, and excluding rows that cannot be used.

Light enough to be read while the workflow's graph is built: pandas is imported only to change a table of subjects.
"""

import logging
from abc import abstractmethod
from collections.abc import Callable, Container, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from imbalance_aware.class_names import ClassNames, unusable
from imbalance_aware.cohort.split_settings import SPLIT, CrossValidation, Random, Table, TableSplit, WithCohorts
from imbalance_aware.errors import UserError
from imbalance_aware.paths import UserPath, find_path
from imbalance_aware.schema import misfit, nearest
from imbalance_aware.sources.file_sizes import size
from imbalance_aware.table_files import read_records, refuse_repeated
from imbalance_aware.tables.cohort import COLUMNS as COHORT_COLUMNS
from imbalance_aware.tables.cohort import FOLD
from imbalance_aware.tables.samples import COLUMNS as SAMPLE_COLUMNS
from imbalance_aware.tables.samples import SPLITS

if TYPE_CHECKING:
    import pandas as pd

SPLIT_COLUMN = "split"
#: What begins the names of the columns of predicted probabilities.
PROBABILITY = "prob_"
log = logging.getLogger(__name__)

#: How spreadsheets and data frames write an empty cell.
EMPTY = {"", "nan", "NaN", "NAN", "<NA>", "#N/A"}
#: How R and others write one; a word that could also name a class.
PERHAPS_EMPTY = {"NA", "N/A", "n/a", "null", "NULL", "None"}

#: Rows of a table: role of a column (``path``, ``class``, …) -> cell, and ``line``, the line in the file.
Rows = list[dict[str, str]]


class Listed(WithCohorts):
    """Settings of datasets that are listed in a user's table."""

    table: UserPath = Field(description="CSV (separated by commas, semicolons or tabs)")
    root: UserPath | None = Field(
        None, description=("folder to which the paths are relative; default: the folder of the table")
    )
    classes: ClassNames | None = Field(None, description="classes in the order of their labels; default: alphabetical")
    split: TableSplit | None = Field(
        None, description=f"{SPLIT}; default: table if the table has a column split or fold, otherwise random"
    )
    subgroups: tuple[str, ...] = Field(
        (),
        description=(
            "columns of the table, such as sex or scanner; results are also reported for each of their values"
        ),
    )
    # Left out wherever settings are passed to a step: what people read changes no result.
    licence: str = Field(
        "", exclude=True, description="licence or terms of use of the images, for the report; default: not stated"
    )

    @model_validator(mode="after")
    def _subgroups_are_no_other_columns(self) -> "Listed":
        if len(set(self.subgroups)) < len(self.subgroups):
            raise misfit(["subgroups"], "one of them is listed twice")
        for name in self.subgroups:
            if not name or name.strip() != name:
                raise misfit(["subgroups"], f'"{name}" cannot name a column')
            if name in self.reserved() or name.startswith((PROBABILITY, "pixel_sha256")):
                raise misfit(["subgroups"], f"{name} names another column of the results; rename the column")
        return self

    def reserved(self) -> set[str]:
        """Columns of later tables, which no subgroup can be called."""
        return {*COHORT_COLUMNS, *SAMPLE_COLUMNS, FOLD, "path", "line", "image", "height", "width", "mask", "start"}

    def chosen_split(self) -> Any:
        """The method and its keys; the table decides where the settings say nothing."""
        rows, roles = self.listing
        side = self.side(roles)
        split = self.split or (Table() if side else Random())
        if side == SPLIT_COLUMN and split.validation and any(row[side].lower() == "validation" for row in rows):
            raise UserError(
                f"{self.table}: its column {side} has validation rows; remove `validation: {split.validation}`, or "
                "change these rows to train"
            )
        return split

    def side(self, roles: Sequence[str]) -> str | None:
        """The role of the column by which the table splits the dataset, if it does: ``split`` or ``fold``.

        Args:
            roles: that the table has.

        Raises:
            UserError: it has both or, where the settings ask for one, none.
        """
        if self.split is not None and not isinstance(self.split, Table):
            return None
        found = [role for role in (SPLIT_COLUMN, FOLD) if role in roles]
        if len(found) > 1:
            raise UserError(
                f"{self.table}: has both a column split and a column fold, but only one can be used; rename the other, "
                "or choose a method such as `split: random`"
            )
        if not found and self.split is not None:
            raise UserError(
                f"{self.table}: `split: table` needs a column split with train or test, or a column fold, in each row; "
                "add one, or choose a method such as `split: random`"
            )
        return found[0] if found else None

    def cross_validation(self) -> CrossValidation | None:
        """How many folds and repeats there are; None for one fixed split."""
        rows, roles = self.listing
        if self.side(roles) != FOLD:
            return super().cross_validation()
        numbers = fold_numbers(rows)
        if len(numbers) < 2:
            raise UserError(f"{self.table}: its column fold contains {len(numbers)} fold(s); at least two are required")
        return CrossValidation(len(numbers))

    def has_validation(self) -> bool:
        """Whether some training samples are set aside for validation, by the settings or by the table."""
        rows, roles = self.listing
        given = self.side(roles) == SPLIT_COLUMN and any(row[SPLIT_COLUMN].lower() == "validation" for row in rows)
        return given or super().has_validation()

    def cohort_names(self) -> list[str]:
        """Names of all cohorts in the table."""
        return sorted(set(self.cohorts_of(*self.listing)))

    def cohorts_of(self, rows: Rows, roles: Sequence[str]) -> list[str]:
        """The cohort of each row: what the table says, else the table's name."""
        return [row["cohort"] or self.table.stem for row in rows]

    def file(self, path: str) -> Path:
        """Where a file that the table names lies."""
        return find_path(path, self.root if self.root is not None else self.table.parent)

    @cached_property
    def listing(self) -> tuple[Rows, list[str]]:
        """What `read` gives, read once: planning asks for it several times.

        Raises:
            UserError: as of `read_table`.
        """
        return self.read()

    @abstractmethod
    def read(self) -> tuple[Rows, list[str]]:
        """The rows of the table and the roles that it has, from `read_table`."""

    def listed_classes(self) -> set[str]:
        """The classes in the table.

        Raises:
            UserError: it cannot be read.
        """
        return {row["class"] for row in self.listing[0]} - {""}


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
    rows, _ = settings.listing
    return "\n".join(f"{row} {[size(settings.file(row[role])) for role in files if row[role]]}" for row in rows)


def exclude_other_classes(subjects: "pd.DataFrame", classes: Sequence[str] | None) -> None:
    """Exclude, in place, the rows of a class that is not among ``classes``; None accepts any."""
    from imbalance_aware.cohort.inclusion import exclude

    if classes is not None:
        for row in subjects.index[~subjects["class"].isin([*classes, ""])]:
            exclude(subjects, [row], f'other class: "{subjects.at[row, "class"]}" is not among `classes`')


def fold_numbers(rows: Rows) -> dict[str, int]:
    """Name of each fold in a table -> its number, from 0: in order of their values if all are whole numbers."""
    names = {row[FOLD] for row in rows} - {""}
    numeric = all(name.isdecimal() for name in names)
    return {name: number for number, name in enumerate(sorted(names, key=int if numeric else None))}


def take_sides(subjects: "pd.DataFrame", settings: Listed, rows: Rows, roles: Sequence[str]) -> None:
    """Take the split, or the folds, from the table, in place, where the settings say so.

    Rows without a side are excluded. The column ``fold`` is there only if it decides, and holds the fold's number.
    """
    from imbalance_aware.cohort.inclusion import exclude

    side = settings.side(roles)
    settings.chosen_split()  # refuses a validation part beside that of the table
    for role in {SPLIT_COLUMN, FOLD} & {*roles} - {side}:
        log.warning("%s: its column %s is not used, since the settings say `split`", settings.table, role)
    subjects["split"] = [row[SPLIT_COLUMN].lower() if side == SPLIT_COLUMN else "" for row in rows]
    if FOLD in subjects:
        del subjects[FOLD]
    if side == SPLIT_COLUMN:
        for row in subjects.index[~subjects["split"].isin(SPLITS)]:
            exclude(subjects, [row], f'no split: "{subjects.at[row, "split"]}" is neither train, validation nor test')
    if side == FOLD:
        numbers = fold_numbers(rows)
        subjects[FOLD] = [str(numbers.get(row[FOLD], "")) for row in rows]
        exclude(subjects, subjects.index[subjects[FOLD] == ""], "no fold: its cell in the table is empty")


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
