"""Reading the clinical tables of public cohorts."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from imbalance_aware.errors import UserError
from imbalance_aware.sources.who2021 import UNKNOWN
from imbalance_aware.table_files import read_records, refuse_repeated

#: How tables say that a marker was not determined, in small letters.
NOT_KNOWN = {
    *("", "-", "--", "?", "-1", "-1.0", "na", "n/a", "#n/a", "<na>", "nan", "null", "none"),
    *("unknown", "[unknown]", "indeterminate", "inconclusive", "not available", "[not available]", "not determined"),
    *("not done", "not tested", "not evaluated", "[not evaluated]", "not reported", "missing"),
}


def read_markers(
    path: Path,
    columns: Mapping[str, Sequence[str]],
    idh: Mapping[str, str],
    codeletion: Mapping[str, str],
    identifier: Callable[[str], str] = str,
) -> pd.DataFrame:
    """Columns ``idh`` and ``codeletion`` of a clinical table, as `who2021` names their states, indexed by subject.

    Rows without an identifier are passed over; a row that repeats another counts once.

    Args:
        path: CSV file.
        columns: ``id``, ``idh`` and ``codeletion`` -> the names under which the source has published it, any of them.
        idh: how the source writes the states of IDH, as regular expressions in small letters -> state.
        codeletion: the same for 1p/19q.
        identifier: from the table's spelling of a subject to the folders'.

    Raises:
        UserError: the table is absent, no CSV, lacks a column or has it twice, has a spelling that is not known, or
            contradicts itself.
    """
    table = _read(path)
    names = {ours: _column(path, table, theirs) for ours, theirs in columns.items()}
    cells = pd.DataFrame({ours: table[name] for ours, name in names.items()})
    cells = cells[cells["id"] != ""]
    markers = pd.DataFrame({"id": cells["id"].map(identifier)})
    for marker, spellings in (("idh", idh), ("codeletion", codeletion)):
        markers[marker] = [_state(value, spellings) for value in cells[marker]]
        strange = cells[markers[marker] == ""]
        if len(strange):
            raise UserError(
                f'{path}: "{strange[marker].iloc[0]}" in the column {names[marker]} ({strange["id"].iloc[0]}) is not '
                "a state of the published table; correct it, or leave the cell empty if it is unknown"
            )
    return _one_row_each(path, markers, names)


def _read(path: Path) -> pd.DataFrame:
    header, records = read_records(path, "the clinical table of the cohort, saved as CSV", short_rows=True)
    return pd.DataFrame([[cell.strip() for cell in record] for _, record in records], columns=header, dtype=str)


def _column(path: Path, table: pd.DataFrame, names: Sequence[str]) -> str:
    found = [name for name in names if name in table]
    if not found:
        raise UserError(f"{path}: no column {' or '.join(names)}; it has {', '.join(table.columns)}")
    refuse_repeated(path, list(table.columns), found[:1])
    return found[0]


def _state(value: str, spellings: Mapping[str, str]) -> str:
    """The state that a cell means; ``""`` if none of the spellings is its."""
    text = value.casefold()
    if text in NOT_KNOWN:
        return UNKNOWN
    return next((state for pattern, state in spellings.items() if re.fullmatch(pattern, text)), "")


def _one_row_each(path: Path, markers: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    markers = markers.drop_duplicates()
    repeated = markers.loc[markers["id"].duplicated(), "id"]
    if len(repeated):
        raise UserError(
            f"{path}: {repeated.iloc[0]} is in several rows that differ in {names['idh']} or {names['codeletion']}; "
            "keep the correct one"
        )
    return markers.set_index("id")
