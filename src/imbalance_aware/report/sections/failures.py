"""The failure gallery: test subjects that every condition gets wrong, and the most certain errors, with pictures."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from imbalance_aware.report.parts import UNIT
from imbalance_aware.report.pictures import data_uri
from imbalance_aware.report.sample_pictures import SamplePictures
from imbalance_aware.report.study_files import DatasetFiles, StudyFiles
from imbalance_aware.reporting.grid import Cell, Panel, Row, number
from imbalance_aware.tables.duplicates import PIXELS, read_duplicates
from imbalance_aware.tables.failures import FAILURES

#: Subjects of each list that are shown with pictures; all are in the table.
MOST_MISSED, MOST_CERTAIN = 36, 12
PICTURE_PX = 480
DECIMALS = 2


def gather(study: StudyFiles) -> dict[str, Any] | None:
    """The failures on each dataset; None of a study whose table of failures has not been made."""
    table = study.tables / "failures.csv"
    if not table.is_file():
        return None
    rows = FAILURES.read(table)
    datasets = [_dataset(dataset, rows[rows["dataset"] == name]) for name, dataset in study.datasets.items()]
    return {"datasets": datasets}


def _dataset(dataset: DatasetFiles, rows: pd.DataFrame) -> dict[str, Any]:
    missed = rows[rows["n_wrong"] == rows["n_conditions"]]
    twins = _other_labels(dataset)
    certain = rows.sort_values("confident_probability", ascending=False, kind="stable").head(MOST_CERTAIN)
    pictures = SamplePictures(dataset)
    return {
        "name": dataset.name,
        "phantoms": dataset.phantoms,
        "kind": dataset.kind,
        "unit": UNIT[dataset.kind],
        "sequences": dataset.settings.get("sequences", ()),
        "n_conditions": 0 if rows.empty else int(rows["n_conditions"].iloc[0]),
        "n_runs": 0 if rows.empty else int(rows["n_runs"].iloc[0]),
        "n_wrong": len(rows),
        "n_missed": len(missed),
        "missed": [_shown(row, pictures, twins) for row in missed.head(MOST_MISSED).to_dict("records")],
        "further": max(0, len(missed) - MOST_MISSED),
        "certain": [_shown(row, pictures, twins) for row in certain.to_dict("records")],
        "table": _panel(rows),
    }


def _other_labels(dataset: DatasetFiles) -> dict[str, list[dict[str, str]]]:
    """Subject -> its duplicates that have another class: one of the two labels is wrong."""
    table = dataset.folder / "duplicates.csv"
    if not table.is_file():
        return {}
    twins = read_duplicates(table)
    members: dict[str, list[dict[str, str]]] = {}
    for _, rows in twins[twins["kind"] == PIXELS].groupby("set", sort=False):
        of_set = [{name: row[name] for name in ("subject", "class")} for row in rows.to_dict("records")]
        for one in of_set:
            others = [other for other in of_set if other["class"] not in (one["class"], "")]
            members.setdefault(one["subject"], []).extend(others)
    return members


def _shown(row: dict[str, Any], pictures: SamplePictures, twins: Mapping[str, list[dict[str, str]]]) -> dict[str, Any]:
    pixels = pictures.pixels(row["subject"])
    probabilities = ("probability", "probability_of_class", "confident_probability")
    return {
        **row,
        **{name: number(row[name], DECIMALS) for name in probabilities},
        **{name: int(row[name]) for name in ("n_wrong", "n_conditions", "n_runs", "n_runs_wrong")},
        "twins": twins.get(row["subject"], []),
        "picture": None if pixels is None else data_uri(pixels, PICTURE_PX),
    }


def _panel(rows: pd.DataFrame) -> Panel | None:
    """All subjects that any condition gets wrong; None where there are none."""
    known = bool((rows["group"] != rows["subject"]).any())
    heads = (
        *["Patient"] * known,
        *("Cohort", "Class", "Wrong conditions", "Wrong runs", "Predicted", "Probability"),
        *("Of the class", "Most certain condition", "It predicts", "With probability"),
    )
    body = tuple(Row((row["subject"],), tuple(map(Cell, _cells(row, known)))) for row in rows.to_dict("records"))
    return Panel(("Subject",), heads, body) if body else None


def _cells(row: dict[str, Any], patients_known: bool) -> tuple[str, ...]:
    return (
        *[row["group"]] * patients_known,
        *(row[name] for name in ("cohort", "class")),
        *(f"{row[name]:.0f}" for name in ("n_wrong", "n_runs_wrong")),
        row["predicted"],
        *(number(row[name], DECIMALS) for name in ("probability", "probability_of_class")),
        *(row[name] for name in ("confident_condition", "confident_predicted")),
        number(row["confident_probability"], DECIMALS),
    )
