import gzip
import json

import nibabel as nib
import numpy as np
import pytest

import mri_cases
from imbalance_aware.preprocessing.similarity import dice
from imbalance_aware.volumes import (
    BadVolume,
    Volume,
    check_affine,
    read_channels,
    read_grid,
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


def _of_type(path, dtype):
    nib.save(nib.Nifti1Image(np.zeros((200, 220, 26), dtype), AFFINE), path)


def _huge(path):
    """Dimensions of 64 bits that no memory holds."""
    image = nib.Nifti2Image(nib.load(path).get_fdata(dtype=np.float32), AFFINE)
    content = bytearray(image.to_bytes())
    content[16 : 16 + 32] = np.array([3, 2**20, 2**20, 2**20], "<i8").tobytes()
    path.write_bytes(content)


def _negative(path):
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[42:44] = np.int16(-200).tobytes()
    path.write_bytes(gzip.compress(bytes(content)))


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
    "colours": (
        lambda path: _of_type(path, [("R", "u1"), ("G", "u1"), ("B", "u1")]),
        "not one real number per voxel: colours",
    ),
    "complex": (lambda path: _of_type(path, np.complex64), "not one real number per voxel: complex numbers"),
    "huge dimensions": (_huge, "too large: 1048576 x 1048576 x 1048576 voxels"),
    "negative dimension": (_negative, "not 3D: -200 x 220 x 26 voxels"),
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


def test_a_volume_that_memory_cannot_hold_is_refused(scan, monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(nib.arrayproxy.ArrayProxy, "__array__", full)
    with pytest.raises(BadVolume, match="200 x 220 x 26 voxels do not fit into memory"):
        read_volume(scan)


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("name", ["long.nii", "long.nii.gz"])
def test_header_extensions_may_be_long(tmp_path, scan, kind, name):
    """AFNI writes the history of a file into its header."""
    image = kind(nib.load(scan).get_fdata(dtype=np.float32), AFFINE)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("afni", b"x" * 9000))
    nib.save(image, tmp_path / name)
    grid, volume = read_grid(tmp_path / name), read_volume(tmp_path / name)
    assert grid.shape == volume.shape == (200, 220, 26)
    assert np.array_equal(grid.affine, volume.affine) and np.allclose(grid.affine, AFFINE)
    assert np.array_equal(volume.array, read_volume(scan).array)


@pytest.mark.parametrize("damage", ["missing", "empty file", "text", "no header", "no orientation"])
def test_grids_of_damaged_scans_are_refused_too(scan, damage):
    harm, reason = DAMAGE[damage]
    harm(scan)
    with pytest.raises(BadVolume, match=reason):
        read_grid(scan)


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


TURNS = [("R", "A", "S"), ("L", "P", "S"), ("P", "S", "R"), ("A", "R", "I")]


@pytest.mark.parametrize("orientation", TURNS)
def test_a_grid_stays_the_same_in_another_order_of_its_axes(orientation):
    volume = Volume(np.zeros((30, 20, 25)), AFFINE)
    turned = reorient(volume, orientation)
    assert same_grid(volume, turned) and same_grid(turned, volume)
    for edge, same in ((0.05, True), (0.2, False)):
        shifted = turned.affine.copy()
        shifted[0, 3] += edge * 0.9
        assert same_grid(volume, Volume(turned.array, shifted)) == same


@pytest.fixture
def brain():
    """A lopsided brain on a grid of 2 mm x 2 mm x 3 mm, left, back, up."""
    place = np.stack(np.meshgrid(*[np.linspace(-1, 1, size) for size in (70, 80, 50)], indexing="ij"))
    inside = (place**2).sum(axis=0) < 0.8
    values = (2 + place[0] + 0.5 * place[1] - 0.3 * place[2]) * inside
    affine = np.diag([-2, -2, 3, 1.0])
    affine[:3, 3] = [70, 80, -75]
    return Volume(values.astype(np.float32), affine)


@pytest.mark.parametrize("start", ["stripped", "registered"])
def test_scans_and_mask_of_one_grid_in_several_orders_land_in_one_place(tmp_path, brain, start):
    tumour = np.zeros(brain.shape, bool)
    tumour[20:30, 40:60, 15:20] = True
    write_volume(tmp_path / "atlas.nii.gz", brain)
    write_volume(tmp_path / "brain.nii.gz", Volume(brain.array > 0, brain.affine))
    write_volume(tmp_path / "mask.nii.gz", reorient(Volume(tumour, brain.affine), ("P", "S", "L")))
    for name, orientation in zip(mri_cases.SEQUENCES, TURNS, strict=True):
        write_volume(tmp_path / f"{name}.nii.gz", reorient(brain, orientation))
    scans = {"volumes": [f"{name}={tmp_path / name}.nii.gz" for name in mri_cases.SEQUENCES]}
    atlas = {"atlas_brain": tmp_path / "atlas.nii.gz"}

    def files(name, previous=None, out=None):
        """Report to read, file and report to write."""
        files = {"report": tmp_path / f"{name}.json"} | ({"out": tmp_path / out} if out else {})
        return files | ({"previous": tmp_path / f"{previous}.json"} if previous else {})

    head = {"subject": "x", "start": start, "atlas": tmp_path / "atlas.nii.gz", "settings": '{"samples": 2000}'}
    mri_cases.step("register", **head, **scans, **atlas, **files("register"))
    given = {"settings": "{}", "mask": tmp_path / "mask.nii.gz", "brain": tmp_path / "brain.nii.gz"}
    mri_cases.step("mask", **given, **scans, **files("mask", "register", "tumour.nii.gz"))
    mri_cases.step("resample", **scans, **atlas, **files("resample", "mask", "channels.nii"))
    report = json.loads((tmp_path / "resample.json").read_text())
    assert report["failed"] is None
    assert report["steps"]["register"]["in_place"] == (start == "stripped")
    channels, found = read_channels(tmp_path / "channels.nii").array, read_mask(tmp_path / "tumour.nii.gz").array
    assert np.allclose(channels, channels[..., :1], atol=1e-3), "all four are one scan"
    if start == "stripped":
        assert np.allclose(channels[..., 0], brain.array, atol=1e-3)
        assert np.array_equal(found, tumour)
    else:
        assert dice(found, tumour) > 0.8


def test_a_tilted_scan_is_well_formed():
    angle = np.deg2rad(20)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    check_affine(turn @ AFFINE, (200, 220, 26))
