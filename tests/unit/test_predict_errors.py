"""Images and models that cannot be used for a prediction: each has a reason, the other images are classified."""

import csv
import gzip
import json

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image
from predict_cases import classify, save_nifti
from training_cases import arguments, settings, write_dataset

from imbalance_aware.errors import UserError
from imbalance_aware.prediction import several_models
from imbalance_aware.runs import train


def header_of(shape, offset=352):
    """A NIfTI header that is followed by nothing."""
    header = nibabel.Nifti1Header()
    header.set_data_shape(shape)
    header.set_sform(np.eye(4), 1)
    header["vox_offset"] = offset
    return header.binaryblock + bytes(4)


def damaged_trailer(array):
    """A NIfTI file whose values do not have the checksum that gzip wrote."""
    content = bytearray(gzip.compress(nibabel.Nifti1Image(array, np.eye(4)).to_bytes()))
    content[-8] ^= 1
    return bytes(content)


#: Name -> how to make a file that cannot be classified, and what is said about it.
BAD_FILES = {
    "text.nii": (lambda path: path.write_text("hello"), "not a readable NIfTI file"),
    "shape.nii": (lambda path: save_nifti(path, np.zeros((9, 9, 9, 2))), r"shape \(2, 9, 9, 9\); the model requires"),
    "cut.nii.gz": (lambda path: path.write_bytes(gzip.compress(b"0" * 999)[:-9]), "not a readable NIfTI file"),
    "checksum.nii.gz": (lambda path: path.write_bytes(damaged_trailer(np.zeros((10, 10, 10, 2)))), "CRC check failed"),
    "huge.nii": (lambda path: path.write_bytes(header_of((9000, 9000, 9000))), "too large: 9000 x 9000 x 9000 voxels"),
    "offset.nii": (
        lambda path: path.write_bytes(header_of((10, 10, 10), 2**31 - 2**10)),
        "2147.5 MB before its voxels",
    ),
    "range.nii": (lambda path: save_nifti(path, np.full((10, 10, 10, 2), 300.0)), "outside"),
    "nan.nii": (lambda path: save_nifti(path, np.full((10, 10, 10, 2), np.nan)), "outside"),
    "cut.npy": (lambda path: path.write_bytes(b"\x93NUMPY"), "not a NumPy array, or truncated"),
    "type.npy": (lambda path: np.save(path, np.zeros((2, 10, 10, 10), np.int32)), "holds int32"),
    "image.png": (lambda path: Image.fromarray(np.zeros((9, 9), np.uint8)).save(path), "the model requires volumes"),
    "columns.csv": (lambda path: path.write_text("subject,t1\ns,x.nii\n"), "2 columns of NIfTI files"),
    "files.csv": (lambda path: path.write_text("subject,t1,t2\ns,x.nii,y.nii\n"), "x.nii: no such file"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_files_that_cannot_be_classified(volumes, tmp_path, name):
    write, message = BAD_FILES[name]
    write(tmp_path / name)
    with pytest.raises(UserError, match=message):
        classify(volumes, tmp_path / name)
    assert not (volumes / "out.csv").exists()


def test_a_damaged_photograph(photographs, tmp_path):
    (tmp_path / "bad.png").write_text("hello")
    with pytest.raises(UserError, match=r"bad\.png: unreadable"):
        classify(photographs, tmp_path / "bad.png")


def test_a_diverged_model_is_refused(tmp_path):
    source = write_dataset(tmp_path / "data")
    train.run(arguments(source, tmp_path / "run", json.dumps(settings(training={"learning_rate": 1e38}))))
    with pytest.raises(UserError, match="diverged"):
        classify(tmp_path, source / "images.npy")


def test_too_little_memory_is_explained(photographs, monkeypatch):
    def lack(*arguments):
        raise RuntimeError("GET was unable to find an engine to execute this computation")

    monkeypatch.setattr(several_models, "predict", lack)
    with pytest.raises(UserError, match=r"batches of 7 images of 3 x 16 x 16: make --batch-size smaller.* no kernel"):
        classify(photographs, photographs / "data" / "images.npy", more=("--batch-size", "7"))


def test_nothing_there(photographs, tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        classify(photographs, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no image in"):
        classify(photographs, tmp_path / "empty")


def test_a_damaged_photograph_keeps_none_of_the_others_back(photographs, tmp_path):
    image = np.load(photographs / "data" / "images.npy")[-1]
    for name in ("a", "c"):
        Image.fromarray(np.moveaxis(image, 0, -1)).save(tmp_path / f"{name}.png")
    (tmp_path / "b.png").write_text("hello")
    with pytest.raises(UserError, match=r"images excluded \(1\):\n.*b\.png: unreadable"):
        classify(photographs, tmp_path)
    with (photographs / "out.csv").open(newline="") as handle:
        assert [row["image"] for row in csv.DictReader(handle)] == ["a", "c"]


def test_a_bad_row_of_a_table_keeps_none_of_the_others_back(volumes, tmp_path):
    image = np.load(volumes / "data" / "images.npy")[-1]
    for name, channel in zip(("t1", "t2"), image, strict=True):
        save_nifti(tmp_path / f"{name}.nii", channel)
    (tmp_path / "table.csv").write_text("subject,t1,t2\nA,t1.nii,t2.nii\nB,gone.nii,t2.nii\nC,t1.nii,t2.nii\n")
    with pytest.raises(UserError, match=r"images excluded \(1\):\n.*gone\.nii: no such file"):
        classify(volumes, tmp_path / "table.csv")
    with (volumes / "out.csv").open(newline="") as handle:
        assert [row["image"] for row in csv.DictReader(handle)] == ["A", "C"]


def test_a_bad_image_of_an_array_keeps_none_of_the_others_back(volumes, tmp_path):
    images = np.load(volumes / "data" / "images.npy")[-3:].copy()
    images[1] = 2
    np.save(tmp_path / "p.npy", images)
    with pytest.raises(UserError, match="outside"):
        classify(volumes, tmp_path / "p.npy")
    with (volumes / "out.csv").open(newline="") as handle:
        assert [row["image"] for row in csv.DictReader(handle)] == ["p-0", "p-2"]


def test_a_table_in_another_encoding_is_explained(volumes, tmp_path):
    (tmp_path / "table.csv").write_bytes("subject,t1,t2\nMüller,a.nii,b.nii\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"table\.csv, line 2: byte 0xfc is not UTF-8"):
        classify(volumes, tmp_path / "table.csv")


def forge(folder, out, **changes):
    """A model file that says something else of its input than what was trained."""
    content = torch.load(folder / "run/model.pt", weights_only=True)
    out.mkdir()
    torch.save(content | {"input": content["input"] | changes}, out / "model.pt")
    return ["--model", str(out)]


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": (10**6, 10**6)},
        {"shape": (1 << 15, 1 << 15)},
        {"shape": (0, 16)},
        {"shape": (-16, -16)},
        {"shape": (16,)},
        {"shape": (16, 16, 16, 16)},
        {"shape": (16.0, 16.0)},
        {"shape": "16"},
        {"shape": 16},
        {"channels": 10**9},
        {"channels": 2},
        {"crop": 17},
        {"crop": -1},
        {"dtype": "float64"},
        {"classes": ("a", "b")},
        {"classes": ("a", "a", "a")},
        {"classes": "abcd"},
        {"classes": (1, 2, 3)},
        {"max_value": 0},
        {"max_value": "high"},
        {"colour": "rgb"},
    ],
    ids=str,
)
def test_a_forged_model_is_refused_before_anything_is_computed(photographs, tmp_path, changes):
    more = forge(photographs, tmp_path / "forged", **changes)
    with pytest.raises(UserError, match="not a model written by the train step, or damaged"):
        classify(photographs, photographs / "data" / "images.npy", more=more)


def test_an_architecture_that_does_not_fit_its_weights_takes_no_memory(photographs, tmp_path):
    content = torch.load(photographs / "run/model.pt", weights_only=True)
    content["config"]["model"]["widths"] = [1 << 16] * 4
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(UserError, match="size mismatch"):
        classify(photographs, photographs / "data" / "images.npy", more=["--model", str(tmp_path)])


def test_a_damaged_header_of_an_array_is_one_reason(photographs, tmp_path):
    content = bytearray((photographs / "data" / "images.npy").read_bytes())
    content[content.index(b"(")] = 0
    (tmp_path / "images.npy").write_bytes(content)
    with pytest.raises(UserError, match=r"images\.npy: not a NumPy array, or truncated or damaged"):
        classify(photographs, tmp_path)
