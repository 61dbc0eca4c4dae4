"""The metrics of all runs of a study, ``metrics.csv``: one row per run, unit and metric.

A run is a seed, and of a cross-validated dataset a seed and a repeat (from 0; 0 wherever the split is fixed), all folds
together. ``unit`` is ``sample``, and beside these rows ``group`` where a group (patient) has more than one test sample,
see `imbalance_aware.evaluation.units`. ``ensemble_metrics.csv`` has the same columns, an ensemble in the place of a run
and no seed.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import frame_csv, make_again
from imbalance_aware.tables.frames import of_unit
from imbalance_aware.tables.whole import require_whole

if TYPE_CHECKING:
    import pandas as pd

CONTENT = "the metrics of all runs of a study, which the step `collect` writes"
COLUMNS = (
    *("study", "dataset", "condition", "loss", "sampling", "weighted"),
    *("batch_size", "seed", "repeat", "unit", "metric", "value", "status"),
)


def metrics_csv(metrics: "pd.DataFrame") -> str:
    """Text of the table; an undefined metric has an empty value."""
    return frame_csv(metrics[list(COLUMNS)])


def read_metrics(path: str | Path, unit: str = "sample") -> "pd.DataFrame":
    """Read the rows of one unit, see `imbalance_aware.tables.frames.of_unit`.

    Args:
        path: the table.
        unit: ``sample`` or ``group``.

    Raises:
        UserError: no such file, it lacks a column (such as ``repeat`` or ``unit``, which earlier versions did not
            write), or it has no rows.
    """
    import pandas as pd

    require_whole(Path(path), CONTENT)
    table = pd.read_csv(path, keep_default_na=False, na_values={"value": [""]})
    if missing := [name for name in COLUMNS if name not in table]:
        raise UserError(f"{path}: lacks the column {', '.join(missing)}. {make_again(Path(path))}")
    if table.empty:
        raise UserError(f"{path}: has no rows")
    return of_unit(table, unit).reset_index(drop=True)
