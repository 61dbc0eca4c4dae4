"""The metrics of each cohort and subgroup, ``cohort_metrics.csv``.

One row per dataset, condition, unit, part of the test set and metric.

A part is the whole test set (``split_by`` and ``part`` empty), a cohort (``split_by`` is ``cohort``) or those with one
value in a column of subgroups (``split_by`` is the column's name). ``value`` is the mean over the ``n_runs`` that did
not diverge, ``ci_low`` and ``ci_high`` its interval for other patients and the same trained models. ``note`` says why
there is no value, why there is no interval, or that it is approximate. ``n`` counts the units of the part, ``n_groups``
the groups (patients) that they are of; rows ``test_subjects_<class>`` and ``test_groups_<class>`` count those of each
class.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import frame_csv, make_again
from imbalance_aware.tables.whole import require_whole

if TYPE_CHECKING:
    import pandas as pd

CONTENT = "the metrics of each cohort and subgroup, which the step `cohort_metrics` writes"
COLUMNS = (
    *("dataset", "condition", "unit", "split_by", "part", "n", "n_groups"),
    *("metric", "value", "ci_low", "ci_high", "n_runs", "n_collapsed", "n_diverged", "folds", "note"),
)
NUMBERS = ("value", "ci_low", "ci_high")
#: Value of ``split_by`` for cohorts.
COHORT = "cohort"
#: What ``note`` begins with where there is no value.
LACKS, NO_RUN, UNDEFINED = "lacks class", "all runs diverged", "undefined"
#: Values of ``folds``: of a cross-validation; of one whose folds are one cohort each. It is empty for a fixed split.
FOLDS, ONE_COHORT_EACH = "folds", "cohorts"


def cohort_metrics_csv(rows: "pd.DataFrame") -> str:
    """Text of the table; NaN becomes an empty cell."""
    return frame_csv(rows[list(COLUMNS)])


def read_cohort_metrics(path: Path) -> "pd.DataFrame":
    """Read the table; cells of text that are empty stay so, and no name is taken for a missing value.

    Raises:
        UserError: no such file, or another table.
    """
    import pandas as pd

    require_whole(path, CONTENT)
    try:
        table = pd.read_csv(
            path,
            keep_default_na=False,
            na_values={name: [""] for name in NUMBERS},
            dtype={name: str for name in ("split_by", "part", "folds", "note")},
        )
    except ValueError as error:
        raise UserError(f"{path}: not a table that cohort_metrics wrote: {error}") from None
    if missing := [name for name in COLUMNS if name not in table]:
        raise UserError(f"{path}: lacks the column {', '.join(missing)}. {make_again(path)}")
    return table
