"""The differences of conditions from a baseline, ``differences.csv``: one row per dataset, condition and metric."""

from pathlib import Path
from typing import TYPE_CHECKING

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import frame_csv

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    *("dataset", "condition", "baseline", "metric", "n_seeds", "n_runs"),
    *("n_collapsed", "n_diverged", "n_baseline_collapsed"),
    *("difference", "ci_low", "ci_high", "seed_min", "seed_max"),
)


def differences_csv(differences: "pd.DataFrame") -> str:
    """Text of the table; NaN becomes an empty cell."""
    return frame_csv(differences[list(COLUMNS)])


def read_differences(path: str | Path) -> "pd.DataFrame":
    """Read the table, which has no rows where a study has one condition.

    Raises:
        UserError: no such file, or another table.
    """
    import pandas as pd

    try:
        return pd.read_csv(path, usecols=list(COLUMNS))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except ValueError as error:
        raise UserError(f"{path}: not a table that compare wrote: {error}") from None
