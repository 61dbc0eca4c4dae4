"""Reading the clinical tables of public cohorts."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from imbalance_aware.datasets.settings_3d import GliomaCohort
from imbalance_aware.errors import UserError


def read_clinical(path: Path, columns: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Columns of a table under our names, as text without blanks at the ends.

    Args:
        path: CSV file.
        columns: our name -> the names under which the source has published it, any of them.

    Raises:
        UserError: the table is absent, no CSV, or lacks a column.
    """
    if not path.is_file():
        raise UserError(f"no clinical table {path} (looked at {path.absolute()})")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True, encoding="utf-8-sig")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{path}: not a CSV table ({error}); save a spreadsheet as CSV first") from None
    chosen = {}
    for ours, theirs in columns.items():
        found = [name for name in theirs if name in table]
        if not found:
            raise UserError(f"{path}: no column {' or '.join(theirs)}; it has {', '.join(table.columns)}")
        chosen[ours] = table[found[0]].str.strip()
    return pd.DataFrame(chosen)


def require_folder(cohort: GliomaCohort) -> Path:
    """The folder of a cohort; `UserError` that says where it was looked for and how to get it."""
    if not cohort.path.is_dir():
        raise UserError(
            f"{cohort.name}: no folder {cohort.path} (looked in {cohort.path.absolute()}). {cohort.how_to_get}"
        )
    return cohort.path
