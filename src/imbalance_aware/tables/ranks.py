"""The ranks of candidates, ``ranks.csv``: one row per dataset, metric and candidate; rank 1 is the best.

``expected_rank``, its 95 % range from ``rank_low`` to ``rank_high`` and ``first``, the share of resamples in which a
candidate ranks first (no probability of being the best), are over draws of other patients and seeds, or of other
patients alone: ``question`` is ``procedure`` or ``models``. ``possible_best`` are those that are not worse than the
leader by the simultaneous interval. ``kendall_tau`` is the mean agreement of the order between two replicates, the same
in all rows of a metric.
"""

from imbalance_aware.tables.frames import TableForm

NUMBERS = ("value", "rank", "expected_rank", "rank_low", "rank_high", "first", "kendall_tau")
RANKS = TableForm(
    "statistics",
    ("dataset", "unit", "metric", "role", "candidate", "question", *NUMBERS, "possible_best", "note"),
    NUMBERS,
    ("possible_best",),
)
