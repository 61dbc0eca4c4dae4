"""Reading .npy files: whatever byte of the header is damaged, no traceback and no other array."""

import io

import numpy as np
import pytest

from imbalance_aware.arrays import read_npy
from imbalance_aware.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 2, 4, 4), dtype=np.uint8)


def content() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, IMAGES)
    return buffer.getvalue()


@pytest.mark.filterwarnings("ignore")
def test_each_byte_of_the_header_damaged(tmp_path):
    path, whole = tmp_path / "images.npy", content()
    refused = 0
    for place in range(len(whole) - IMAGES.nbytes):
        # NumPy fills the header up with spaces, which are all alike.
        padding = whole[place : place + 2] == b"  "
        for damage in b"\0," if padding else (*b"\0 0B,-", whole[place] ^ 1):
            changed = bytearray(whole)
            changed[place] = damage
            path.write_bytes(changed)
            try:
                array = read_npy(path)
            except UserError as error:
                assert "not a NumPy array, or truncated or damaged" in str(error)
                refused += 1
            else:
                # Another type or order of the axes may fit the length; the values are those that are stored.
                assert array.nbytes == IMAGES.nbytes
    assert refused > 400


@pytest.mark.parametrize("change", [lambda whole: whole + b"\0", lambda whole: whole[:-1], lambda whole: whole[:50]])
def test_a_file_of_another_length_than_its_header_says(tmp_path, change):
    (tmp_path / "images.npy").write_bytes(change(content()))
    with pytest.raises(UserError, match="truncated or damaged"):
        read_npy(tmp_path / "images.npy")


def test_other_files(tmp_path):
    np.savez(tmp_path / "archive.npz", images=IMAGES)
    (tmp_path / "archive.npz").rename(tmp_path / "archive.npy")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    (tmp_path / "folder.npy").mkdir()
    for name in ("archive", "objects", "folder"):
        with pytest.raises(UserError, match="not a NumPy array"):
            read_npy(tmp_path / f"{name}.npy")
    with pytest.raises(UserError, match="no such file"):
        read_npy(tmp_path / "nowhere.npy")


def test_an_array_is_read_as_it_was_saved(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    np.testing.assert_array_equal(read_npy(tmp_path / "images.npy"), IMAGES)
