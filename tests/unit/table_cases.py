"""A made-up metrics.csv, of which tests make tables."""

import pandas as pd
from condition_rows import conditions

CONDITIONS = [
    *conditions("ce-uniform", "ce_f1-weighted", "mcc-oversampling"),
    {"condition": "tail_bender-uniform", "loss": "tail_bender", "sampling": "uniform", "weighted": False},
]


def tidy(*runs, batch_size=50, metric="balanced_accuracy") -> pd.DataFrame:
    """A metrics.csv from (dataset, condition, seed, value[, status[, metric]])."""
    by_name = {row["condition"]: row for row in CONDITIONS}
    rows = []
    for dataset, condition, seed, value, *rest in runs:
        status, name = [*rest, *("ok", metric)[len(rest) :]]
        rows.append(
            {"study": "s", "dataset": dataset, **by_name[condition], "batch_size": batch_size, "seed": seed}
            | {"repeat": 0, "metric": name, "value": value, "status": status}
        )
    return pd.DataFrame(rows)
