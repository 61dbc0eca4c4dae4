"""The test subjects that conditions get wrong, ``failures.csv``: one row per dataset and subject.

A condition's probabilities for a subject are the means over its ``n_runs`` that did not diverge; it gets the subject
wrong if the most probable class is another than ``class``. Subjects that no condition gets wrong have no row.

- ``n_wrong`` of ``n_conditions`` conditions, and ``n_runs_wrong`` of ``n_runs`` single runs, get it wrong.
- ``predicted`` is the wrong class that most of these conditions choose, ``probability`` its mean over all conditions,
  and ``probability_of_class`` that of the true class.
- ``confident_condition`` is the one that is most certain of its wrong answer, ``confident_predicted``, with the
  probability ``confident_probability``.

Rows of a dataset begin with the subjects that most conditions get wrong, of equals with the most certain error.
"""

from imbalance_aware.tables.frames import TableForm

NUMBERS = (
    *("n_conditions", "n_wrong", "n_runs", "n_runs_wrong"),
    *("probability", "probability_of_class", "confident_probability"),
)
FAILURES = TableForm(
    "failures",
    (
        *("dataset", "subject", "group", "cohort", "class"),
        *("n_conditions", "n_wrong", "n_runs", "n_runs_wrong"),
        *("predicted", "probability", "probability_of_class"),
        *("confident_condition", "confident_predicted", "confident_probability"),
    ),
    NUMBERS,
)
