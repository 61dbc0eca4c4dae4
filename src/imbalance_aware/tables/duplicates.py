"""The table of duplicates, ``duplicates.csv``: what is in a dataset more than once.

One row per image whose pixels or voxels another image has too (kind `PIXELS`), and one per subject of a group (patient)
that a given split has on several sides (kind `GROUP`).
"""

from pathlib import Path
from typing import TYPE_CHECKING

from imbalance_aware.tables.csv_text import frame_csv, read_rows

if TYPE_CHECKING:
    import pandas as pd

#: ``set`` counts from 1 the sets of rows that belong together; ``across_split`` and ``across_groups`` say that a set is
#: on several sides of the split, or of several groups.
COLUMNS = (
    "set",
    "kind",
    "subject",
    "group",
    "cohort",
    "class",
    "split",
    "excluded",
    "conflicting_label",
    "across_split",
    "across_groups",
    "image",
    "pixel_sha256",
)


PIXELS, GROUP = "equal pixels", "group on several sides"
CONTENT = "the table of duplicates, which the step `cohort` writes"


def duplicates_csv(twins: "pd.DataFrame") -> str:
    """Text of the table."""
    return frame_csv(twins[list(COLUMNS)])


def read_duplicates(path: Path) -> "pd.DataFrame":
    """The table, which has no rows where nothing is twice; every cell as text.

    Raises:
        UserError: no such file, or not such a table.
    """
    import pandas as pd

    _, rows = read_rows(path, CONTENT, COLUMNS, may_be_empty=True)
    return pd.DataFrame([row for _, row in rows], columns=list(COLUMNS), dtype=str)
