"""Effects of loss, sampling, weights and decision rule, ``effects.csv``: one row per dataset, metric and level.

``difference`` is the mean, over the ``n_pairs`` pairs of conditions that differ in nothing else, of ``level`` minus
``reference``. ``decision`` holds for all effects of a metric together. The other columns are those of
``comparisons.csv``.
"""

from imbalance_aware.tables.frames import INTERVALS, PARTS, TableForm

EFFECTS = TableForm(
    "statistics",
    (
        *("dataset", "unit", "metric", "role", "factor", "level", "reference", "n_pairs", "difference"),
        *("n_replicates", *INTERVALS, "p_procedure", "p_procedure_holm", "decision", "relevant"),
        *("decision_models", "relevant_models", *PARTS, "note"),
    ),
    ("n_pairs", "difference", "n_replicates", *INTERVALS, "p_procedure", "p_procedure_holm", *PARTS),
    ("relevant", "relevant_models"),
)
