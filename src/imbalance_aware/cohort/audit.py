"""The audit for duplicates: images that are the same to the last pixel or voxel, whatever their names and labels."""

import pandas as pd

from imbalance_aware.cohort.inclusion import exclude, included
from imbalance_aware.tables.duplicates import COLUMNS

#: Column with the path of a photograph.
IMAGE = "image"


def digest_column(image: str = IMAGE) -> str:
    """The column with the digest of what the paths in a column lead to; of volumes there is one per sequence."""
    return "pixel_sha256" if image == IMAGE else f"pixel_sha256_{image}"


def duplicates(subjects: pd.DataFrame) -> pd.DataFrame:
    """List every image whose pixels another image has too, by group of equal pixels.

    Args:
        subjects: a cohort table with the columns of `digest_column`; a digest is empty where nothing could be decoded.

    Returns:
        One row per image with a twin, columns `COLUMNS`; ``group`` counts from 1 in order of first
        appearance, ``conflicting_label`` says that the group's classes differ, ``across_split`` that it
        stands in training and test.
    """
    decoded = _decoded(subjects)
    twins = decoded[decoded.duplicated("pixel_sha256", keep=False)].copy()
    twins["group"] = twins.groupby("pixel_sha256", sort=False).ngroup() + 1
    twins["conflicting_label"] = _labels_of(twins) > 1
    in_use = twins["split"].where(included(twins))
    twins["across_split"] = in_use.groupby(twins["group"]).transform("nunique") > 1
    return twins.sort_values("group", kind="stable")[list(COLUMNS)].reset_index(drop=True)


def drop_conflicts(subjects: pd.DataFrame) -> None:
    """Keep out of training, in place, every sample whose pixels stand elsewhere under another class.

    The test set stays as it is, so that results with and without these samples are comparable.
    """
    decoded = _decoded(subjects)
    conflicting = decoded.index[_labels_of(decoded) > 1].unique()
    training = subjects.index[included(subjects) & (subjects["split"] == "train")]
    exclude(
        subjects, training.intersection(conflicting), "conflicting label: the same pixels stand under another class"
    )


def units(subjects: pd.DataFrame) -> pd.Series:
    """What no split may separate: the samples of a group (patient), and those that share pixels, directly or not.

    Args:
        subjects: a cohort table; without a column ``group``, each subject is a group.

    Returns:
        Name of the unit of each row, same index: the first by name of the groups that it joins.
    """
    groups = subjects["group"] if "group" in subjects else subjects["subject"]
    joined = {name: name for name in groups}

    def first(name: str) -> str:
        while joined[name] != name:
            name = joined[name]
        return name

    decoded = _decoded(subjects)
    for _, same in decoded[decoded.duplicated("pixel_sha256", keep=False)].groupby("pixel_sha256"):
        names = sorted({first(name) for name in groups[same.index]})
        joined.update(dict.fromkeys(names, names[0]))
    return groups.map(first)


def _decoded(subjects: pd.DataFrame) -> pd.DataFrame:
    """One row per decoded image: ``subjects`` with its path in ``image`` and its digest in ``pixel_sha256``.

    A subject with several images has several rows with its index, one after the other.
    """
    images = [name for name in subjects.columns if digest_column(name) in subjects]
    parts = [subjects.assign(image=subjects[name], pixel_sha256=subjects[digest_column(name)]) for name in images]
    rows = pd.concat(parts) if parts else subjects.iloc[:0].assign(image="", pixel_sha256="")
    return rows[rows["pixel_sha256"] != ""].sort_index(kind="stable")


def _labels_of(decoded: pd.DataFrame) -> pd.Series:
    """For each row, how many classes its pixels stand under (unknown classes do not count)."""
    known = decoded["class"].where(decoded["class"] != "")
    return known.groupby(decoded["pixel_sha256"].to_numpy()).transform("nunique")
