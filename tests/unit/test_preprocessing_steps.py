"""From scans to patches, step by step, on drawn heads."""

import shutil

import nibabel as nib
import numpy as np
import pytest

import mri_cases
from imbalance_aware.nifti import read_mask, read_volume, write_volume
from imbalance_aware.preprocessing.registration import displacement_mm
from imbalance_aware.preprocessing.resample import on_atlas
from imbalance_aware.preprocessing.scans_to_patch import PatchMaker, SubjectFiles
from imbalance_aware.preprocessing.subject_step import read_report
from imbalance_aware.volume_settings import PatchSettings
from imbalance_aware.volumes import reorient
from mri_cases import HEALTHY

# Most of them run the whole chain, five seconds each: together as long as the fast tests may take.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made_volumes(heads, preprocessed, tmp_path_factory):
    """What the step patch holds in memory of the healthy subject: the volumes on the atlas's grid, and scaled."""
    folder, out = preprocessed[0], tmp_path_factory.mktemp("made")
    scans = {name: heads / HEALTHY / f"{name}.nii.gz" for name in mri_cases.SEQUENCES}
    files = SubjectFiles(scans, heads / "atlas/brain.nii.gz", folder / "brain.nii.gz", folder / "tumour.nii.gz")
    maker = PatchMaker(files, PatchSettings(crop={"size": 24}), out / "patch.npy", out / "slices.npz")
    maker.run(read_report(folder / "mask.json"))
    atlas = reorient(read_volume(files.atlas_brain))
    return on_atlas(scans, preprocessed[1]["steps"]["register"]["matrices"], atlas, {}), maker.volumes


def test_registration_finds_the_drawn_motions(heads, preprocessed):
    found = preprocessed[1]["steps"]["register"]["matrices"]
    truth = mri_cases.true_matrices(heads / HEALTHY)
    for sequence, matrix in found.items():
        error = displacement_mm(np.array(matrix), truth[sequence], mri_cases.brain_points())
        assert error.mean() < 4, f"{sequence}: more than a voxel"


def test_every_scan_lies_on_the_atlas_and_shows_one_head(preprocessed, made_volumes):
    _, report = preprocessed
    assert report["failed"] is None
    volumes, _ = made_volumes
    assert volumes.array.shape == (48, 58, 46, 4)
    assert nib.aff2axcodes(volumes.affine) == ("L", "P", "S")
    strip = report["steps"]["strip"]
    assert all(value > 0.3 for value in strip["edge_match"].values())
    assert strip["atlas_correlation"] > 0.4 and strip["warnings"] == []
    assert report["steps"]["strip"]["atlas_overlap"] > 0.9


def test_scaled_volumes_fill_the_range_inside_the_brain_only(preprocessed, made_volumes):
    values, brain = made_volumes[1], read_mask(preprocessed[0] / "brain.nii.gz").array
    assert values.shape == (*brain.shape, 4)
    assert not values[~brain].any()
    assert values[brain].min() == 0
    assert values.max(axis=(0, 1, 2)) == pytest.approx([1, 1, 1, 1])


def test_the_patch_is_the_cube_around_the_tumour(preprocessed, made_volumes):
    folder, report = preprocessed
    patch = np.load(folder / "patch.npy")
    assert patch.shape == (4, 24, 24, 24) and patch.dtype == np.uint8
    scaled, tumour = made_volumes[1], read_mask(folder / "tumour.nii.gz").array
    centre = report["steps"]["crop"]["centre_voxel"]
    assert centre == np.rint(np.argwhere(tumour).mean(axis=0)).astype(int).tolist()
    assert patch[:, 12, 12, 12] == pytest.approx(np.rint(255 * scaled[tuple(centre)]))
    assert report["steps"]["crop"]["tumour_in_patch"] > 0.95


def test_the_same_scans_give_the_same_bytes(heads, preprocessed, tmp_path):
    mri_cases.preprocess(heads, HEALTHY, tmp_path)
    for name in ("patch.json", "patch.npy", "brain.nii.gz", "slices.npz", "qc.png"):
        assert (tmp_path / HEALTHY / name).read_bytes() == (preprocessed[0] / name).read_bytes()


@pytest.mark.parametrize("sequences", [("t2", "t1b"), ("t1", "t2", "flair"), ("t1", "t1c", "t2", "flair", "t1b")])
def test_the_list_of_sequences_is_free(patient, sequences):
    shutil.copy(patient / HEALTHY / "t1.nii.gz", patient / HEALTHY / "t1b.nii.gz")
    report = mri_cases.preprocess(patient, HEALTHY, patient / "out", sequences=sequences)
    assert report["failed"] is None
    assert np.load(patient / f"out/{HEALTHY}/patch.npy").shape[0] == len(sequences)


def _on_the_atlas(patient, preprocessed, made_volumes, stripped, offset_mm=0.0):
    """Make the subject's files what a cohort in atlas space publishes."""
    folder, _ = preprocessed
    volumes, brain = made_volumes[0], read_mask(folder / "brain.nii.gz").array
    affine = volumes.affine.copy()
    affine[0, 3] += offset_mm
    for channel, sequence in enumerate(mri_cases.SEQUENCES):
        values = volumes.array[..., channel] * (brain if stripped else 1)
        image = nib.Nifti1Image(values.astype(np.float32), affine)
        nib.save(image, patient / HEALTHY / f"{sequence}.nii.gz")
    tumour = nib.Nifti1Image(read_mask(folder / "tumour.nii.gz").array.astype(np.uint8), affine)
    nib.save(tumour, patient / HEALTHY / "mask.nii.gz")


@pytest.mark.parametrize("offset_mm", [0.0, 37.0])
def test_stripped_scans_in_their_place_keep_their_voxels(patient, preprocessed, made_volumes, offset_mm):
    """BraTS data sets agree in their voxels, not always in the origin of their headers."""
    _on_the_atlas(patient, preprocessed, made_volumes, stripped=True, offset_mm=offset_mm)
    report = mri_cases.preprocess(patient, HEALTHY, patient / "out", start="stripped")
    assert report["failed"] is None and report["steps"]["register"]["in_place"]
    ours, theirs = np.load(patient / f"out/{HEALTHY}/patch.npy"), np.load(preprocessed[0] / "patch.npy")
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_stripped_scans_in_another_place_are_brought_to_the_atlas(patient, preprocessed, made_volumes):
    _on_the_atlas(patient, preprocessed, made_volumes, stripped=True)
    for path in (patient / HEALTHY).glob("*.nii.gz"):
        image = nib.load(path)
        nib.save(nib.Nifti1Image(np.roll(np.asarray(image.dataobj), 6, axis=0)[:, :-2], image.affine), path)
    report = mri_cases.preprocess(patient, HEALTHY, patient / "out", start="stripped")
    assert report["failed"] is None and not report["steps"]["register"]["in_place"]
    assert report["steps"]["strip"]["atlas_overlap"] > 0.9


def test_registered_scans_are_not_registered_again(patient, preprocessed, made_volumes):
    _on_the_atlas(patient, preprocessed, made_volumes, stripped=False)
    report = mri_cases.preprocess(patient, HEALTHY, patient / "out", start="registered")
    assert report["failed"] is None
    matrices = report["steps"]["register"]["matrices"]
    assert all(matrix == matrices["t1"] for matrix in matrices.values())


def test_the_axial_slice_passes_through_the_middle_of_the_patch(preprocessed):
    folder, _ = preprocessed
    kept, patch = np.load(folder / "slices.npz"), np.load(folder / "patch.npy")
    assert kept["slices"].shape == (4, 48, 58) and kept["slices"].dtype == np.uint8
    x, y = kept["corner"]
    assert (kept["slices"][:, x : x + 24, y : y + 24] == patch[:, :, :, 12]).all()
    assert kept["tumour"][x : x + 24, y : y + 24].sum() == kept["tumour"].sum() > 0


def test_masks_written_by_a_step_read_back(preprocessed, tmp_path):
    mask = read_mask(preprocessed[0] / "brain.nii.gz")
    write_volume(tmp_path / "again.nii.gz", mask)
    assert (tmp_path / "again.nii.gz").read_bytes() == (preprocessed[0] / "brain.nii.gz").read_bytes()
