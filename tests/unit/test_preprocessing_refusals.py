"""Damaged and exchanged scans: each kind ends as a reason of that subject alone, or as a mark."""

import re
import shutil

import numpy as np
import pytest

import mri_cases
from imbalance_aware.errors import UserError
from imbalance_aware.preprocessing.qc_picture import ORANGE
from imbalance_aware.schema import parse
from imbalance_aware.volume_settings import BrainExtractionSettings
from mri_cases import HEALTHY, failure_of, qc_image
from mri_damage import DAMAGE, change, wrong_affine

# Most of them run the whole chain, five seconds each: together as long as the fast tests may take.
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_becomes_a_reason_and_the_chain_goes_on_to_its_end(patient, damage):
    harm, step, reason, file = DAMAGE[damage]
    harm(patient / HEALTHY)
    failed = failure_of(patient)
    assert (failed["step"], failed["reason"][: len(reason)]) == (step, reason)
    assert failed["file"].endswith(file)
    assert (patient / f"out/{HEALTHY}/patch.npy").stat().st_size == 0


def test_the_sequence_of_another_patient_is_refused_by_default(heads, patient):
    shutil.copy(heads / "other/flair.nii.gz", patient / HEALTHY / "flair.nii.gz")
    failed = failure_of(patient)
    assert failed["step"] == "strip"
    assert re.fullmatch(
        r"sequences do not match: the edges of flair match those of t1 by -?0\.\d+, at least 0\.12 is asked for "
        r"\(brain_extraction\.min_edge_match\); are both of this patient, and are their headers right\?",
        failed["reason"],
    )


def test_an_affine_that_turns_the_head_on_its_side_is_refused_by_default(patient):
    wrong_affine(patient / HEALTHY)
    assert failure_of(patient)["reason"].startswith("sequences do not match: the edges of t1c match those of t1")


def test_a_doubtful_match_is_marked_and_refuses_nobody(heads, patient, caplog):
    shutil.copy(heads / "other/flair.nii.gz", patient / HEALTHY / "flair.nii.gz")
    report = mri_cases.preprocess(patient, HEALTHY, patient / "out", strip={"min_edge_match": 0})
    assert report["failed"] is None and np.load(patient / f"out/{HEALTHY}/patch.npy").any()
    (warning,) = report["steps"]["strip"]["warnings"]
    assert (
        warning.startswith("the edges of flair match those of t1 by 0.")
        and "brain_extraction.sure_edge_match" in warning
    )
    assert warning in caplog.text
    picture, _ = qc_image(patient / "out" / HEALTHY)
    header = np.abs(picture[:60] - ORANGE).max(axis=-1) < 25
    assert header.any(), "the doubt is written on the picture"


def test_t1_exchanged_with_t2_is_marked(patient):
    """All sequences match each other; only the atlas knows what a T1 looks like."""
    one, other = (patient / HEALTHY / f"{name}.nii.gz" for name in ("t1", "t2"))
    swapped = one.read_bytes()
    shutil.copy(other, one)
    other.write_bytes(swapped)
    (patient / HEALTHY / "mask.nii.gz").unlink()
    report = mri_cases.preprocess(patient, HEALTHY, patient / "out")
    assert min(report["steps"]["strip"]["edge_match"].values()) > BrainExtractionSettings().sure_edge_match
    assert report["steps"]["strip"]["atlas_correlation"] < -0.2
    (warning,) = report["steps"]["strip"]["warnings"]
    assert warning.startswith("t1 correlates with the atlas's T1 by -0.") and "exchanged with T2" in warning


def test_the_key_of_the_former_measure_ends_in_a_sentence_with_the_new_ones():
    with pytest.raises(UserError, match=r"min_similarity: this key is gone.*min_edge_match.*sure_edge_match"):
        parse(BrainExtractionSettings, '{"min_similarity": 1.04}')
    with pytest.raises(UserError, match="min_edge_match: it is above sure_edge_match"):
        parse(BrainExtractionSettings, '{"min_edge_match": 0.3}')


def test_scans_that_claim_one_grid_and_have_several_are_a_reason(patient):
    failed = failure_of(patient, start="registered")
    assert failed["reason"].startswith("grids differ: t1c")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"volume_ml": [100, 900]}, "brain volume: 1"),
        ({"min_atlas_overlap": 0.999}, "atlas overlap: Dice 0.9"),
    ],
)
def test_an_implausible_brain_is_a_reason(patient, settings, reason):
    assert failure_of(patient, strip=settings)["reason"].startswith(reason)


def test_a_scan_that_shows_half_a_head_is_a_reason(patient):
    def blank(array):
        array[:, :, : array.shape[2] * 3 // 5] = 0
        return array

    change(patient / HEALTHY / "t2.nii.gz", blank)
    assert failure_of(patient)["reason"].startswith(("coverage: t2 shows", "sequences do not match: t2"))
