import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

import mri_cases
from imbalance_aware.nifti import read_volume
from imbalance_aware.phantoms.mri_anatomy import draw_head
from imbalance_aware.phantoms.mri_scanner import Pose, scan
from imbalance_aware.preprocessing.register import Atlas
from imbalance_aware.preprocessing.registration import (
    LPS,
    Problem,
    displacement_mm,
    register,
    resample,
    schedule,
    to_itk,
    to_matrix,
)
from imbalance_aware.preprocessing.subject_step import Failure
from imbalance_aware.volumes import Volume, reorient

SAMPLES = 6000


@pytest.fixture(scope="module")
def head():
    return draw_head(2, np.random.default_rng(3))


@pytest.fixture(scope="module")
def still(head):
    """T1 of a head that lies straight."""
    return _scan(head, "t1", Pose(np.eye(4)))


def _scan(head, sequence, pose, voxel_mm=4):
    volume = scan(head, sequence, pose, voxel_mm, 0.03, np.random.default_rng(4))
    return Volume(volume.array.astype(np.float32), volume.affine)


def _error_mm(found, pose):
    return displacement_mm(found, LPS @ pose.matrix @ LPS, mri_cases.brain_points())


@pytest.mark.parametrize("sequence", ["t1c", "t2", "flair"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_known_motion_is_found_across_contrasts_to_half_a_voxel(head, still, sequence, seed):
    pose = Pose.random(np.random.default_rng(seed), 8, 10)
    found = register(still, _scan(head, sequence, pose), samples=SAMPLES)
    assert _error_mm(found.matrix, pose).mean() < 2


def test_a_head_far_from_where_its_header_says_is_found(head, still):
    pose = Pose(np.eye(4))
    pose.matrix[:3, 3] = [70, -60, 80]
    assert _error_mm(register(still, _scan(head, "t2", pose), samples=SAMPLES).matrix, pose).mean() < 2


def test_the_result_is_the_same_every_time(head, still):
    moving = _scan(head, "flair", Pose.random(np.random.default_rng(5), 5, 5))
    first, second = (register(still, moving, samples=2000) for _ in range(2))
    assert np.array_equal(first.matrix, second.matrix)
    assert first.mutual_information == second.mutual_information


def _stored(path, volume, orientation):
    """The volume after a file that stores its voxels in another order, and where they lie in 32-bit numbers."""
    turned = reorient(volume, orientation)
    nib.save(nib.Nifti1Image(turned.array, turned.affine), path)
    return read_volume(path)


@pytest.mark.parametrize("orientation", [("R", "A", "S"), ("S", "P", "L"), ("P", "I", "R")])
def test_the_order_in_which_voxels_are_stored_changes_nothing(tmp_path, head, still, orientation):
    moving = _scan(head, "flair", Pose.random(np.random.default_rng(5), 5, 5))
    region = still.array > np.quantile(still.array, 0.5)
    found = []
    for stored in (("L", "P", "S"), orientation):
        fixed, other = (_stored(tmp_path / "x.nii", volume, stored) for volume in (still, moving))
        focus = reorient(Volume(region, still.affine), stored).array
        found.append(register(fixed, other, focus, samples=1000))
    assert np.array_equal(found[0].matrix, found[1].matrix)
    one, other = (resample(volume, still, found[0].matrix).array for volume in (moving, reorient(moving, orientation)))
    assert np.array_equal(one, other)


@pytest.mark.slow
def test_the_order_in_which_a_real_patients_voxels_are_stored_changes_nothing(tmp_path, reference_patient):
    scans = [read_volume(reference_patient / f"raw/{name}.nii.gz") for name in ("t1", "flair")]
    found = []
    for stored in (("L", "P", "S"), ("S", "A", "R")):
        fixed, moving = (_stored(tmp_path / "x.nii", volume, stored) for volume in scans)
        found.append(register(fixed, moving, samples=1000).matrix)
    assert np.array_equal(*found)


def test_a_rigid_transform_keeps_sizes_and_an_affine_one_finds_them(head, still):
    larger = Volume(still.array, np.diag([1.08, 0.95, 1.0, 1]) @ still.affine)
    rigid = register(still, larger, samples=SAMPLES)
    affine = register(still, larger, transform="affine", samples=SAMPLES)
    assert np.linalg.svd(rigid.matrix[:3, :3])[1] == pytest.approx([1, 1, 1], abs=1e-6)
    assert np.linalg.svd(affine.matrix[:3, :3])[1] == pytest.approx([1.08, 1.0, 0.95], abs=0.015)


def test_the_finer_levels_look_at_the_region_only(head):
    fixed = _scan(head, "t1", Pose(np.eye(4)), voxel_mm=2)
    pose = Pose.random(np.random.default_rng(6), 4, 4)
    moving = _scan(head, "t2", pose, voxel_mm=2)
    # The scalp slips: bright voxels where the fixed head has none.
    moving.array[:, :20] += 800
    region = fixed.array > np.quantile(fixed.array, 0.6)
    region = ndimage.binary_fill_holes(ndimage.binary_erosion(region, iterations=8))
    found = register(fixed, moving, region, samples=10_000)
    assert _error_mm(found.matrix, pose).mean() < 1


def test_scans_that_do_not_overlap_are_a_failure(still):
    away = sitk.Euler3DTransform()
    away.SetTranslation([1000.0, 0.0, 0.0])
    problem = Problem(to_itk(still), to_itk(still), schedule(4, 500)[-1], None)
    assert problem.measure(away) == float("inf")
    with pytest.raises(Failure, match="registration: the two scans do not overlap"):
        problem.optimise(away)


@pytest.mark.parametrize(("finest", "edges"), [(1.0, [8, 4, 2, 1]), (0.9, [8, 4, 2, 1]), (4.0, [8, 4]), (9.0, [9])])
def test_levels_go_from_coarse_to_fine_and_no_finer_than_the_voxels(finest, edges):
    levels = schedule(finest, 40_000)
    assert [level.voxel_mm for level in levels] == edges
    assert levels[-1].samples == 40_000
    assert sorted(level.samples for level in levels) == [level.samples for level in levels]


def test_resampling_is_one_linear_interpolation_of_the_native_voxels(still):
    """SciPy's interpolation at the same places is the authority."""
    pose = Pose.random(np.random.default_rng(8), 10, 10)
    grid = reorient(Volume(np.zeros((50, 58, 46), np.float32), np.diag([4, 4, 4, 1.0]) + _shift(-96, -116, -92)))
    ours = resample(still, grid, LPS @ pose.matrix @ LPS).array
    to_voxels = np.linalg.inv(still.affine) @ pose.matrix @ grid.affine
    theirs = ndimage.affine_transform(
        still.array, to_voxels[:3, :3], to_voxels[:3, 3], grid.shape, order=1, mode="constant"
    )
    # ITK and SciPy differ in what lies within half a voxel of the border.
    inside = (
        ndimage.affine_transform(np.ones(still.shape), to_voxels[:3, :3], to_voxels[:3, 3], grid.shape, order=1) == 1
    )
    assert inside.mean() > 0.5
    assert ours[inside] == pytest.approx(theirs[inside], abs=1e-2)


def test_resampling_to_its_own_grid_changes_nothing(still):
    assert resample(still, still, np.eye(4)).array == pytest.approx(still.array, abs=1e-3)


def test_itk_and_nifti_agree_on_where_a_voxel_lies(still):
    image = to_itk(still)
    for index in [(0, 0, 0), (7, 11, 5)]:
        place = still.affine @ [*index, 1]
        assert np.allclose(image.TransformIndexToPhysicalPoint(index), [-place[0], -place[1], place[2]], atol=1e-4)


def test_matrices_survive_the_way_through_itk():
    pose = Pose.random(np.random.default_rng(9), 20, 30)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(pose.matrix[:3, :3].ravel().tolist())
    transform.SetTranslation(pose.matrix[:3, 3].tolist())
    assert to_matrix(transform) == pytest.approx(pose.matrix, abs=1e-12)


def test_the_region_is_the_brain_and_a_margin(tmp_path):
    mri_cases.write_subjects(tmp_path, {})
    head, brain = (reorient(read_volume(tmp_path / f"atlas/{name}.nii.gz")) for name in ("head", "brain"))
    atlas = Atlas(head, brain)
    grown = ndimage.distance_transform_edt(brain.array == 0, sampling=brain.spacing)
    assert atlas.region[brain.array > 0].all()
    assert not atlas.region[grown > 8].any()


def _shift(*offsets):
    matrix = np.zeros((4, 4))
    matrix[:3, 3] = offsets
    return matrix
