"""Resizing and packing: the array holds what the table says, in its order, and memory stays small."""

import hashlib
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imbalance_aware.__main__ import main
from imbalance_aware.errors import UserError
from imbalance_aware.preprocessing.pack import label_samples, pack


@pytest.fixture
def cohort(tmp_path: Path) -> pd.DataFrame:
    """Six images of two sizes; one of them is excluded."""
    (tmp_path / "source").mkdir()
    rows = []
    for number, name in enumerate(["small", "large", "small", "small", "large", "large"]):
        shape = (20, 16, 3) if number % 2 else (12, 12, 3)
        image = tmp_path / "source" / f"{number}.png"
        Image.fromarray(np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)).save(image)
        rows.append((f"s{number}", "p", "here", name, "train" if number < 3 else "test", "", image.as_posix()))
    table = pd.DataFrame(rows, columns=["subject", "group", "cohort", "class", "split", "excluded", "image"])
    table.loc[2, ["split", "excluded"]] = ["", "size"]
    table.to_csv(tmp_path / "cohort.csv", index=False)
    return table


def run_resize(folder: Path) -> int:
    out = folder / "preprocessed"
    settings = '{"image_size": [12, 12]}'
    return main(["resize", "--cohort", str(folder / "cohort.csv"), "--settings", settings, "--out", str(out)])


def run_pack(folder: Path, *options: str) -> int:
    paths = {name: str(folder / file) for name, file in (("images", "images.npy"), ("samples", "samples.csv"))}
    arguments = ["pack", "--cohort", str(folder / "cohort.csv"), "--preprocessed", str(folder / "preprocessed")]
    return main([*arguments, "--images", paths["images"], "--samples", paths["samples"], *options])


def test_from_cohort_to_array(tmp_path, cohort):
    assert run_resize(tmp_path) == 0
    assert run_pack(tmp_path, "--classes", '["small", "large"]') == 0
    images, samples = np.load(tmp_path / "images.npy", mmap_mode="r"), pd.read_csv(tmp_path / "samples.csv")
    assert images.shape == (5, 3, 12, 12)
    assert images.dtype == np.uint8
    assert samples.columns.tolist() == ["subject", "group", "cohort", "class", "label", "split", "image_sha256"]
    assert samples["subject"].tolist() == ["s0", "s1", "s3", "s4", "s5"]
    assert samples["label"].tolist() == [0, 1, 0, 1, 1]
    original = np.asarray(Image.open(tmp_path / "source" / "0.png"))
    np.testing.assert_array_equal(images[0], original.transpose(2, 0, 1))
    for row, subject in enumerate(samples["subject"]):
        np.testing.assert_array_equal(images[row], np.load(tmp_path / "preprocessed" / f"{subject}.npy"))
        assert samples["image_sha256"][row] == hashlib.sha256(images[row].tobytes()).hexdigest()[:16]


def test_labels_are_alphabetical_unless_the_order_is_given(cohort):
    inside = cohort[cohort["excluded"] == ""]
    assert label_samples(inside, None)["label"].tolist() == [1, 0, 1, 0, 0]
    assert label_samples(inside, ["small", "large"])["label"].tolist() == [0, 1, 0, 1, 1]
    with pytest.raises(UserError, match=r"class\(es\) small, which are not among large, huge"):
        label_samples(inside, ["large", "huge"])
    with pytest.raises(UserError, match="no included subject"):
        label_samples(inside.iloc[:0], None)


def test_both_steps_give_the_same_bytes_again(tmp_path, cohort):
    outcomes = []
    for _ in range(2):
        assert run_resize(tmp_path) == 0
        assert run_pack(tmp_path) == 0
        outcomes.append([(tmp_path / name).read_bytes() for name in ("images.npy", "samples.csv")])
    assert outcomes[0] == outcomes[1]


def test_resize_removes_what_is_no_longer_included(tmp_path, cohort):
    (tmp_path / "preprocessed").mkdir()
    (tmp_path / "preprocessed" / "s2.npy").write_bytes(b"old")
    assert run_resize(tmp_path) == 0
    assert sorted(path.name for path in (tmp_path / "preprocessed").iterdir()) == [f"s{n}.npy" for n in (0, 1, 3, 4, 5)]


def test_an_image_that_broke_after_the_cohort_is_a_clear_error(tmp_path, cohort, capsys):
    (tmp_path / "source" / "1.png").write_bytes(b"")
    assert run_resize(tmp_path) == 2
    assert "list the cohort again" in capsys.readouterr().err


arrays = st.tuples(
    st.integers(1, 5), st.sampled_from([np.uint8, np.float16]), st.sampled_from([(3, 8, 9), (1, 4, 4, 4), (5, 2, 3, 4)])
)


@settings(deadline=None)
@given(arrays)
def test_the_file_is_what_numpy_would_write(tmp_path_factory, case):
    count, dtype, shape = case
    folder = tmp_path_factory.mktemp("pack")
    random = np.random.default_rng(0)
    stack = (random.random((count, *shape)) * (255 if dtype == np.uint8 else 1)).astype(dtype)
    files = [folder / f"{number}.npy" for number in range(count)]
    for file, sample in zip(files, stack, strict=True):
        np.save(file, sample if count % 2 else np.asfortranarray(sample))
    pack(files, folder / "images.npy")
    np.save(folder / "expected.npy", stack)
    assert (folder / "images.npy").read_bytes() == (folder / "expected.npy").read_bytes()


def test_memory_does_not_grow_with_the_number_of_subjects(tmp_path):
    sample = np.zeros((4, 32, 32, 32), np.float16)  # 256 KiB
    np.save(tmp_path / "one.npy", sample)
    peaks = []
    for count in (4, 100):
        tracemalloc.start()
        pack([tmp_path / "one.npy"] * count, tmp_path / "images.npy")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (tmp_path / "images.npy").stat().st_size > 100 * sample.nbytes
    assert peaks[1] < 1.1 * peaks[0] < 8 * sample.nbytes


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((3, 5, 4), np.uint8), r"uint8 \(3, 5, 4\) differs from the other subjects' uint8 \(3, 4, 4\)"),
        (np.zeros((3, 4, 4), np.float16), "differs from the other subjects"),
        (np.zeros((3, 4, 4), np.float64), "expected uint8 or float16"),
        (np.full((3, 4, 4), np.nan, np.float16), r"not in \[0, 1\]"),
        (np.full((3, 4, 4), 1.5, np.float16), r"not in \[0, 1\]"),
        (None, "missing"),
        (b"\x93NUMPY half", "not a NumPy array, or truncated or damaged"),
        (b"", "not a NumPy array, or truncated or damaged"),
    ],
    ids=["shape", "type", "double", "NaN", "range", "missing", "cut", "empty"],
)
def test_a_bad_sample_stops_packing_and_leaves_the_old_array(tmp_path, bad, message):
    good, other = tmp_path / "good.npy", tmp_path / "other.npy"
    np.save(good, np.zeros((3, 4, 4), np.uint8))
    if isinstance(bad, np.ndarray):
        np.save(other, bad)
    elif bad is not None:
        other.write_bytes(bad)
    images = tmp_path / "images.npy"
    images.write_bytes(b"old")
    with pytest.raises(UserError, match=message):
        pack([good, other], images)
    assert images.read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} <= {"good.npy", "other.npy", "images.npy"}
