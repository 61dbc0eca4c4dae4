import errno
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imbalance_aware.files import atomic, digest, write_csv, write_json


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half of the new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_can_be_read_by_whom_the_umask_allows(tmp_path):
    with atomic(tmp_path / "new" / "a.txt") as temporary:
        temporary.write_text("x")
    plain = tmp_path / "b.txt"
    plain.write_text("x")
    assert (tmp_path / "new" / "a.txt").stat().st_mode == plain.stat().st_mode


def test_json_has_null_where_a_number_is_not_finite(tmp_path):
    write_json(tmp_path / "a.json", {"b": [1.0, float("nan")], "a": float("inf")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": [1.0, None], "a": None}


def test_floats_survive_a_csv(tmp_path):
    table = pd.DataFrame({"x": [0.1, 1 / 3, 1e-300]})
    write_csv(tmp_path / "a.csv", table)
    assert pd.read_csv(tmp_path / "a.csv")["x"].tolist() == table["x"].tolist()


def test_digest_is_sha256_of_the_content(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert digest(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def written_by_hand(temporary):
    with Path("/dev/full").open("wb") as handle:
        handle.write(b"x")


def saved_by_numpy(temporary):
    with Path("/dev/full").open("wb") as handle:
        np.save(handle, np.zeros(100000))


def told_by_numpy(temporary):
    # What `numpy.save` raises where a file system fills up while it writes, without a number.
    raise OSError("100000 requested and 25584 written")


@pytest.mark.parametrize("write", [written_by_hand, saved_by_numpy, told_by_numpy])
def test_a_full_disk_has_its_number_and_the_file_whatever_library_meets_it(tmp_path, write):
    with pytest.raises(OSError) as full, atomic(tmp_path / "images.npy") as temporary:
        write(temporary)
    assert (full.value.errno, full.value.filename) == (errno.ENOSPC, str(tmp_path / "images.npy"))
    assert list(tmp_path.iterdir()) == []


def test_other_errors_pass_through_as_they_are(tmp_path):
    with pytest.raises(OSError, match="broken") as other, atomic(tmp_path / "images.npy"):
        raise OSError(errno.EIO, "broken")
    assert other.value.filename is None
