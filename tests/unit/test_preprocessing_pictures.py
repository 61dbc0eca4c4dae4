"""The picture that a person judges a subject by, also of one who failed."""

import numpy as np
import pytest

import mri_cases
from imbalance_aware.preprocessing import qc_picture
from imbalance_aware.preprocessing.qc_picture import BLUE, GREEN, ORANGE
from mri_cases import HEALTHY, failure_of, qc_image

# Most of them run the whole chain, five seconds each: together as long as the fast tests may take.
pytestmark = pytest.mark.slow


def test_the_picture_of_a_subject_shows_its_tumour_and_its_patch(preprocessed):
    picture, pixels = qc_image(preprocessed[0])
    assert picture.shape[0] >= 600
    assert pixels(ORANGE) > 200 and pixels(BLUE) > 1000 and pixels(GREEN) == 0


@pytest.mark.parametrize(
    ("settings", "tumour"),
    [
        ({"strip": {"min_atlas_overlap": 0.999}}, False),
        ({"strip": {"min_edge_match": 0.9, "sure_edge_match": 0.9}}, False),
        ({"mask": {"min_inside_brain": 1.0}}, True),
    ],
)
def test_the_picture_of_one_who_failed_a_check_shows_what_there_is_to_judge(patient, preprocessed, settings, tumour):
    failure_of(patient, **settings)
    folder = patient / "out" / HEALTHY
    picture, pixels = qc_image(folder)
    reference, _ = qc_image(preprocessed[0])
    assert picture.shape[1] == reference.shape[1] and picture.shape[0] > 600
    assert pixels(GREEN) > 1000, "the brain that was found"
    assert pixels(ORANGE) > 20, "the reason is written"
    assert (pixels(ORANGE, below=100) > 200) == tumour, "the tumour that was found"
    assert pixels(BLUE) == 0, "no patch was cut"
    grey = picture[100:][np.ptp(picture[100:], axis=-1) == 0]
    assert 0.2 < (grey > 20).mean() < 0.9 and grey.max() > 240, "heads on a dark ground"
    assert (patient / f"out/{HEALTHY}/slices.npz").stat().st_size == 0


def test_the_picture_of_one_who_failed_before_holds_the_reason(patient):
    (patient / HEALTHY / "t1.nii.gz").unlink()
    mri_cases.preprocess(patient, HEALTHY, patient / "out")
    picture, pixels = qc_image(patient / "out" / HEALTHY)
    assert picture.shape[0] < 100 and pixels(ORANGE) > 20
    assert (patient / f"out/{HEALTHY}/slices.npz").stat().st_size == 0


@pytest.mark.parametrize("damage", ["unreadable scan", "no atlas"])
def test_what_cannot_be_drawn_is_left_out_of_the_picture(patient, damage):
    failure_of(patient, strip={"min_atlas_overlap": 0.999})
    (patient / {"unreadable scan": f"{HEALTHY}/t2.nii.gz", "no atlas": "atlas/brain.nii.gz"}[damage]).write_text("no")
    mri_cases.patch(patient, HEALTHY, patient / "out" / HEALTHY, patient / "again")
    picture, pixels = qc_image(patient / "again")
    assert (picture.shape[0] > 600) == (damage == "unreadable scan")
    assert pixels(ORANGE) > 20


def test_a_picture_that_cannot_be_drawn_excludes_nobody(heads, preprocessed, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(qc_picture, "_planes", lambda *_: 1 / 0)
    report = mri_cases.patch(heads, HEALTHY, preprocessed[0], tmp_path)
    assert report == preprocessed[1]
    assert (tmp_path / "patch.npy").read_bytes() == (preprocessed[0] / "patch.npy").read_bytes()
    assert qc_image(tmp_path)[0].shape[0] < 100 and "cannot be drawn" in caplog.text


def test_an_atlas_that_cannot_be_read_is_no_fault_of_the_subject(patient, preprocessed):
    (patient / "atlas/brain.nii.gz").write_text("no")
    with pytest.raises(AssertionError):
        mri_cases.patch(patient, HEALTHY, preprocessed[0], patient / "out")
    assert not (patient / "out/patch.json").exists()
