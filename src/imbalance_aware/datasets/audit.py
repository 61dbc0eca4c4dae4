"""The audit for duplicates: images that are the same to the last pixel, whatever their names and labels."""

import pandas as pd

from imbalance_aware.datasets.facts import exclude, included

COLUMNS = (
    "group",
    "subject",
    "cohort",
    "class",
    "split",
    "excluded",
    "conflicting_label",
    "across_split",
    "image",
    "pixel_sha256",
)


def duplicates(facts: pd.DataFrame) -> pd.DataFrame:
    """List every subject whose pixels another subject has too, by group of equal pixels.

    Args:
        facts: a cohort table with ``pixel_sha256``; empty where nothing could be decoded.

    Returns:
        One row per subject with a twin, columns `COLUMNS`; ``group`` counts from 1 in order of first
        appearance, ``conflicting_label`` says that the group's classes differ, ``across_split`` that it
        stands in training and test.
    """
    if "pixel_sha256" not in facts:
        return pd.DataFrame(columns=list(COLUMNS))
    decoded = facts[facts["pixel_sha256"] != ""]
    twins = decoded[decoded.duplicated("pixel_sha256", keep=False)].copy()
    pixels = twins.groupby("pixel_sha256", sort=False)
    twins["group"] = pixels.ngroup() + 1
    twins["conflicting_label"] = _labels_of(twins) > 1
    in_use = twins["split"].where(included(twins))
    twins["across_split"] = in_use.groupby(twins["group"]).transform("nunique") > 1
    return twins.sort_values("group", kind="stable")[list(COLUMNS)].reset_index(drop=True)


def drop_conflicts(facts: pd.DataFrame) -> None:
    """Keep out of training, in place, every sample whose pixels stand elsewhere under another class.

    The test set stays as it is, so that results with and without these samples are comparable.
    """
    decoded = facts[facts["pixel_sha256"] != ""]
    conflicting = decoded.index[_labels_of(decoded) > 1]
    training = facts.index[included(facts) & (facts["split"] == "train")]
    exclude(facts, conflicting.intersection(training), "conflicting label: the same pixels stand under another class")


def _labels_of(facts: pd.DataFrame) -> pd.Series:
    """For each row, how many classes its pixels stand under (unknown classes do not count)."""
    known = facts["class"].where(facts["class"] != "")
    return known.groupby(facts["pixel_sha256"]).transform("nunique")
