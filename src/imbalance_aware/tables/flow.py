"""The table of counts, ``flow.csv`` and ``preprocessed_flow.csv``: found, excluded by each criterion, included."""

from pathlib import Path
from typing import TYPE_CHECKING

from imbalance_aware.tables.csv_text import frame_csv, read_rows

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("cohort", "class", "stage", "criterion", "subjects")
CONTENT = "the table of subjects at each stage, which the step `cohort` writes (of volumes also `preprocessed`)"


def flow_csv(counts: "pd.DataFrame") -> str:
    """Text of the table."""
    return frame_csv(counts[list(COLUMNS)])


def read_flow(path: Path) -> "pd.DataFrame":
    """The table, ``subjects`` as numbers.

    Raises:
        UserError: no such file, or not such a table.
    """
    import pandas as pd

    _, rows = read_rows(path, CONTENT, COLUMNS)
    return pd.DataFrame([row for _, row in rows], columns=list(COLUMNS), dtype=str).astype({"subjects": int})
