"""The search for duplicates: images with identical pixels or voxels, whatever their names and labels."""

from collections.abc import Iterable

import pandas as pd

from imbalance_aware.cohort.inclusion import exclude, included
from imbalance_aware.tables.cohort import FOLD
from imbalance_aware.tables.duplicates import COLUMNS, GROUP, PIXELS

#: Column with the path of a photograph.
IMAGE = "image"


def digest_column(image: str = IMAGE) -> str:
    """Name of the column with the digests of the files in a column of paths; volumes have one per sequence."""
    return "pixel_sha256" if image == IMAGE else f"pixel_sha256_{image}"


def duplicates(subjects: pd.DataFrame) -> pd.DataFrame:
    """List every image whose pixels another image has too, and every group (patient) that the split divides.

    Args:
        subjects: a cohort table with the columns of `digest_column`; a digest is empty where nothing could be decoded.

    Returns:
        Columns `COLUMNS`: one row per image with a twin, by set of equal pixels in order of first appearance;
        ``conflicting_label`` says that the set's classes differ. Then one row per included subject of a group that is
        on several sides of the split.
    """
    if FOLD in subjects:  # folds that the user's table gives are its sides
        subjects = subjects.assign(split="fold " + subjects[FOLD])
    decoded = _decoded(subjects)
    twins = decoded[decoded.duplicated("pixel_sha256", keep=False)].assign(kind=PIXELS)
    twins["set"] = twins.groupby("pixel_sha256", sort=False).ngroup() + 1
    in_use = twins["split"].where(included(twins))
    twins["across_split"] = in_use.groupby(twins["set"]).transform("nunique") > 1
    # Where the source knows of no patients, each subject is its own group: that tells nothing.
    known = bool((subjects["group"] != subjects["subject"]).any())
    named = twins["group"].where(twins["group"] != "")
    twins["across_groups"] = known & (named.groupby(twins["set"]).transform("nunique") > 1)
    crossing = _crossing_groups(subjects).assign(kind=GROUP, across_split=True, across_groups=False)
    crossing["set"] = crossing.groupby("group", sort=False).ngroup() + 1 + twins["set"].nunique()
    twins["conflicting_label"] = _labels_of(twins) > 1
    crossing["conflicting_label"] = False
    crossing = crossing.assign(image="", pixel_sha256="")
    found = pd.concat([part for part in (twins, crossing) if len(part)] or [twins])
    return found.sort_values("set", kind="stable")[list(COLUMNS)].reset_index(drop=True)


def _crossing_groups(subjects: pd.DataFrame) -> pd.DataFrame:
    """The included rows of groups that are on several sides of the split."""
    inside = subjects[included(subjects)]
    return inside[inside.groupby("group")["split"].transform("nunique") > 1]


def leakage(twins: pd.DataFrame) -> list[str]:
    """One line for each way in which a dataset tests on what it was trained on, or may do so.

    Args:
        twins: the table that `duplicates` gives.
    """
    equal, divided = twins["kind"] == PIXELS, twins["across_split"]
    lines = []
    if len(rows := twins[equal & divided]):
        lines.append(
            f"{rows['set'].nunique()} groups of identical images are in several parts of the given split, such as "
            f"{_example(rows)}: results on the test set are optimistic"
        )
    if len(rows := twins[~equal & divided]):
        lines.append(
            f"{rows['set'].nunique()} groups (patients) are in several parts of the given split, such as "
            f'"{rows["group"].iloc[0]}" with {_example(rows)}: results on the test set are optimistic'
        )
    if len(rows := twins[twins["across_groups"]]):
        one = rows[rows["set"] == rows["set"].iloc[0]].drop_duplicates("group")
        lines.append(
            f"{rows['set'].nunique()} groups of equal images belong to several groups (patients), such as "
            + " and ".join(
                f'{subject} ("{group}")' for subject, group in zip(one["subject"], one["group"], strict=True)
            )
            + ": one of them is named wrongly, or their images are"
        )
    return lines


def _example(rows: pd.DataFrame) -> str:
    """Two included subjects of the first set, on two sides of the split."""
    one = rows[(rows["set"] == rows["set"].iloc[0]) & (rows["excluded"] == "")]
    one = one.drop_duplicates("split").iloc[:2]
    return " and ".join(f"{subject} ({side})" for subject, side in zip(one["subject"], one["split"], strict=True))


def drop_conflicts(subjects: pd.DataFrame) -> None:
    """Exclude from training, in place, every sample whose pixels also occur under another class.

    The test set stays as it is, so that results with and without these samples are comparable.
    """
    decoded = _decoded(subjects)
    conflicting = decoded.index[_labels_of(decoded) > 1].unique()
    training = subjects.index[included(subjects) & (subjects["split"] == "train")]
    exclude(subjects, training.intersection(conflicting), "conflicting label: same pixels under another class")


def units(subjects: pd.DataFrame) -> pd.Series:
    """Units that a split must not separate: the samples of a group (patient), and samples with equal pixels.

    Args:
        subjects: a cohort table.

    Returns:
        Name of the unit of each row, same index: the first by name of the groups that it joins.
    """
    decoded = _decoded(subjects)
    twins = decoded[decoded.duplicated("pixel_sha256", keep=False)]
    return join(subjects["group"], (same.index for _, same in twins.groupby("pixel_sha256")))


def join(groups: pd.Series, sets: Iterable[pd.Index]) -> pd.Series:
    """Groups, joined where one of ``sets`` has rows of several, directly or through others.

    Args:
        groups: of each row.
        sets: index labels of rows that belong together.

    Returns:
        Name of the unit of each row, same index: the first by name of the groups that it joins.
    """
    joined = {name: name for name in groups}

    def first(name: str) -> str:
        while joined[name] != name:
            name = joined[name]
        return name

    for rows in sets:
        names = sorted({first(name) for name in groups[rows]})
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
    """For each row, the number of classes with the same pixels (unknown classes do not count)."""
    known = decoded["class"].where(decoded["class"] != "")
    return known.groupby(decoded["pixel_sha256"].to_numpy()).transform("nunique")
