"""The metrics of all runs of a study, ``metrics.csv``: one row per run and metric."""

from pathlib import Path
from typing import TYPE_CHECKING

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import frame_csv

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    *("study", "dataset", "condition", "loss", "sampling", "weighted"),
    *("batch_size", "seed", "metric", "value", "status"),
)


def metrics_csv(metrics: "pd.DataFrame") -> str:
    """Text of the table; an undefined metric has an empty value."""
    return frame_csv(metrics[list(COLUMNS)])


def read_metrics(path: str | Path) -> "pd.DataFrame":
    """Read the table.

    Raises:
        UserError: no such file, or it has no rows.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, keep_default_na=False, na_values={"value": [""]})
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    if table.empty:
        raise UserError(f"{path}: has no rows")
    return table
