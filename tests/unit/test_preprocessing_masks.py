"""On which sequence a tumour mask was drawn, and headers that contradict themselves."""

import json

import nibabel as nib
import numpy as np
import pytest

import mri_cases
from imbalance_aware.__main__ import main
from imbalance_aware.nifti import read_mask
from imbalance_aware.preprocessing.register import placements
from imbalance_aware.preprocessing.similarity import dice
from mri_cases import HEALTHY
from mri_damage import change

# Most of them run the whole chain, five seconds each: together as long as the fast tests may take.
pytestmark = pytest.mark.slow


def test_a_mask_on_the_grid_of_another_sequence_is_carried_along(patient, preprocessed):
    truth = mri_cases.true_matrices(patient / HEALTHY)
    mask, flair = nib.load(patient / HEALTHY / "mask.nii.gz"), nib.load(patient / HEALTHY / "flair.nii.gz")
    to_mask = np.linalg.inv(mri_cases.LPS @ mask.affine) @ truth["t1"] @ np.linalg.inv(truth["flair"])
    voxels = np.argwhere(np.ones(flair.shape))
    places = to_mask @ mri_cases.LPS @ flair.affine @ np.c_[voxels, np.ones(len(voxels))].T
    index = np.rint(places[:3]).astype(int)
    inside = ((index >= 0) & (index < np.array(mask.shape)[:, None])).all(axis=0)
    moved = np.zeros(flair.shape, np.uint8)
    moved.reshape(-1)[inside] = np.asarray(mask.dataobj)[tuple(index[:, inside])]
    nib.save(nib.Nifti1Image(moved, flair.affine), patient / HEALTHY / "mask.nii.gz")
    report = mri_cases.preprocess(patient, HEALTHY, patient / "out")
    assert report["failed"] is None
    ours = read_mask(patient / f"out/{HEALTHY}/tumour.nii.gz").array
    assert dice(ours, read_mask(preprocessed[0] / "tumour.nii.gz").array) > 0.75


@pytest.fixture
def shared_grid(patient, preprocessed):
    """The healthy subject with T1 and T1c on one grid, on which the mask lies too, registered 5 mm apart; T2-FLAIR lies
    on another."""
    flair = nib.load(patient / HEALTHY / "flair.nii.gz")
    aside = flair.affine.copy()
    aside[2, 3] += 3
    nib.save(nib.Nifti1Image(np.asarray(flair.dataobj), aside), patient / HEALTHY / "flair.nii.gz")
    for name in ("t1c", "mask"):
        image, t1 = nib.load(patient / HEALTHY / f"{name}.nii.gz"), nib.load(patient / HEALTHY / "t1.nii.gz")
        values = np.zeros(t1.shape, np.float32)
        part = tuple(slice(0, min(sizes)) for sizes in zip(image.shape, t1.shape, strict=True))
        values[part] = np.asarray(image.dataobj)[part]
        nib.save(nib.Nifti1Image(values, t1.affine), patient / HEALTHY / f"{name}.nii.gz")
    report = json.loads((preprocessed[0] / "strip.json").read_text())
    moved = np.array(report["steps"]["register"]["matrices"]["t1"])
    moved[0, 3] += 5
    report["steps"]["register"]["matrices"]["t1c"] = moved.tolist()
    (patient / "strip.json").write_text(json.dumps(report))
    return patient


def _mask_step(patient, preprocessed, **settings):
    """The step mask on the subject of `shared_grid`; its last report."""
    files = {"brain": preprocessed[0] / "brain.nii.gz", "previous": patient / "strip.json"}
    files |= {"mask": patient / HEALTHY / "mask.nii.gz", "out": patient / "tumour.nii.gz"}
    scans = [f"{name}={patient / HEALTHY / name}.nii.gz" for name in mri_cases.SEQUENCES]
    chosen = json.dumps(settings)
    mri_cases.step("mask", settings=chosen, volumes=scans, report=patient / "mask.json", **files)
    return json.loads((patient / "mask.json").read_text())


def _centre(patient):
    return np.argwhere(read_mask(patient / "tumour.nii.gz").array).mean(axis=0)


def test_a_grid_that_two_sequences_share_is_told_with_its_consequence(shared_grid, preprocessed, caplog):
    measures = _mask_step(shared_grid, preprocessed)["steps"]["mask"]
    assert measures["mask_drawn_on"] == "t1"
    assert measures["mask_ambiguity_mm"] == pytest.approx(5, abs=0.01)
    assert "has the grid of t1 and t1c and was assumed to be drawn on t1; with the others" in caplog.text


def test_the_sequence_that_the_mask_was_drawn_on_can_be_named(shared_grid, preprocessed, caplog):
    _mask_step(shared_grid, preprocessed)
    first = _centre(shared_grid)
    caplog.clear()
    measures = _mask_step(shared_grid, preprocessed, drawn_on="t1c")["steps"]["mask"]
    assert (measures["mask_drawn_on"], measures["mask_ambiguity_mm"]) == ("t1c", 0)
    assert not caplog.records
    spacing = read_mask(shared_grid / "tumour.nii.gz").affine[:3, :3]
    assert np.linalg.norm(spacing @ (_centre(shared_grid) - first)) == pytest.approx(5, abs=0.5)


@pytest.mark.parametrize("name", ["flair", "atlas"])
def test_a_mask_off_the_grid_that_the_settings_name_is_a_reason(shared_grid, preprocessed, name):
    failed = _mask_step(shared_grid, preprocessed, drawn_on=name)["failed"]
    off = f"mask on another grid: not on that of {name}, which mask.drawn_on names. Mask: 48 x "
    assert failed["reason"].startswith(off) and f" mm, {name}: " in failed["reason"]
    assert failed["file"].endswith("mask.nii.gz")


def test_a_mask_on_no_known_grid_is_told_with_all_grids(shared_grid, preprocessed):
    change(shared_grid / HEALTHY / "mask.nii.gz", lambda array: array[:-3])
    reason = _mask_step(shared_grid, preprocessed)["failed"]["reason"]
    assert reason.startswith("mask on another grid: neither on that of a sequence nor on the atlas's. Mask: 45 x 58 x ")
    assert ", t1 and t1c: 48 x 58 x " in reason and ", flair: 48 x " in reason and ", atlas: 48 x 58 x 46 " in reason
    assert reason.count(" voxels of ") == 5 and ";" not in reason


def _move_qform(path, offset_mm):
    """Set the qform of a file to its sform, moved to the right."""
    image = nib.load(path)
    moved = image.affine.copy()
    moved[0, 3] += offset_mm
    image.set_qform(moved, 1)
    nib.save(image, path)


def test_headers_that_contradict_themselves_are_recorded_and_warned_of(patient, caplog):
    paths = {name: patient / HEALTHY / f"{name}.nii.gz" for name in mri_cases.SEQUENCES}
    _move_qform(paths["t1"], 0)
    _move_qform(paths["t2"], 40)
    flair = nib.load(paths["flair"])
    metres = nib.Nifti1Image(np.asarray(flair.dataobj), np.diag([0.001, 0.001, 0.001, 1]) @ flair.affine)
    metres.header.set_xyzt_units("meter")
    nib.save(metres, paths["flair"])
    found = placements(paths)
    assert found["sform_qform_mm"] == pytest.approx({"t1": 0, "t2": 40}, abs=1e-3)
    assert found["header_unit"] == {"flair": "metres"}
    place, length = found["warnings"]
    assert place.startswith(
        "sform and qform of t2 place its voxels up to 40.0 mm apart, and the sform was used (sform: "
    )
    assert place.count(" voxels of ") == 2 and ", qform: " in place and ";" not in place
    assert length == "the header of flair gives lengths in metres, which were converted to mm"
    assert caplog.messages == [f"{paths['t2']}: {place}", f"{paths['flair']}: {length}"]


def test_the_header_of_a_mask_counts_as_well(shared_grid, preprocessed, caplog):
    _move_qform(shared_grid / HEALTHY / "mask.nii.gz", 7)
    measures = _mask_step(shared_grid, preprocessed)["steps"]["mask"]
    assert measures["mask_sform_qform_mm"] == pytest.approx(7, abs=1e-3)
    assert measures["warnings"][0].startswith("sform and qform of the mask place its voxels up to 7.0 mm apart")
    assert measures["warnings"][0] in caplog.text


def test_an_unambiguous_mask_is_recorded_as_such(preprocessed):
    measures = preprocessed[1]["steps"]["mask"]
    assert measures["mask_ambiguity_mm"] == 0 and measures["mask_drawn_on"] in mri_cases.SEQUENCES


def test_a_mask_drawn_on_a_sequence_that_does_not_exist_stops_the_step(patient, preprocessed, capsys):
    arguments = ["--settings", '{"drawn_on": "t1x"}', "--volumes", "t1=a", "--brain", "b", "--previous", "c"]
    assert main(["mask", *arguments, "--out", "d", "--report", "e"]) == 2
    assert 'mask.drawn_on: there is no sequence "t1x". Did you mean "t1"?' in capsys.readouterr().err


@pytest.mark.parametrize("labels", [{1: 1}, {1: 1, 2: 2, 3: 4}, {1: 1, 2: 2, 3: 3}, {1: 255}])
def test_every_label_but_0_counts_as_tumour(patient, preprocessed, labels):
    image = nib.load(patient / HEALTHY / "mask.nii.gz")
    mask = np.asarray(image.dataobj)
    parts = 1 + np.arange(mask.size).reshape(mask.shape) % len(labels)
    relabelled = np.where(mask > 0, np.vectorize(labels.get)(parts), 0).astype(np.float32)
    nib.save(nib.Nifti1Image(relabelled, image.affine), patient / HEALTHY / "mask.nii.gz")
    mri_cases.preprocess(patient, HEALTHY, patient / "out")
    ours = read_mask(patient / f"out/{HEALTHY}/tumour.nii.gz").array
    assert np.array_equal(ours, read_mask(preprocessed[0] / "tumour.nii.gz").array)
