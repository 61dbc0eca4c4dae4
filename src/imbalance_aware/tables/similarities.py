"""How alike the maps of different networks are, ``similarity.csv``: one row per subject and pair of networks.

``a`` and ``b`` are ``baseline``, ``best`` or ``random``; ``draw`` numbers the networks of random weights from 0.
``spearman`` is Spearman's rank correlation over the ``cells`` of the layer whose maps are combined, before they are
interpolated; it is empty where one of the maps is the same in all cells. ``class`` is the true class of the subject,
``explained`` the class whose score the maps explain, ``outcome`` whether the best condition classifies the subject
correctly or wrongly.
"""

from imbalance_aware.tables.frames import TableForm

#: Networks.
BASELINE, BEST, RANDOM = "baseline", "best", "random"
#: Values of ``outcome``.
CORRECT, WRONG = "correct", "wrong"

NUMBERS = ("draw", "cells", "spearman")
SIMILARITIES = TableForm(
    "explanations",
    ("dataset", "subject", "class", "outcome", "explained", "a", "b", "draw", "cells", "spearman"),
    NUMBERS,
)
