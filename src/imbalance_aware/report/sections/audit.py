"""The audit of the data: equal images and divided patients, with pictures, and everybody who was left out, with why."""

from typing import Any

import pandas as pd

from imbalance_aware.report.parts import PART_NAMES, first_folds
from imbalance_aware.report.pictures import data_uri
from imbalance_aware.report.sample_pictures import SamplePictures
from imbalance_aware.report.study_files import DatasetFiles, StudyFiles
from imbalance_aware.reporting.grid import Cell, Panel, Row
from imbalance_aware.tables.cohort import included, read_cohort
from imbalance_aware.tables.duplicates import PIXELS, read_duplicates

#: Sets whose pictures are shown; all are in the table of duplicates.
MOST_SETS = 60
#: Members of a set whose pictures are shown.
MOST_MEMBERS = 8
PICTURE_PX = 320
FLAG = "True"
#: What members of a set have in common, by kind of dataset.
KINDS = {"images": "equal pixels", "volumes": "equal voxels"}
#: Column of the table -> what is said of a set in which it is true.
FLAGS = {
    "across_split": "on several sides of the split",
    "conflicting_label": "labels differ",
    "across_groups": "of several patients",
}


def gather(study: StudyFiles) -> dict[str, Any] | None:
    """What was found in each dataset; None where none has a table of duplicates."""
    found = [_dataset(dataset) for dataset in study.datasets.values() if (dataset.folder / "duplicates.csv").is_file()]
    return {"datasets": found} if found else None


def _dataset(dataset: DatasetFiles) -> dict[str, Any]:
    twins = read_duplicates(dataset.folder / "duplicates.csv")
    sets = _most_serious_first(twins)
    pictures = SamplePictures(dataset)
    packed = (dataset.folder / "images.npy").is_file()
    tested = _tested_by(dataset)
    patients_known = bool((twins["group"] != twins["subject"]).any())
    return {
        "name": dataset.name,
        "phantoms": dataset.phantoms,
        "kind": dataset.kind,
        "counts": _counts(twins),
        "patients_known": patients_known,
        "sets": [_set(rows, pictures if packed else None, tested) for rows in sets[:MOST_SETS]],
        "further": max(0, len(sets) - MOST_SETS),
        "duplicates": _panel(twins.replace({"kind": {PIXELS: KINDS[dataset.kind]}}), patients_known),
        "excluded": _excluded(dataset),
    }


def _counts(twins: pd.DataFrame) -> dict[str, int]:
    """How many sets there are of each kind."""
    equal, flag = twins["kind"] == PIXELS, {name: twins[name] == FLAG for name in FLAGS}
    kinds = {
        "equal": equal,
        "conflicting": equal & flag["conflicting_label"],
        "across_split": equal & flag["across_split"],
        "across_groups": equal & flag["across_groups"],
        "divided": ~equal,
    }
    return {name: int(twins.loc[rows, "set"].nunique()) for name, rows in kinds.items()}


def _most_serious_first(twins: pd.DataFrame) -> list[pd.DataFrame]:
    """The sets: those across the split, then those with different labels, then the others; else as in the table."""
    sets = [rows for _, rows in twins.groupby("set", sort=False)]
    return sorted(sets, key=lambda rows: tuple((rows[name] != FLAG).all() for name in FLAGS))


def _set(rows: pd.DataFrame, pictures: SamplePictures | None, tested: dict[str, str]) -> dict[str, Any]:
    members = [_member(row, pictures, tested) for row in rows.head(MOST_MEMBERS).to_dict("records")]
    equal = bool((rows["kind"] == PIXELS).all())
    if equal:
        _share_picture(members)
    return {
        "number": rows["set"].iloc[0],
        "equal": equal,
        "group": rows["group"].iloc[0],
        "flags": [words for name, words in FLAGS.items() if (rows[name] == FLAG).any()],
        "members": members,
        "further": max(0, len(rows) - MOST_MEMBERS),
    }


def _member(row: dict[str, Any], pictures: SamplePictures | None, tested: dict[str, str]) -> dict[str, Any]:
    pixels = pictures.pixels(row["subject"]) if pictures else None
    return {
        "subject": row["subject"],
        "group": row["group"],
        "class": row["class"],
        "cohort": row["cohort"],
        "side": PART_NAMES.get(row["split"], row["split"]).lower() or tested.get(row["subject"], ""),
        "excluded": row["excluded"],
        "file": row["image"],
        "picture": None if pixels is None else data_uri(pixels, PICTURE_PX),
        "of_twin": False,
    }


def _share_picture(members: list[dict[str, Any]]) -> None:
    """Give members that are not packed the picture of one that is, whose pixels are the same; in place."""
    known = next((member["picture"] for member in members if member["picture"]), None)
    for member in members:
        if member["picture"] is None and known is not None:
            member |= {"picture": known, "of_twin": True}


def _tested_by(dataset: DatasetFiles) -> dict[str, str]:
    """Subject -> the fold of the first repeat that tests it; empty of a fixed split."""
    return {
        subject: f"tested in fold {number}"
        for number, fold in enumerate(first_folds(dataset))
        for subject, part in fold.items()
        if part == "test"
    }


#: Columns of the table of duplicates that are shown, and their headings; some only where patients are known.
HEADS = {
    "kind": "Kind",
    "subject": "Subject",
    "group": "Patient",
    "cohort": "Cohort",
    "class": "Class",
    "split": "Split",
    "excluded": "Excluded",
    "across_split": "Across split",
    "conflicting_label": "Labels differ",
    "across_groups": "Several patients",
    "image": "File",
}
OF_PATIENTS = ("group", "across_groups")


def _panel(twins: pd.DataFrame, patients_known: bool) -> Panel | None:
    """The table of duplicates without its digests; None where it has no rows."""
    columns = [name for name in HEADS if patients_known or name not in OF_PATIENTS]
    words = twins.replace({name: {FLAG: "yes", "False": "no"} for name in FLAGS})
    rows = tuple(Row((row["set"],), tuple(Cell(row[name]) for name in columns)) for row in words.to_dict("records"))
    return Panel(("Set",), tuple(HEADS[name] for name in columns), rows) if rows else None


def _excluded(dataset: DatasetFiles) -> Panel | None:
    """Everybody who was left out, with all reasons; None where nobody was."""
    preprocessed, listed = dataset.folder / "preprocessed.csv", dataset.folder / "cohort.csv"
    table = preprocessed if preprocessed.is_file() else listed
    if not table.is_file():
        return None
    subjects = read_cohort(table)
    out = subjects[~included(subjects)]
    columns = ("cohort", "class", "excluded")
    rows = tuple(Row((row["subject"],), tuple(Cell(row[name]) for name in columns)) for row in out.to_dict("records"))
    return Panel(("Subject",), ("Cohort", "Class", "Reason"), rows) if rows else None
