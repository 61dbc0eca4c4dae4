"""The value of every metric with its intervals, ``values.csv``: one row per dataset, condition, rule, unit and metric.

``value`` is the mean over ``n_replicates``: seeds, or the repeats of a cross-validation. Three pairs of columns are
95 % intervals: ``models`` for other patients and these trained models, ``procedure`` for other patients and other
seeds, ``new_data`` for other training data too (cross-validated datasets only). ``se_models`` is sqrt(V),
``se_patients`` sqrt(B), ``se_replicates`` sqrt(T), ``nu`` the degrees of freedom of T, see
`imbalance_aware.statistics.variance`. ``n_runs`` counts the runs of the condition, of which ``n_collapsed`` and
``n_diverged``; the latter are left out. ``note`` says what an interval covers, that it is approximate, or why there
is none.
"""

from imbalance_aware.tables.frames import INTERVALS, PARTS, TableForm

#: Value of ``rule`` in rows of what needs no image, see `imbalance_aware.evaluation.references`: ``condition`` is then
#: its name, and there are no intervals.
REFERENCE = "reference"

COUNTS = ("n_replicates", "n_runs", "n_collapsed", "n_diverged")
VALUES = TableForm(
    "statistics",
    ("dataset", "condition", "rule", "unit", "metric", "role", "value", *COUNTS, *INTERVALS, *PARTS, "note"),
    ("value", *COUNTS, *INTERVALS, *PARTS),
)
