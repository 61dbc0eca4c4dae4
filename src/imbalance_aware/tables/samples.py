"""The table of the samples of a packed dataset, ``samples.csv``: row i describes ``images[i]``."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import frame_csv, read_rows

if TYPE_CHECKING:
    import pandas as pd

#: Ties a row to its image, see `imbalance_aware.image_digests`.
IMAGE_DIGEST = "image_sha256"
#: Columns that every table has; those of subgroups follow. ``group`` is the patient, or the subject itself where the
#: source knows of none.
COLUMNS = ("subject", "group", "cohort", "class", "label", "split", IMAGE_DIGEST)
#: Values of ``split``. It is empty in all rows of a cross-validated dataset, see `imbalance_aware.tables.folds`.
SPLITS = ("train", "validation", "test")
CONTENT = "the table of the samples of a dataset, which the step `pack` writes"


def samples_csv(samples: "pd.DataFrame", subgroups: Sequence[str] = ()) -> str:
    """Text of the table: `COLUMNS` in this order, then ``subgroups``."""
    return frame_csv(samples[[*COLUMNS, *subgroups]])


def subgroup_names(columns: Iterable[str]) -> list[str]:
    """Those of the table's columns that hold subgroups."""
    return [name for name in columns if name not in COLUMNS]


def read_samples(path: Path, needed: Sequence[str] = COLUMNS) -> list[dict[str, str]]:
    """Rows of the table, every cell as text; those of all columns, the subgroups among them.

    Args:
        path: ``samples.csv``.
        needed: the columns that the caller reads. Of these, ``split`` is checked to be one of `SPLITS`, or empty in all
            rows, and ``label`` to be a number.

    Raises:
        UserError: no such file, or not such a table.
    """
    columns, rows = read_rows(path, CONTENT, ())
    if IMAGE_DIGEST in needed and IMAGE_DIGEST not in columns:
        raise UserError(
            f"{path}: lacks the column {IMAGE_DIGEST}, which links its rows to their images. {how_to_pack(path)}"
        )
    if missing := [name for name in needed if name not in columns]:
        raise UserError(
            f"{path}: lacks the column {', '.join(missing)}; it has {', '.join(columns)}. {how_to_pack(path)}"
        )
    cross_validated = "split" in needed and not any(row["split"] for _, row in rows)
    for line, row in rows:
        if "split" in needed and not cross_validated and row["split"] not in SPLITS:
            raise UserError(
                f'{path}, line {line}: split is "{row["split"]}"; expected {" or ".join(SPLITS)}, or an empty cell in '
                f"every row of a cross-validated dataset. {how_to_pack(path)}"
            )
        if "label" in needed and not row["label"].isdecimal():
            raise UserError(f'{path}, line {line}: label is "{row["label"]}"; expected 0, 1, 2, … {how_to_pack(path)}')
    return [row for _, row in rows]


def read_samples_frame(path: Path, needed: Sequence[str]) -> "pd.DataFrame":
    """The columns ``needed`` of the table, ``label`` as a number and all others as text; see `read_samples`."""
    import pandas as pd

    frame = pd.DataFrame(read_samples(path, needed), columns=list(needed), dtype=str)
    return frame.astype({"label": int}) if "label" in needed else frame


def how_to_pack(samples: Path) -> str:
    """The command that makes the table and its array again."""
    return (
        f"Pack the dataset again, with the --configfile of your study: snakemake --cores 1 --forcerun pack -- {samples}"
    )
