"""The audit for duplicates, and the flow of subjects."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance_aware.cohort.audit import drop_conflicts, duplicates, units
from imbalance_aware.cohort.flow import flow
from imbalance_aware.cohort.inclusion import exclude, included
from imbalance_aware.cohort.subject_split import assign_split
from imbalance_aware.errors import UserError
from imbalance_aware.sources.fundus_phantoms import Settings as FundusPhantomSettings
from imbalance_aware.tables.duplicates import COLUMNS


def subjects_of(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """Rows of (class, split, excluded, pixels)."""
    subjects = pd.DataFrame(rows, columns=["class", "split", "excluded", "pixel_sha256"])
    subjects["subject"] = [f"s{number}" for number in range(len(subjects))]
    return subjects.assign(group=subjects["subject"], cohort="here", image=subjects["subject"] + ".png")


def test_twins_are_grouped_and_judged():
    subjects = subjects_of(
        ("a", "train", "", "p1"),
        ("b", "test", "", "p1"),
        ("a", "train", "", "p2"),
        ("a", "train", "", "p2"),
        ("a", "train", "", "p3"),
        ("a", "train", "", "p4"),
        ("a", "test", "", "p4"),
    )
    twins = duplicates(subjects)
    assert list(twins.columns) == list(COLUMNS)
    judged = twins.drop_duplicates("set").set_index("set")[["conflicting_label", "across_split"]]
    assert judged.to_dict("index") == {
        1: {"conflicting_label": True, "across_split": True},
        2: {"conflicting_label": False, "across_split": False},
        3: {"conflicting_label": False, "across_split": True},
    }
    assert twins["subject"].tolist() == ["s0", "s1", "s2", "s3", "s5", "s6"]


def test_undecoded_images_are_no_twins_and_no_twins_give_an_empty_table():
    assert duplicates(subjects_of(("a", "", "missing", ""), ("b", "", "missing", ""))).empty
    assert list(duplicates(subjects_of(("a", "train", "", "p1"))).columns) == list(COLUMNS)
    volumes = subjects_of(("a", "train", "", "p1")).drop(columns="pixel_sha256")
    assert list(duplicates(volumes).columns) == list(COLUMNS)


def test_an_excluded_twin_is_shown_but_does_not_cross_the_split():
    twins = duplicates(subjects_of(("a", "train", "", "p1"), ("b", "test", "size", "p1")))
    assert twins["conflicting_label"].all()
    assert not twins["across_split"].any()


def test_dropping_conflicts_touches_training_only():
    subjects = subjects_of(
        ("a", "train", "", "p1"),
        ("b", "test", "", "p1"),
        ("a", "train", "", "p2"),
        ("a", "train", "", "p2"),
        ("a", "train", "", "p3"),
        ("", "", "no class", "p3"),
    )
    drop_conflicts(subjects)
    assert included(subjects).tolist() == [False, True, True, True, True, False]
    assert subjects["excluded"][0] == "conflicting label: same pixels under another class"


def test_reasons_are_joined_and_the_first_one_counts():
    subjects = subjects_of(("a", "train", "", "p1"), ("a", "", "", "p2"))
    exclude(subjects, [1], "size: 2x2; odd")
    exclude(subjects, [1], "checksum")
    assert subjects["excluded"][1] == "size: 2x2, odd; checksum"
    counts = flow(subjects, ["a"]).set_index(["stage", "criterion"])["subjects"].to_dict()
    assert counts == {
        ("found", ""): 2,
        ("excluded", "size"): 1,
        ("included", ""): 1,
        ("train", ""): 1,
        ("test", ""): 0,
    }


reasons = st.sampled_from(["", "", "", "missing: no such file", "size: 3x3", "size: 4x4; checksum"])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["train", "test"]), reasons), min_size=1))
def test_the_flow_loses_nobody(rows):
    subjects = subjects_of(*[(name, "" if out else split, out, "") for name, split, out in rows])
    counts = (
        flow(subjects, ["a", "b"])
        .groupby("stage")["subjects"]
        .sum()
        .reindex(["found", "excluded", "included", "train", "test"], fill_value=0)
    )
    assert counts["found"] == len(rows)
    assert counts["found"] == counts["excluded"] + counts["included"]
    assert counts["included"] == counts["train"] + counts["test"]


def test_equal_pixels_join_groups_directly_and_through_others():
    subjects = subjects_of(
        *[("a", "", "", pixels) for pixels in ("p1", "p1", "p2", "p2", "p3", "", "")],
    ).assign(group=["g9", "g2", "g2", "g1", "g4", "g5", "g5"])
    assert units(subjects).tolist() == ["g1", "g1", "g1", "g1", "g4", "g5", "g5"]
    assert units(subjects[::-1])[::-1].tolist() == units(subjects).tolist()
    assert units(subjects.assign(group=subjects["subject"])).tolist() == ["s0", "s0", "s2", "s2", "s4", "s5", "s6"]


def test_volumes_are_compared_across_sequences_and_subjects():
    subjects = subjects_of(("a", "train", "", ""), ("b", "test", "", ""), ("a", "train", "", "")).drop(
        columns=["pixel_sha256", "image"]
    )
    subjects = subjects.assign(
        t1=["0t1", "1t1", "2t1"],
        t2=["0t2", "1t2", "2t2"],
        pixel_sha256_t1=["x", "", "y"],
        pixel_sha256_t2=["y", "x", ""],
    )
    twins = duplicates(subjects)
    assert twins[["set", "subject", "image", "conflicting_label", "across_split"]].values.tolist() == [
        [1, "s0", "0t1", True, True],
        [1, "s1", "1t2", True, True],
        [2, "s0", "0t2", False, False],
        [2, "s2", "2t1", False, False],
    ]
    assert units(subjects).tolist() == ["s0"] * 3
    drop_conflicts(subjects)
    assert included(subjects).tolist() == [False, True, True]


def test_a_source_that_gives_a_split_is_not_overruled_in_silence():
    subjects = subjects_of(*[("ab"[number % 2], "train", "", f"p{number}") for number in range(8)])
    with pytest.raises(UserError, match="the source gives a split, which `split: random` does not use"):
        assign_split(subjects, FundusPhantomSettings(adapter="fundus_phantoms"))


def test_a_class_whose_patients_are_one_by_their_images_is_a_clear_error():
    subjects = subjects_of(
        *[("a", "", "", f"p{number}") for number in range(4)], ("b", "", "", "q"), ("b", "", "", "q")
    )
    settings = FundusPhantomSettings(adapter="fundus_phantoms")
    with pytest.raises(UserError, match=r"same pixels.* share equal images count as one"):
        assign_split(subjects, settings)
