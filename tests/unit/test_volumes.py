import gzip

import nibabel as nib
import numpy as np
import pytest

from imbalance_aware.volumes import (
    BadVolume,
    Volume,
    check_affine,
    read_mask,
    read_volume,
    reorient,
    same_grid,
    write_volume,
)

AFFINE = np.array([[-0.9, 0, 0, 110], [0, 0.9, 0, -90], [0, 0, 5.5, -60], [0, 0, 0, 1.0]])


@pytest.fixture
def scan(tmp_path):
    """A well-formed scan of random numbers, and its bytes."""
    array = np.random.default_rng(0).integers(0, 1000, (200, 220, 26)).astype(np.int16)
    path = tmp_path / "scan.nii.gz"
    nib.save(nib.Nifti1Image(array, AFFINE), path)
    return path


def _rewrite(path, array=None, affine=AFFINE, codes=(1, 1)):
    array = nib.load(path).get_fdata() if array is None else array
    image = nib.Nifti1Image(array.astype(np.float32), affine)
    image.set_qform(affine if codes[0] else None, codes[0])
    image.set_sform(affine if codes[1] else None, codes[1])
    nib.save(image, path)


def _nan(path):
    array = nib.load(path).get_fdata()
    array[3, 4, 5] = np.nan
    _rewrite(path, array)


def _sheared(path):
    affine = AFFINE.copy()
    affine[0, 1] = 0.3
    image = nib.Nifti1Image(nib.load(path).get_fdata(), affine)
    image.set_qform(None, 0)
    nib.save(image, path)


def _corrupt(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 100] = bytes(100)
    path.write_bytes(content)


DAMAGE = {
    "missing": (lambda path: path.unlink(), "missing"),
    "empty file": (lambda path: path.write_bytes(b""), "unreadable"),
    "text": (lambda path: path.write_text("not a scan"), "unreadable"),
    "half of the gzip": (
        lambda path: path.write_bytes(path.read_bytes()[:200_000]),
        "unreadable: the file ends too early",
    ),
    "half of the data": (
        lambda path: path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:500_000])),
        "unreadable: the file ends too early",
    ),
    "bits flipped": (_corrupt, "unreadable"),
    "no header": (lambda path: path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[352:])), "unreadable"),
    "NaN": (_nan, "not finite: 1 voxels"),
    "four dimensions": (lambda path: _rewrite(path, np.ones((60, 60, 20, 3))), "not 3D: 60 x 60 x 20 x 3"),
    "constant": (lambda path: _rewrite(path, np.zeros((200, 220, 26))), "constant: every voxel is 0"),
    "no orientation": (lambda path: _rewrite(path, codes=(0, 0)), "affine: the header does not say"),
    "voxels of a metre": (lambda path: _rewrite(path, affine=np.diag([1000, 1000, 1000, 1.0])), "affine: voxels of"),
    "no head": (
        lambda path: _rewrite(path, affine=np.diag([0.25, 0.25, 0.25, 1.0])),
        "affine: a box of 50 x 55 x 6 mm",
    ),
    "sheared": (_sheared, "affine: its axes are not at right angles"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_scans_are_refused_with_the_reason(scan, damage):
    harm, reason = DAMAGE[damage]
    harm(scan)
    with pytest.raises(BadVolume, match=reason):
        read_volume(scan)


def test_reasons_hold_no_paths(scan):
    scan.write_text("not a scan")
    with pytest.raises(BadVolume) as caught:
        read_volume(scan)
    assert str(scan.parent) not in str(caught.value)


def test_a_trailing_dimension_of_one_is_no_dimension(scan):
    _rewrite(scan, nib.load(scan).get_fdata()[..., None])
    assert read_volume(scan).array.shape == (200, 220, 26)


def test_written_volumes_are_the_same_bytes_and_read_back(tmp_path):
    volume = Volume(np.random.default_rng(1).random((40, 50, 30)).astype(np.float32), np.diag([4, 4, 4, 1.0]))
    for name in ("one.nii.gz", "two.nii.gz", "plain.nii"):
        write_volume(tmp_path / name, volume)
        assert np.array_equal(read_volume(tmp_path / name).array, volume.array)
    assert (tmp_path / "one.nii.gz").read_bytes() == (tmp_path / "two.nii.gz").read_bytes()


def test_masks_are_written_as_bytes(tmp_path):
    mask = np.zeros((40, 40, 40), bool)
    mask[3:9] = True
    write_volume(tmp_path / "mask.nii.gz", Volume(mask, np.diag([4, 4, 4, 1.0])))
    assert nib.load(tmp_path / "mask.nii.gz").get_data_dtype() == np.uint8
    assert np.array_equal(read_mask(tmp_path / "mask.nii.gz").array, mask)


@pytest.mark.parametrize("orientation", [("L", "P", "S"), ("R", "A", "S"), ("P", "S", "R"), ("A", "R", "I")])
def test_reorientation_moves_no_voxel_in_space(orientation):
    random = np.random.default_rng(2)
    volume = Volume(random.random((30, 20, 25)).astype(np.float32), AFFINE @ np.diag([3, 3, 1, 1]))
    turned = reorient(volume, orientation)
    assert nib.aff2axcodes(turned.affine) == orientation
    for index in random.integers(0, 20, (50, 3)):
        place = volume.affine @ [*index, 1]
        there = np.rint(np.linalg.inv(turned.affine) @ place).astype(int)[:3]
        assert turned.array[tuple(there)] == volume.array[tuple(index)]


def test_grids_are_the_same_only_if_their_voxels_are_in_the_same_places():
    volume = Volume(np.zeros((30, 20, 25)), AFFINE)
    shifted = AFFINE.copy()
    shifted[0, 3] += 0.5
    assert same_grid(volume, Volume(np.ones((30, 20, 25)), AFFINE + 1e-4))
    assert not same_grid(volume, Volume(np.zeros((30, 20, 25)), shifted))
    assert not same_grid(volume, Volume(np.zeros((30, 20, 26)), AFFINE))


def test_a_tilted_scan_is_well_formed():
    angle = np.deg2rad(20)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    check_affine(turn @ AFFINE, (200, 220, 26))
