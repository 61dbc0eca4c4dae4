"""From scans to patches, step by step, on drawn heads; every kind of damage ends as a reason of that subject alone."""

import errno
import json
import re
import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mri_cases
from imbalance_aware.__main__ import main
from imbalance_aware.errors import UserError
from imbalance_aware.preprocessing import qc_picture
from imbalance_aware.preprocessing.qc_picture import BLUE, GREEN, ORANGE
from imbalance_aware.preprocessing.register import placements
from imbalance_aware.preprocessing.registration import displacement_mm
from imbalance_aware.preprocessing.resample import on_atlas
from imbalance_aware.preprocessing.scans_to_patch import PatchMaker, SubjectFiles
from imbalance_aware.preprocessing.similarity import dice
from imbalance_aware.preprocessing.subject_step import Failure, first_step, next_step, next_steps, read_report
from imbalance_aware.schema import parse
from imbalance_aware.volume_settings import BrainExtractionSettings, PatchSettings
from imbalance_aware.volumes import read_mask, read_volume, reorient, write_volume
from mri_damage import DAMAGE, change, wrong_affine

# Most of them run the whole chain, five seconds each: together as long as the fast tests may take.
pytestmark = pytest.mark.slow

HEALTHY = "well"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    mri_cases.write_subjects(folder, {HEALTHY: "glioblastoma", "other": "astrocytoma"})
    return folder


@pytest.fixture(scope="module")
def made(source, preprocessed, tmp_path_factory):
    """What the step patch holds in memory of the healthy subject: the volumes on the atlas's grid, and scaled."""
    folder, out = preprocessed[0], tmp_path_factory.mktemp("made")
    scans = {name: source / HEALTHY / f"{name}.nii.gz" for name in mri_cases.SEQUENCES}
    files = SubjectFiles(scans, source / "atlas/brain.nii.gz", folder / "brain.nii.gz", folder / "tumour.nii.gz")
    maker = PatchMaker(files, PatchSettings(crop={"size": 24}), out / "patch.npy", out / "slices.npz")
    maker.run(read_report(folder / "mask.json"))
    atlas = reorient(read_volume(files.atlas_brain))
    return on_atlas(scans, preprocessed[1]["steps"]["register"]["matrices"], atlas, {}), maker.volumes


@pytest.fixture(scope="module")
def preprocessed(source, tmp_path_factory):
    """Folder with all files of the healthy subject, and its last report."""
    out = tmp_path_factory.mktemp("preprocessed")
    report = mri_cases.preprocess(source, HEALTHY, out)
    return out / HEALTHY, report


@pytest.fixture
def patient(source, tmp_path):
    """A copy of the atlas and the healthy subject that a test may damage."""
    for name in ("atlas", HEALTHY):
        shutil.copytree(source / name, tmp_path / name)
    return tmp_path


def _failed(patient, **arguments):
    report = mri_cases.preprocess(patient, HEALTHY, patient / "out", **arguments)
    assert report["failed"], "expected a failure"
    return report["failed"]


def test_registration_finds_the_drawn_motions(source, preprocessed):
    found = preprocessed[1]["steps"]["register"]["matrices"]
    truth = mri_cases.true_matrices(source / HEALTHY)
    for sequence, matrix in found.items():
        error = displacement_mm(np.array(matrix), truth[sequence], mri_cases.brain_points())
        assert error.mean() < 4, f"{sequence}: more than a voxel"


def test_every_scan_lies_on_the_atlas_and_shows_one_head(preprocessed, made):
    _, report = preprocessed
    assert report["failed"] is None
    volumes, _ = made
    assert volumes.array.shape == (48, 58, 46, 4)
    assert nib.aff2axcodes(volumes.affine) == ("L", "P", "S")
    strip = report["steps"]["strip"]
    assert all(value > 0.3 for value in strip["edge_match"].values())
    assert strip["atlas_correlation"] > 0.4 and strip["warnings"] == []
    assert report["steps"]["strip"]["atlas_overlap"] > 0.9


def test_scaled_volumes_fill_the_range_inside_the_brain_only(preprocessed, made):
    values, brain = made[1], read_mask(preprocessed[0] / "brain.nii.gz").array
    assert values.shape == (*brain.shape, 4)
    assert not values[~brain].any()
    assert values[brain].min() == 0
    assert values.max(axis=(0, 1, 2)) == pytest.approx([1, 1, 1, 1])


def test_the_patch_is_the_cube_around_the_tumour(preprocessed, made):
    folder, report = preprocessed
    patch = np.load(folder / "patch.npy")
    assert patch.shape == (4, 24, 24, 24) and patch.dtype == np.uint8
    scaled, tumour = made[1], read_mask(folder / "tumour.nii.gz").array
    centre = report["steps"]["crop"]["centre_voxel"]
    assert centre == np.rint(np.argwhere(tumour).mean(axis=0)).astype(int).tolist()
    assert patch[:, 12, 12, 12] == pytest.approx(np.rint(255 * scaled[tuple(centre)]))
    assert report["steps"]["crop"]["tumour_in_patch"] > 0.95


def test_the_same_scans_give_the_same_bytes(source, preprocessed, tmp_path):
    mri_cases.preprocess(source, HEALTHY, tmp_path)
    for name in ("patch.json", "patch.npy", "brain.nii.gz", "slices.npz", "qc.png"):
        assert (tmp_path / HEALTHY / name).read_bytes() == (preprocessed[0] / name).read_bytes()


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


@pytest.mark.parametrize("error", [TypeError("odd"), MemoryError(), RuntimeError("sitk::ERROR:\n too   many")])
def test_an_unforeseen_error_costs_its_subject_alone(tmp_path, error, caplog):
    def work(steps, measures):
        raise error

    (tmp_path / "before.json").write_text('{"subject": "x", "failed": null, "steps": {}}')
    next_step("strip", tmp_path / "before.json", tmp_path / "after.json", [tmp_path / "out.nii.gz"], work)
    failed = json.loads((tmp_path / "after.json").read_text())["failed"]
    message = " ".join(str(error).split()) or "no message"
    assert failed["reason"] == f"unexpected: {type(error).__name__}: {message} (step strip)"
    assert (tmp_path / "out.nii.gz").stat().st_size == 0
    assert "Traceback" in caplog.text and "in work" in caplog.text


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (UserError("no weights"), UserError),
        (ModuleNotFoundError("No module named 'torch'"), UserError),
        (OSError(errno.ENOSPC, "No space left on device"), OSError),
        (OSError("8000 requested and 4096 written"), OSError),  # what NumPy makes of a full disk
        (KeyboardInterrupt(), KeyboardInterrupt),
        (SystemExit(3), SystemExit),
    ],
)
def test_what_is_no_fault_of_the_subject_ends_the_step(tmp_path, error, raised):
    def work(measures):
        raise error

    with pytest.raises(raised):
        first_step("register", "x", tmp_path / "after.json", work)
    assert not (tmp_path / "after.json").exists()


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


@pytest.mark.parametrize("sequences", [("t2", "t1b"), ("t1", "t2", "flair"), ("t1", "t1c", "t2", "flair", "t1b")])
def test_the_list_of_sequences_is_free(patient, sequences):
    shutil.copy(patient / HEALTHY / "t1.nii.gz", patient / HEALTHY / "t1b.nii.gz")
    report = mri_cases.preprocess(patient, HEALTHY, patient / "out", sequences=sequences)
    assert report["failed"] is None
    assert np.load(patient / f"out/{HEALTHY}/patch.npy").shape[0] == len(sequences)


def _on_the_atlas(patient, preprocessed, made, stripped, offset_mm=0.0):
    """Make the subject's files what a cohort in atlas space publishes."""
    folder, _ = preprocessed
    volumes, brain = made[0], read_mask(folder / "brain.nii.gz").array
    affine = volumes.affine.copy()
    affine[0, 3] += offset_mm
    for channel, sequence in enumerate(mri_cases.SEQUENCES):
        values = volumes.array[..., channel] * (brain if stripped else 1)
        image = nib.Nifti1Image(values.astype(np.float32), affine)
        nib.save(image, patient / HEALTHY / f"{sequence}.nii.gz")
    tumour = nib.Nifti1Image(read_mask(folder / "tumour.nii.gz").array.astype(np.uint8), affine)
    nib.save(tumour, patient / HEALTHY / "mask.nii.gz")


@pytest.mark.parametrize("offset_mm", [0.0, 37.0])
def test_stripped_scans_in_their_place_keep_their_voxels(patient, preprocessed, made, offset_mm):
    """BraTS data sets agree in their voxels, not always in the origin of their headers."""
    _on_the_atlas(patient, preprocessed, made, stripped=True, offset_mm=offset_mm)
    report = mri_cases.preprocess(patient, HEALTHY, patient / "out", start="stripped")
    assert report["failed"] is None and report["steps"]["register"]["in_place"]
    ours, theirs = np.load(patient / f"out/{HEALTHY}/patch.npy"), np.load(preprocessed[0] / "patch.npy")
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_stripped_scans_in_another_place_are_brought_to_the_atlas(patient, preprocessed, made):
    _on_the_atlas(patient, preprocessed, made, stripped=True)
    for path in (patient / HEALTHY).glob("*.nii.gz"):
        image = nib.load(path)
        nib.save(nib.Nifti1Image(np.roll(np.asarray(image.dataobj), 6, axis=0)[:, :-2], image.affine), path)
    report = mri_cases.preprocess(patient, HEALTHY, patient / "out", start="stripped")
    assert report["failed"] is None and not report["steps"]["register"]["in_place"]
    assert report["steps"]["strip"]["atlas_overlap"] > 0.9


def test_registered_scans_are_not_registered_again(patient, preprocessed, made):
    _on_the_atlas(patient, preprocessed, made, stripped=False)
    report = mri_cases.preprocess(patient, HEALTHY, patient / "out", start="registered")
    assert report["failed"] is None
    matrices = report["steps"]["register"]["matrices"]
    assert all(matrix == matrices["t1"] for matrix in matrices.values())


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_becomes_a_reason_and_the_chain_goes_on_to_its_end(patient, damage):
    harm, step, reason, file = DAMAGE[damage]
    harm(patient / HEALTHY)
    failed = _failed(patient)
    assert (failed["step"], failed["reason"][: len(reason)]) == (step, reason)
    assert failed["file"].endswith(file)
    assert (patient / f"out/{HEALTHY}/patch.npy").stat().st_size == 0


def test_the_sequence_of_another_patient_is_refused_by_default(source, patient):
    shutil.copy(source / "other/flair.nii.gz", patient / HEALTHY / "flair.nii.gz")
    failed = _failed(patient)
    assert failed["step"] == "strip"
    assert re.fullmatch(
        r"sequences do not match: the edges of flair match those of t1 by -?0\.\d+, at least 0\.12 is asked for "
        r"\(brain_extraction\.min_edge_match\); are both of this patient, and are their headers right\?",
        failed["reason"],
    )


def test_an_affine_that_turns_the_head_on_its_side_is_refused_by_default(patient):
    wrong_affine(patient / HEALTHY)
    assert _failed(patient)["reason"].startswith("sequences do not match: the edges of t1c match those of t1")


def test_a_doubtful_match_is_marked_and_refuses_nobody(source, patient, caplog):
    shutil.copy(source / "other/flair.nii.gz", patient / HEALTHY / "flair.nii.gz")
    report = mri_cases.preprocess(patient, HEALTHY, patient / "out", strip={"min_edge_match": 0})
    assert report["failed"] is None and np.load(patient / f"out/{HEALTHY}/patch.npy").any()
    (warning,) = report["steps"]["strip"]["warnings"]
    assert (
        warning.startswith("the edges of flair match those of t1 by 0.")
        and "brain_extraction.sure_edge_match" in warning
    )
    assert warning in caplog.text
    picture, _ = _picture(patient / "out" / HEALTHY)
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
    failed = _failed(patient, start="registered")
    assert failed["reason"].startswith("grids differ: t1c")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"volume_ml": [100, 900]}, "brain volume: 1"),
        ({"min_atlas_overlap": 0.999}, "atlas overlap: Dice 0.9"),
    ],
)
def test_an_implausible_brain_is_a_reason(patient, settings, reason):
    assert _failed(patient, strip=settings)["reason"].startswith(reason)


def test_a_scan_that_shows_half_a_head_is_a_reason(patient):
    def blank(array):
        array[:, :, : array.shape[2] * 3 // 5] = 0
        return array

    change(patient / HEALTHY / "t2.nii.gz", blank)
    assert _failed(patient)["reason"].startswith(("coverage: t2 shows", "sequences do not match: t2"))


def _picture(folder):
    """RGB of a subject's picture, and how many pixels from a row on have about a colour."""
    picture = np.asarray(Image.open(folder / "qc.png").convert("RGB")).astype(int)
    return picture, lambda colour, below=0: int((np.abs(picture[below:] - colour).max(axis=-1) < 25).sum())


def test_the_picture_of_a_subject_shows_its_tumour_and_its_patch(preprocessed):
    picture, pixels = _picture(preprocessed[0])
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
    _failed(patient, **settings)
    folder = patient / "out" / HEALTHY
    picture, pixels = _picture(folder)
    reference, _ = _picture(preprocessed[0])
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
    picture, pixels = _picture(patient / "out" / HEALTHY)
    assert picture.shape[0] < 100 and pixels(ORANGE) > 20
    assert (patient / f"out/{HEALTHY}/slices.npz").stat().st_size == 0


@pytest.mark.parametrize("damage", ["unreadable scan", "no atlas"])
def test_what_cannot_be_drawn_is_left_out_of_the_picture(patient, damage):
    _failed(patient, strip={"min_atlas_overlap": 0.999})
    (patient / {"unreadable scan": f"{HEALTHY}/t2.nii.gz", "no atlas": "atlas/brain.nii.gz"}[damage]).write_text("no")
    mri_cases.patch(patient, HEALTHY, patient / "out" / HEALTHY, patient / "again")
    picture, pixels = _picture(patient / "again")
    assert (picture.shape[0] > 600) == (damage == "unreadable scan")
    assert pixels(ORANGE) > 20


def test_a_picture_that_cannot_be_drawn_excludes_nobody(source, preprocessed, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(qc_picture, "_planes", lambda *_: 1 / 0)
    report = mri_cases.patch(source, HEALTHY, preprocessed[0], tmp_path)
    assert report == preprocessed[1]
    assert (tmp_path / "patch.npy").read_bytes() == (preprocessed[0] / "patch.npy").read_bytes()
    assert _picture(tmp_path)[0].shape[0] < 100 and "cannot be drawn" in caplog.text


def test_an_atlas_that_cannot_be_read_is_no_fault_of_the_subject(patient, preprocessed):
    (patient / "atlas/brain.nii.gz").write_text("no")
    with pytest.raises(AssertionError):
        mri_cases.patch(patient, HEALTHY, preprocessed[0], patient / "out")
    assert not (patient / "out/patch.json").exists()


def test_the_axial_slice_passes_through_the_middle_of_the_patch(preprocessed):
    folder, _ = preprocessed
    kept, patch = np.load(folder / "slices.npz"), np.load(folder / "patch.npy")
    assert kept["slices"].shape == (4, 48, 58) and kept["slices"].dtype == np.uint8
    x, y = kept["corner"]
    assert (kept["slices"][:, x : x + 24, y : y + 24] == patch[:, :, :, 12]).all()
    assert kept["tumour"][x : x + 24, y : y + 24].sum() == kept["tumour"].sum() > 0


def _cohort(folder, subjects):
    rows = [(name, name, "here", label, side, "") for name, label, side in subjects]
    table = pd.DataFrame(rows, columns=["subject", "group", "cohort", "class", "split", "excluded"])
    table.loc[len(table)] = ["earlier", "earlier", "here", "a", "", "follow-up scan"]
    table.to_csv(folder / "cohort.csv", index=False)


def test_the_preprocessed_cohort_tells_who_failed_where_and_why(preprocessed, tmp_path, capsys):
    good, bad = preprocessed[1], {"subject": "x", "failed": None, "steps": {}}
    bad["failed"] = {"step": "register", "reason": "unreadable: t2, the file ends too early", "file": "x/t2.nii.gz"}
    subjects = [
        ("p1", "a", "train"),
        ("p2", "a", "test"),
        ("p3", "b", "train"),
        ("p4", "b", "test"),
        ("p5", "b", "test"),
    ]
    _cohort(tmp_path, subjects)
    for name, _, _ in subjects:
        (tmp_path / "subjects" / name).mkdir(parents=True)
        (tmp_path / "subjects" / name / "patch.json").write_text(json.dumps(bad if name == "p5" else good))
    out = {name: tmp_path / f"{name}.csv" for name in ("out", "qc", "flow")}
    mri_cases.step("preprocessed", cohort=tmp_path / "cohort.csv", subjects=tmp_path / "subjects", **out)

    table = pd.read_csv(out["out"], keep_default_na=False).set_index("subject")
    assert table["excluded"].to_dict() == {
        **{f"p{number}": "" for number in (1, 2, 3, 4)},
        "p5": "unreadable: t2, the file ends too early",
        "earlier": "follow-up scan",
    }
    assert table.at["p5", "split"] == ""
    quality = pd.read_csv(out["qc"], keep_default_na=False).set_index("subject")
    assert list(quality.index) == ["p1", "p2", "p3", "p4", "p5"]
    assert quality.loc["p5", ["passed", "step", "file"]].tolist() == [False, "register", "x/t2.nii.gz"]
    assert float(quality.at["p1", "atlas_overlap"]) == preprocessed[1]["steps"]["strip"]["atlas_overlap"]
    flow = pd.read_csv(out["flow"], keep_default_na=False)
    counts = flow.groupby("stage")["subjects"].sum()
    assert counts["found"] == 6 and counts["excluded"] == 2 and counts["included"] == 4
    assert set(flow["criterion"]) == {"", "follow-up scan", "unreadable"}

    # A class of which nobody is left is refused by the step that follows: these tables tell why.
    (tmp_path / "subjects/p4/patch.json").write_text(json.dumps(bad))
    mri_cases.step("preprocessed", cohort=tmp_path / "cohort.csv", subjects=tmp_path / "subjects", **out)
    arguments = ["--preprocessed", tmp_path, "--images", tmp_path / "images.npy", "--samples", tmp_path / "samples.csv"]
    assert main(["pack", "--cohort", str(out["out"]), *map(str, arguments)]) == 2
    assert (
        f'class "b" has no sample in the test set: 3 found, 1 usable; {out["out"]}, column excluded, has the reason for'
        in capsys.readouterr().err
    )


def test_the_measures_of_the_step_that_refused_a_patient_are_in_the_table(source, preprocessed, tmp_path):
    folder, report = preprocessed
    scans = {"volumes": [f"{name}={source / HEALTHY / name}.nii.gz" for name in mri_cases.SEQUENCES]}
    atlas, brain = {"atlas_brain": source / "atlas/brain.nii.gz"}, {"brain": folder / "brain.nii.gz"}
    refuse = {
        "strip": {"settings": '{"method": "threshold", "min_atlas_overlap": 0.999}'} | scans | atlas,
        "mask": {"settings": '{"min_inside_brain": 1.0}', "mask": source / HEALTHY / "mask.nii.gz"} | scans | brain,
    }
    before = {"strip": "register", "mask": "strip"}
    for step, options in refuse.items():
        end = tmp_path / "subjects" / step / "patch.json"
        mri_cases.step(step, **options, previous=folder / f"{before[step]}.json", out=tmp_path / "out.nii", report=end)
    mri_cases.patch(source, HEALTHY, folder, tmp_path / "subjects/scale", normalisation={"min_spread": 1.0})
    refuse["scale"] = {}
    _cohort(tmp_path, [(step, "a", "train") for step in refuse])
    out = {name: tmp_path / f"{name}.csv" for name in ("out", "qc", "flow")}
    mri_cases.step("preprocessed", cohort=tmp_path / "cohort.csv", subjects=tmp_path / "subjects", **out)
    quality = pd.read_csv(out["qc"]).set_index("subject")
    assert quality["step"].tolist() == list(refuse)
    measured = {
        "strip": ["coverage_t2", "brain_ml", "atlas_overlap", "edge_match_flair"],
        "mask": ["tumour_ml", "inside_brain", "mask_drawn_on", "mask_ambiguity_mm"],
        "scale": [f"intensity_{key}_t1c" for key in ("min", "median", "p99", "max", "spread")],
    }
    for step, columns in measured.items():
        assert quality.loc[step, columns].notna().all(), step
    assert quality.at["strip", "atlas_overlap"] == pytest.approx(report["steps"]["strip"]["atlas_overlap"])
    t1c = report["steps"]["scale"]
    assert quality.at["scale", "intensity_p99_t1c"] == pytest.approx(t1c["intensity_p99"]["t1c"])
    assert t1c["intensity_min"]["t1c"] < t1c["intensity_median"]["t1c"] < t1c["intensity_p99"]["t1c"]


def test_what_was_measured_before_an_unforeseen_error_is_kept(tmp_path):
    def work(measures):
        measures["coverage"] = 0.7
        raise RuntimeError

    first_step("register", "x", tmp_path / "after.json", work)
    report = json.loads((tmp_path / "after.json").read_text())
    assert report["failed"] and report["steps"] == {"register": {"coverage": 0.7}}


def test_steps_in_one_process_end_with_the_first_that_fails(tmp_path):
    def measuring(steps, measures):
        measures["seen"] = list(steps)

    def failing(steps, measures):
        measures["least"] = 0.1
        raise Failure("hot voxels: t1c", "t1c.nii.gz")

    before = {"subject": "x", "failed": None, "steps": {"mask": {}}}
    parts = {"resample": measuring, "scale": failing, "crop": measuring}
    report = next_steps(before, [tmp_path / "patch.npy"], parts)
    assert report["failed"] == {"step": "scale", "reason": "hot voxels: t1c", "file": "t1c.nii.gz"}
    assert report["steps"] == {"mask": {}, "resample": {"seen": ["mask"]}, "scale": {"least": 0.1}}
    assert (tmp_path / "patch.npy").read_bytes() == b"" and before["steps"] == {"mask": {}}
    assert next_steps(report, [tmp_path / "other.npy"], parts) == report
    assert (tmp_path / "other.npy").read_bytes() == b""


def test_the_table_of_quality_control_has_no_stray_columns(preprocessed, tmp_path):
    """Some subjects fail early, some lie in place: what is measured per sequence has no column of its own name."""
    early, placed = (
        {"subject": "x", "failed": {"step": "register"}, "steps": {}},
        json.loads(json.dumps(preprocessed[1])),
    )
    placed["steps"]["register"] = {"in_place": True, "matrices": {}}
    _cohort(tmp_path, [("p1", "a", "train"), ("p2", "a", "test"), ("p3", "a", "test")])
    early["failed"] |= {"reason": "unreadable: t2", "file": "t2.nii.gz"}
    empty = json.loads(json.dumps(preprocessed[1]))
    empty["steps"]["register"]["moved_mm"] = {}
    for name, report in (("p1", early), ("p2", placed), ("p3", empty)):
        (tmp_path / "subjects" / name).mkdir(parents=True)
        (tmp_path / "subjects" / name / "patch.json").write_text(json.dumps(report))
    out = {name: tmp_path / f"{name}.csv" for name in ("out", "qc", "flow")}
    mri_cases.step("preprocessed", cohort=tmp_path / "cohort.csv", subjects=tmp_path / "subjects", **out)
    columns = list(pd.read_csv(out["qc"]).columns)
    first = ["subject", "cohort", "class", "split", "passed", "step", "reason", "file", "warnings"]
    single = [
        "brain_ml",
        "atlas_overlap",
        "atlas_correlation",
        "tumour_ml",
        "inside_brain",
        "mask_drawn_on",
        "mask_ambiguity_mm",
    ]
    single += ["mask_sform_qform_mm", "tumour_in_patch"]
    others = [name for name in mri_cases.SEQUENCES if name != "t1"]
    per_sequence = {"edge_match": others, "coverage": mri_cases.SEQUENCES}
    per_sequence |= {f"intensity_{key}": mri_cases.SEQUENCES for key in ("min", "median", "p99", "max", "spread")}
    alike = [f"{name}_{sequence}" for name, sequences in per_sequence.items() for sequence in sequences]
    assert sorted(columns) == sorted([*first, *single, *alike])


def test_a_refused_cohort_leaves_its_tables_under_names_that_snakemake_does_not_delete(source, tmp_path, capsys):
    settings = {"adapter": "folder3d", "table": str(tmp_path / "table.csv"), "root": str(source)}
    tables = [part for name in ("out", "duplicates", "flow") for part in (f"--{name}", str(tmp_path / f"{name}.csv"))]
    table = pd.read_csv(source / "table.csv")
    table.to_csv(tmp_path / "table.csv", index=False)
    assert main(["cohort", "--settings", json.dumps(settings), *tables]) == 2
    left = tmp_path / "out_refused.csv"
    error = capsys.readouterr().err
    assert 'class "astrocytoma" has no sample in the train set' in error
    assert f"every subject with its reason is in {left}" in error
    assert not (tmp_path / "out.csv").exists()
    assert pd.read_csv(left)["subject"].tolist() == [HEALTHY, "other"]
    assert {path.name for path in tmp_path.glob("*_refused.csv")} == {
        "out_refused.csv",
        "duplicates_refused.csv",
        "flow_refused.csv",
    }
    other_side = table.assign(
        subject=table["subject"] + "2", split=table["split"].map({"train": "test", "test": "train"})
    )
    pd.concat([table, other_side]).to_csv(tmp_path / "table.csv", index=False)
    assert main(["cohort", "--settings", json.dumps(settings), *tables]) == 0
    assert (tmp_path / "out.csv").exists() and not list(tmp_path.glob("*_refused.csv"))


def test_masks_written_by_a_step_read_back(preprocessed, tmp_path):
    mask = read_mask(preprocessed[0] / "brain.nii.gz")
    write_volume(tmp_path / "again.nii.gz", mask)
    assert (tmp_path / "again.nii.gz").read_bytes() == (preprocessed[0] / "brain.nii.gz").read_bytes()
