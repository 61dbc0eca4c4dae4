"""The table of a cohort, ``cohort.csv``: one row per subject found, and why some are left out.

``preprocessed.csv`` is the same table after the preprocessing of volumes.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from imbalance_aware.tables.csv_text import frame_csv, read_rows

if TYPE_CHECKING:
    import pandas as pd

#: Columns that every cohort has; those of its images and of its source follow. ``group`` is the patient, or the subject
#: itself where the source knows of none. ``split`` is empty for all of a cross-validated dataset, ``excluded`` for a
#: subject that is in.
COLUMNS = ("subject", "group", "cohort", "class", "split", "excluded")
#: Further column of a dataset whose folds its own table gives: the number of the fold that tests a subject, from 0.
FOLD = "fold"
CONTENT = "the table of a cohort, which the step `cohort` writes (of volumes also `preprocessed`)"


def cohort_csv(subjects: "pd.DataFrame") -> str:
    """Text of the table, `COLUMNS` first."""
    return frame_csv(subjects[[*COLUMNS, *(name for name in subjects.columns if name not in COLUMNS)]])


def read_cohort(path: Path) -> "pd.DataFrame":
    """All subjects, every cell as text.

    Raises:
        UserError: no such file, or not such a table.
    """
    import pandas as pd

    columns, rows = read_rows(path, CONTENT, COLUMNS)
    return pd.DataFrame([row for _, row in rows], columns=columns, dtype=str)


def included(subjects: "pd.DataFrame") -> "pd.Series":
    """True for each subject that nothing keeps out."""
    return subjects["excluded"] == ""


def included_subjects(path: Path) -> dict[str, dict[str, str]]:
    """Subject -> its row, of those that are in.

    Light enough for planning: it imports no pandas.

    Raises:
        UserError: no such file, or not such a table.
    """
    return {row["subject"]: row for _, row in read_rows(path, CONTENT, COLUMNS)[1] if not row["excluded"]}
