"""Counts of a dataset for the texts of a journal, from its tables: who was found, excluded, trained on and tested."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from imbalance_aware.journal.texts import DATASET_TABLES
from imbalance_aware.reporting.labels import readable
from imbalance_aware.tables.cohort import included, read_cohort
from imbalance_aware.tables.duplicates import GROUP, PIXELS, read_duplicates
from imbalance_aware.tables.flow import read_flow
from imbalance_aware.tables.samples import SPLITS, read_samples_frame

SAMPLES = ("subject", "group", "class", "label", "split", "cohort")
#: What a subject's preprocessing starts from -> what the texts call it, in this order.
STARTS = ("raw", "registered", "stripped")


def dataset_facts(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a dataset.

    Args:
        folder: ``results/datasets/{dataset}``.
        settings: of the dataset, from `imbalance_aware.journal.study_settings`.

    Returns:
        The settings, and counts: ``flow``, ``parts`` (one row per class), ``cohorts``, ``patients``, ``n``,
        ``duplicates``, and what the images had to go through (``starts``, ``resized``).

    Raises:
        UserError: a table that is missing or damaged.
    """
    cohort_table, flow_table = DATASET_TABLES[settings["kind"]]
    samples = read_samples_frame(folder / "samples.csv", SAMPLES)
    cohort = read_cohort(folder / cohort_table)
    alone = bool((samples["group"] == samples["subject"]).all())
    return {
        **settings,
        "name": folder.name,
        "label": readable(folder.name),
        "n": len(samples),
        "patients": int(samples["group"].nunique()),
        "alone": alone,
        "flow": _flow(read_flow(folder / flow_table)),
        "parts": _parts(samples),
        "cohorts": _counts(samples, "cohort"),
        "cohort_parts": _cohort_parts(samples),
        "duplicates": _duplicates(read_duplicates(folder / "duplicates.csv")),
        **_needed(cohort[included(cohort)], settings),
    }


def _flow(flow: pd.DataFrame) -> dict[str, Any]:
    """``found``, ``included`` and ``excluded``: (criterion, subjects), the most frequent first."""
    total = flow.groupby("stage")["subjects"].sum()
    excluded = flow[flow["stage"] == "excluded"].groupby("criterion", sort=True)["subjects"].sum()
    excluded = excluded.sort_values(ascending=False, kind="stable")
    return {
        "found": int(total.get("found", 0)),
        "included": int(total.get("included", 0)),
        "excluded": [{"criterion": str(name), "n": int(n)} for name, n in excluded.items()],
    }


def _parts(samples: pd.DataFrame) -> list[dict[str, Any]]:
    """Per class, in the order of the labels: its name, its samples ``n`` and ``patients``, and those of each part."""
    rows = []
    for (_, name), of_class in samples.groupby(["label", "class"]):
        parts = {}
        for split in SPLITS:
            here = of_class[of_class["split"] == split]
            parts[split] = {"n": len(here), "patients": int(here["group"].nunique())}
        rows.append(
            {"class": str(name), "n": len(of_class), "patients": int(of_class["group"].nunique()), "parts": parts}
        )
    return rows


def _counts(samples: pd.DataFrame, column: str) -> list[dict[str, Any]]:
    """Name, samples and patients of each value of a column, in the order of the table."""
    return [
        {"name": str(name), "n": len(rows), "patients": int(rows["group"].nunique())}
        for name, rows in samples.groupby(column, sort=False)
    ]


def _cohort_parts(samples: pd.DataFrame) -> dict[str, list[str]]:
    """Part -> names of the cohorts that are in it; empty for a cross-validated dataset."""
    return {
        split: list(dict.fromkeys(samples.loc[samples["split"] == split, "cohort"]))
        for split in SPLITS
        if (samples["split"] == split).any()
    }


def _duplicates(duplicates: pd.DataFrame) -> dict[str, int]:
    """Sets of equal images, those of them with several labels and on several sides; patients on several sides."""
    equal, groups = (duplicates[duplicates["kind"] == kind] for kind in (PIXELS, GROUP))

    def sets(rows: pd.DataFrame, flag: str) -> int:
        return int(rows.loc[rows[flag].str.lower() == "true", "set"].nunique())

    return {
        "sets": int(equal["set"].nunique()),
        "conflicting": sets(equal, "conflicting_label"),
        "across": sets(equal, "across_split"),
        "divided_patients": int(groups["group"].nunique()),
    }


def _needed(cohort: pd.DataFrame, settings: Mapping[str, Any]) -> dict[str, Any]:
    """How far the included volumes were preprocessed by their source; whether an image had another size."""
    if settings["kind"] == "volumes":
        start = cohort["start"] if "start" in cohort else pd.Series(settings["start"], index=cohort.index)
        return {"starts": {name: int((start == name).sum()) for name in STARTS if (start == name).any()}}
    if not {"height", "width"} <= {*cohort.columns}:
        return {"resized": None}
    height, width = map(str, settings["shape"])
    return {"resized": int(((cohort["height"] != height) | (cohort["width"] != width)).sum())}
