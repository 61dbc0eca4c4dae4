import gzip
import json
import tracemalloc

import nibabel as nib
import numpy as np
import pytest

import mri_cases
from imbalance_aware.errors import UserError
from imbalance_aware.nifti import read_grid, read_mask, read_placement, read_volume, write_volume
from imbalance_aware.preprocessing.resample import on_atlas
from imbalance_aware.preprocessing.similarity import dice
from imbalance_aware.volumes import BadVolume, Volume, check_affine, describe_grid, reorient, same_grid

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


def _of_values(path, *values):
    """A file of 64-bit numbers, some of them given."""
    array = np.zeros((200, 220, 26))
    array.flat[: len(values)] = values
    nib.save(nib.Nifti1Image(array, AFFINE), path)


def _in_unit(path, code, to_mm, affine=AFFINE):
    """The same grid in another unit of length."""
    image = nib.Nifti1Image(nib.load(path).get_fdata(dtype=np.float32), np.diag([1 / to_mm] * 3 + [1]) @ affine)
    image.header["xyzt_units"] = code
    nib.save(image, path)


def _too_long(path):
    """What a gzip file of a few kilobytes can hold: a scan, and zeros without end."""
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(2**21), 1))


def _pair(path):
    """The first file of a pair, under the name of a single file."""
    array = nib.load(path).get_fdata(dtype=np.float32)
    nib.save(nib.Nifti1Pair(array, AFFINE), path.parent / "pair.hdr")
    path.write_bytes((path.parent / "pair.hdr").read_bytes())


def _large(path):
    """A header of 2048 x 2048 x 2048 voxels of 4 bytes, and no more of them than a scan has."""
    content = bytearray(nib.Nifti1Image(nib.load(path).get_fdata(dtype=np.float32), AFFINE).to_bytes())
    content[42:48] = np.array([2048] * 3, "<i2").tobytes()
    path.write_bytes(gzip.compress(bytes(content), 1))


def _announce(path, shape, dtype, offset):
    """A header alone, of a volume that would take gigabytes."""
    header = nib.Nifti1Header()
    header.set_data_dtype(dtype)
    header.set_data_shape(shape)
    header.set_sform(AFFINE, 1)
    header["vox_offset"] = offset
    path.write_bytes(gzip.compress(header.binaryblock + bytes(4)))


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
    "voxels in metres, unsaid": (
        lambda path: _in_unit(path, 0, 1000),
        r"affine: voxels of 0.0009 x 0.0009 x 0.0055 mm, 0.2 to 12 mm are accepted \(if .* metres .* xyzt_units",
    ),
    "millimetres called metres": (
        lambda path: _in_unit(path, 1, 1),
        r"affine: voxels of 900 x 900 x 5.5e\+03 mm \(converted from metres, the unit in the header\)",
    ),
    "more than the header announces": (_too_long, "unreadable: more than 1048576 bytes follow the 2288352 that"),
    "too many voxels": (_large, "too large: 2048 x 2048 x 2048 voxels, 34.4 GB; at most 4.3 GB are read"),
    "voxels of a byte that take four in memory": (
        lambda path: _announce(path, (1600, 1600, 1600), np.uint8, 352),
        "too large: 1600 x 1600 x 1600 voxels, 4096 million; at most 537 million are read",
    ),
    "a header extension of 2 GB": (
        lambda path: _announce(path, (90, 90, 90), np.uint8, 2**31 - 2**10),
        "too large: 2147.5 MB before its voxels; at most 16.8 MB are read",
    ),
    "half of a pair": (_pair, "pair of files: one of a .hdr and an .img file"),
    "double beyond float": (
        lambda path: _of_values(path, 1e302),
        r"values: from 0 to 1e\+302; magnitudes up to 1e\+15",
    ),
    "double below float": (lambda path: _of_values(path, 1e-200), "values: from 0 to 1e-200, all the same in 32-bit"),
    "infinite": (lambda path: _of_values(path, np.inf, -np.inf), "not finite: 2 voxels"),
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


def test_no_more_is_unpacked_than_the_header_announces(scan):
    """A file of 256 KB that unpacks to 256 MB."""
    scan.write_bytes(gzip.compress(gzip.decompress(scan.read_bytes()) + bytes(2**28), 1))
    tracemalloc.start()
    try:
        with pytest.raises(BadVolume, match="bytes follow the"):
            read_volume(scan)
        assert tracemalloc.get_traced_memory()[1] < 2**25
    finally:
        tracemalloc.stop()


def test_a_few_bytes_after_the_data_do_no_harm(scan):
    expected = read_volume(scan).array
    scan.write_bytes(gzip.compress(gzip.decompress(scan.read_bytes()) + bytes(1000), 1))
    assert np.array_equal(read_volume(scan).array, expected)


@pytest.mark.parametrize("ending", [".hdr", ".img"])
@pytest.mark.parametrize("kind", [nib.Nifti1Pair, nib.Nifti2Pair, nib.AnalyzeImage])
def test_pairs_of_files_are_called_so(tmp_path, kind, ending):
    affine = None if kind is nib.AnalyzeImage else AFFINE
    nib.save(kind(np.ones((60, 60, 20), np.float32), affine), tmp_path / "pair.img")
    with pytest.raises(BadVolume, match=r"pair of files: .* convert both to one \.nii or \.nii\.gz file"):
        read_volume(tmp_path / f"pair{ending}")


@pytest.mark.parametrize(
    ("code", "to_mm", "unit"), [(0, 1, ""), (1, 1000, "metres"), (10, 1, ""), (11, 0.001, "micrometres"), (7, 1, "")]
)
def test_lengths_are_converted_to_millimetres(scan, code, to_mm, unit):
    """The upper bits are the unit of time: 10 is mm and seconds."""
    _in_unit(scan, code, to_mm)
    volume, grid, place = read_volume(scan), read_grid(scan), read_placement(scan)
    assert volume.affine == pytest.approx(AFFINE, rel=1e-5) and same_grid(volume, grid)
    assert place.unit == unit


@pytest.mark.parametrize(("code", "to_mm"), [(2, 1), (1, 1000)])
def test_what_sform_and_qform_differ_by_is_measured_at_the_corners(scan, code, to_mm):
    aside = AFFINE.copy()
    aside[:3, 3] += [0, 24, -32]
    image = nib.Nifti1Image(nib.load(scan).get_fdata(dtype=np.float32), None)
    scale = np.diag([1 / to_mm] * 3 + [1])
    for name, affine in (("sform", AFFINE), ("qform", aside)):
        getattr(image, f"set_{name}")(scale @ affine, 1)
    image.header["xyzt_units"] = code
    nib.save(image, scan)
    place = read_placement(scan)
    assert place.sform_qform_mm == pytest.approx(40, abs=0.01)
    assert place.affine == pytest.approx(AFFINE, rel=1e-5), "the sform is taken"
    assert np.array_equal(read_volume(scan).affine, place.affine)


def test_a_mirrored_qform_is_as_far_away_as_the_volume_is_wide(scan):
    mirrored = AFFINE @ np.diag([-1, 1, 1, 1.0])
    mirrored[0, 3] = AFFINE[0, 3] - 0.9 * 199
    _rewrite(scan)
    image = nib.load(scan)
    image.set_qform(mirrored, 1)
    nib.save(image, scan)
    assert read_placement(scan).sform_qform_mm == pytest.approx(0.9 * 199, abs=0.01)


@pytest.mark.parametrize("codes", [(1, 0), (0, 1)])
def test_one_form_alone_cannot_disagree(scan, codes):
    _rewrite(scan, codes=codes)
    assert read_placement(scan).sform_qform_mm is None
    _rewrite(scan)
    assert read_placement(scan).sform_qform_mm == pytest.approx(0, abs=1e-3)


def test_a_qform_that_is_no_rotation_does_no_harm_beside_an_sform(scan):
    _rewrite(scan)
    content = bytearray(gzip.decompress(scan.read_bytes()))
    content[256:268] = np.array([3, np.nan, 3], "<f4").tobytes()
    scan.write_bytes(gzip.compress(bytes(content), 1))
    assert read_placement(scan).sform_qform_mm is None
    assert read_volume(scan).affine == pytest.approx(AFFINE, rel=1e-5)


def test_grids_are_described_by_what_tells_them_apart():
    described = describe_grid(Volume(np.zeros((30, 20, 25)), AFFINE))
    assert described == "30 x 20 x 25 voxels of 0.9 x 0.9 x 5.5 mm, LAS, the first at (110.0, -90.0, -60.0) mm"


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


def test_a_mask_that_is_not_as_it_was_written_is_no_fault_of_the_subject(tmp_path):
    """nibabel alone reads it without a word: it never meets the checksum behind the last voxel."""
    path = tmp_path / "brain.nii.gz"
    write_volume(path, Volume(np.random.default_rng(0).random((20, 20, 20)) > 0.5, AFFINE))
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    np.asanyarray(nib.load(path).dataobj)
    with pytest.raises(UserError, match=r"brain\.nii\.gz: damaged .*CRC.* snakemake --cores 1 --force -- "):
        read_mask(path)


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
    report = json.loads((tmp_path / "mask.json").read_text())
    assert report["failed"] is None
    paths = {name: tmp_path / f"{name}.nii.gz" for name in mri_cases.SEQUENCES}
    atlas_brain = reorient(read_volume(tmp_path / "atlas.nii.gz"))
    channels = on_atlas(paths, report["steps"]["register"]["matrices"], atlas_brain, {}).array
    assert report["steps"]["register"]["in_place"] == (start == "stripped")
    found = read_mask(tmp_path / "tumour.nii.gz").array
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
