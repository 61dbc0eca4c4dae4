"""The sections of the report on the data: characteristics, duplicates, licences."""

from dataclasses import replace

import pytest
from report_cases import AMPERSAND, HEBREW, SCRIPT, rendered, study_of, subjects, write_dataset, write_twins
from report_pages import cells, pixels_of, shown_as_text

from imbalance_aware.report.sections import audit, characteristics, compute, failures, flow, licences, quality

SECTIONS = {"audit": audit, "characteristics": characteristics, "flow": flow, "failures": failures, "quality": quality}


@pytest.mark.parametrize("name", [*SECTIONS, "compute", "licences"])
def test_a_study_with_nothing_to_show_has_no_such_section(tmp_path, name):
    module = {**SECTIONS, "compute": compute, "licences": licences}[name]
    assert module.gather(study_of(tmp_path)) is None


def test_characteristics_count_images_and_patients(tmp_path):
    """Four images of two patients in training, one in the test; a class and a value of a subgroup called All."""
    rows = [
        {"subject": "a", "group": "p", "class": "All", "sex": "f"},
        {"subject": "b", "group": "p", "class": "All", "sex": "f"},
        {"subject": "c", "group": "p", "class": HEBREW, "sex": "f"},
        {"subject": "d", "group": "q", "class": HEBREW, "sex": "All"},
        {"subject": "e", "group": "r", "class": HEBREW, "sex": "All", "split": "test", "cohort": "x"},
    ]
    dataset = write_dataset(tmp_path / "d", subjects(rows), subgroups=["sex"], classes=("All", HEBREW))
    (shown,) = characteristics.gather(study_of(tmp_path, dataset))["datasets"]
    assert shown["has_patients"] and shown["folds"] == 0
    assert shown["classes"].groups == (("All", 3), ("Training", 3), ("Test", 3))
    assert cells(shown["classes"]) == [
        ["All", *("2", "40.0", "1"), *("2", "50.0", "1"), *("0", "0.0", "0")],
        [HEBREW, *("3", "60.0", "3"), *("2", "50.0", "2"), *("1", "100.0", "1")],
        ["All", *("5", "100.0", "3"), *("4", "100.0", "2"), *("1", "100.0", "1")],
    ]
    subsets = cells(shown["subsets"])
    assert [row[:3] for row in subsets if row[1] == "x"] == [["Cohort", "x", name] for name in ("All", "All", HEBREW)]
    assert ["Sex", "All", "All", "2", "2", "1", "1", "1", "1"] in subsets
    assert ["Sex", "f", "All", "2", "1", "2", "1", "0", "0"] in subsets
    assert ["Sex", "f", "All", "3", "1", "3", "1", "0", "0"] in subsets
    study = study_of(tmp_path, dataset)
    shown_as_text(rendered("characteristics", study, characteristics.gather(study)), HEBREW)


def test_characteristics_of_folds_are_of_those_tested(tmp_path):
    rows = [{"subject": name, "class": AMPERSAND, "split": ""} for name in "abc"]
    dataset = write_dataset(
        tmp_path / "d",
        subjects([*rows, {"subject": "d", "split": ""}]),
        folds=[["test", "train", "train", "test"], ["train", "test", "test", "train"]],
        repeats=3,
        classes=(SCRIPT, AMPERSAND),
    )
    study = study_of(tmp_path, dataset)
    (shown,) = characteristics.gather(study)["datasets"]
    assert not shown["has_patients"] and shown["subsets"] is None and (shown["folds"], shown["repeats"]) == (2, 3)
    assert [row[1::2] for row in cells(shown["classes"])] == [["1", "1", "0"], ["3", "1", "2"], ["4", "2", "2"]]
    page = shown_as_text(rendered("characteristics", study, characteristics.gather(study)), SCRIPT, AMPERSAND)
    assert "in the first of 3 repeats" in page.text


def test_the_audit_shows_pairs_with_labels_sides_and_pictures(tmp_path):
    twins = write_twins(tmp_path / "datasets/d")
    study = study_of(tmp_path, twins)
    (shown,) = audit.gather(study)["datasets"]
    assert shown["counts"] == {"equal": 2, "conflicting": 1, "across_split": 1, "across_groups": 0, "divided": 0}
    first, second = shown["sets"]
    assert first["flags"] == ["on several sides of the split", "labels differ"] and second["flags"] == []
    assert [(one["subject"], one["class"], one["side"]) for one in first["members"]] == [
        ("one", AMPERSAND, "test"),
        ("two", HEBREW, "training"),
        ("out", SCRIPT, ""),
    ]
    # The third is not packed: its pixels are those of the first.
    pictures = [one["picture"] for one in first["members"]]
    assert pictures[2] == pictures[0] and [one["of_twin"] for one in first["members"]] == [False, False, True]
    assert abs(int(pixels_of(pictures[1])[0, 0]) - 30) <= 4
    assert [row[0] for row in cells(shown["excluded"])] == ["out", "odd"]
    html = rendered("audit", study, audit.gather(study))
    page = shown_as_text(html, AMPERSAND, HEBREW, SCRIPT, "size: 3x3; blank", "picture of its duplicate")
    images = [given for tag, given in page.tags if tag == "img"]
    assert len(images) == 5 and all(one["loading"] == "lazy" and "enlarges" in one["class"] for one in images)
    assert "from several patients" not in page.text, "where none are known"


def test_the_audit_of_patients_on_several_sides_and_of_volumes(tmp_path):
    rows = [
        {"subject": "s1", "group": "<i>p", "split": "test"},
        {"subject": "s2", "group": "<i>p"},
        {"subject": "s3", "group": "q"},
    ]
    dataset = write_dataset(tmp_path / "d", subjects(rows), "volumes")
    study = study_of(tmp_path, dataset)
    (shown,) = audit.gather(study)["datasets"]
    assert shown["counts"]["divided"] == 1 and shown["counts"]["equal"] == 0
    (divided,) = shown["sets"]
    assert not divided["equal"] and divided["group"] == "<i>p" and not divided["members"][0]["of_twin"]
    page = shown_as_text(rendered("audit", study, audit.gather(study)), "patient <i>p", "No exclusions")
    assert "No two volumes have identical voxels" in page.text


def test_of_folds_the_audit_says_who_is_tested_where(tmp_path):
    rows = [{"subject": name, "split": "", "pixel_sha256": "same"} for name in "ab"]
    dataset = write_dataset(tmp_path / "d", subjects(rows), folds=[["test", "train"], ["train", "test"]])
    (shown,) = audit.gather(study_of(tmp_path, dataset))["datasets"]
    assert [one["side"] for one in shown["sets"][0]["members"]] == ["tested in fold 0", "tested in fold 1"]


def test_no_more_pictures_of_duplicates_than_a_page_can_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "MOST_SETS", 2)
    monkeypatch.setattr(audit, "MOST_MEMBERS", 3)
    rows = [{"subject": f"s{n}", "pixel_sha256": f"{n % 4}"} for n in range(20)]
    dataset = write_dataset(tmp_path / "d", subjects(rows))
    (shown,) = audit.gather(study_of(tmp_path, dataset))["datasets"]
    assert len(shown["sets"]) == 2 and shown["further"] == 2 and len(shown["duplicates"].rows) == 20
    assert [(len(one["members"]), one["further"]) for one in shown["sets"]] == [(3, 2), (3, 2)]


def test_licences_are_shown_as_they_are_stated(tmp_path):
    dataset = write_dataset(tmp_path / "d", subjects([{"subject": "a"}]))
    study = study_of(tmp_path, replace(dataset, licence="<i>CC BY</i> & so on"), replace(dataset, name=HEBREW))
    page = shown_as_text(rendered("licences", study, licences.gather(study)), "<i>CC BY</i> & so on", "not stated")
    assert ("bdi", {}) in page.tags
    assert HEBREW in page.text
