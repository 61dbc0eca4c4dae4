"""The table of quality control, ``qc.csv``: one row per subject that was preprocessed, with every measure."""

from pathlib import Path
from typing import TYPE_CHECKING

from imbalance_aware.tables.csv_text import frame_csv, read_rows

if TYPE_CHECKING:
    import pandas as pd

#: The columns of the measures of each step follow; their names end with the sequence where each has its own value.
COLUMNS = ("subject", "cohort", "class", "split", "passed", "step", "reason", "file", "warnings")
#: The measure that another step reads: volume of the tumour; empty where a step before failed.
TUMOUR_ML = "tumour_ml"
CONTENT = "the table of quality control, which the step `preprocessed` writes"


def quality_csv(quality: "pd.DataFrame") -> str:
    """Text of the table, `COLUMNS` first."""
    return frame_csv(quality.reindex(columns=[*COLUMNS, *(name for name in quality.columns if name not in COLUMNS)]))


def read_quality(path: Path) -> "pd.DataFrame":
    """The table, every cell as text but those of `TUMOUR_ML`.

    Raises:
        UserError: no such file, or not such a table.
    """
    import pandas as pd

    columns, rows = read_rows(path, CONTENT, ("subject", TUMOUR_ML))
    frame = pd.DataFrame([row for _, row in rows], columns=columns, dtype=str)
    return frame.assign(**{TUMOUR_ML: [float(cell) if cell else float("nan") for cell in frame[TUMOUR_ML]]})
