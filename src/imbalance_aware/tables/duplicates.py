"""The table of duplicates, ``duplicates.csv``: one row per image whose pixels or voxels another image has too."""

from typing import TYPE_CHECKING

from imbalance_aware.tables.csv_text import frame_csv

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "group",
    "subject",
    "cohort",
    "class",
    "split",
    "excluded",
    "conflicting_label",
    "across_split",
    "image",
    "pixel_sha256",
)


def duplicates_csv(twins: "pd.DataFrame") -> str:
    """Text of the table; no step reads it, but for the page that shows it as it is."""
    return frame_csv(twins[list(COLUMNS)])
