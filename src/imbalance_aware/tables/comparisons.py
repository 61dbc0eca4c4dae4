"""The differences between candidates, ``comparisons.csv``: one row per dataset, metric and pair.

A candidate is a condition with a decision rule, see `imbalance_aware.evaluation.candidates`. ``difference`` is a minus
b. Rows with ``with_baseline`` have the baseline as b. They form a family of their own, with

- ``p_models``, a permutation of patients, and ``p_procedure``, by interval ``procedure``; both with Holm's correction
  as ``…_holm``;
- ``decision``, which holds for all of the family together: ``better``, ``worse``, ``equivalent`` or ``undecided`` for
  the procedure, and ``decision_models`` for these models. ``relevant`` says: by a relevant amount.

All rows together form the other family: ``simultaneous`` intervals, ``p_simultaneous`` and ``decision_all_pairs``. They
are for the procedure, or with one replicate for these models: ``question`` says which. ``evidence`` against the reverse
sign is 1 - p/2 and no probability. ``detectable`` is the difference that a study with this variance would find with a
power of 80 %. The other columns are those of ``values.csv``.
"""

from imbalance_aware.tables.frames import INTERVALS, PARTS, TableForm, interval_columns

SIMULTANEOUS = interval_columns(("simultaneous",))
TESTS = ("p_models", "p_models_holm", "p_procedure", "p_procedure_holm", "p_simultaneous", "evidence", "detectable")
FLAGS = ("with_baseline", "relevant", "relevant_models", "relevant_all_pairs")
COMPARISONS = TableForm(
    "statistics",
    (
        *("dataset", "unit", "metric", "role", "a", "b", "with_baseline", "difference", "n_replicates"),
        *INTERVALS,
        *("p_models", "p_models_holm", "p_procedure", "p_procedure_holm"),
        *("decision", "relevant", "decision_models", "relevant_models"),
        *("question", *SIMULTANEOUS, "p_simultaneous", "decision_all_pairs", "relevant_all_pairs"),
        *("evidence", "detectable", *PARTS, "note"),
    ),
    ("difference", "n_replicates", *INTERVALS, *SIMULTANEOUS, *TESTS, *PARTS),
    FLAGS,
)
