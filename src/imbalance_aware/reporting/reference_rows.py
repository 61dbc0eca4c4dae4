"""The majority class and prior-random as first rows of the tables: what every model is to be better than."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from imbalance_aware.reporting.labels import REFERENCES
from imbalance_aware.tables.frames import of_unit
from imbalance_aware.tables.values import REFERENCE, VALUES

NOTE = (
    "Majority class: the most frequent training class for everyone. Prior-random: classes drawn with their shares in "
    "the training set, expected values. Both need no image; they have the same value for every loss."
)


def read_references(path: Path, unit: str = "sample") -> pd.DataFrame:
    """Rows of ``values.csv`` of what needs no image, of one unit (`of_unit`).

    Raises:
        UserError: no such file, or another table.
    """
    table = VALUES.read(path)
    return of_unit(table[table["rule"] == REFERENCE], unit)


def with_references(summary: pd.DataFrame, references: pd.DataFrame, layout: str) -> pd.DataFrame:
    """The summary of a table with the references as further conditions, which `in_order` puts first.

    Args:
        summary: from `summarise`.
        references: from `read_references`.
        layout: ``losses_across``, where they are rows beside the samplings, or ``metrics_across``, where they are rows
            beside the losses.
    """
    return pd.concat([pd.DataFrame(_rows(summary, references, layout)), summary], ignore_index=True)[summary.columns]


def _rows(summary: pd.DataFrame, references: pd.DataFrame, layout: str) -> Iterator[dict]:
    found = references.set_index(["dataset", "condition", "metric"])["value"]
    across = "loss_key" if layout == "losses_across" else "metric"
    for name, label in REFERENCES.items():
        for row in summary.drop_duplicates(["dataset", "metric", across]).to_dict("records"):
            if (row["dataset"], name, row["metric"]) in found.index:
                value = found[row["dataset"], name, row["metric"]]
                place = {"sampling_label": label}
                if layout != "losses_across":
                    place = {"loss_key": name, "loss_label": label, "sampling_label": ""}
                numbers = {"mean": value, "n_repeats": 1, "n_seeds": int(pd.notna(value)), "n_runs": 1}
                kept = {key: row[key] for key in ("dataset", "loss_key", "loss_label", "batch_size", "metric")}
                marks = {
                    "n_collapsed": 0,
                    "n_diverged": 0,
                    "few_test_subjects": row["few_test_subjects"],
                    "best": False,
                }
                yield {"condition": name, **kept, **place, **numbers, **marks}
