"""Classifying new images with a trained model."""

import csv
import gzip
import json
import shutil
from argparse import ArgumentParser

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image
from training_cases import arguments, settings, write_dataset

from imbalance_aware.__main__ import main
from imbalance_aware.errors import UserError
from imbalance_aware.prediction import predict, several_models
from imbalance_aware.runs import train

VOLUMES = {"gamma": [0.5, 1.5], "flip_axes": [0, 1, 2], "crop": 8}


def trained(folder, augmentation=None, max_value=None, **dataset):
    source = write_dataset(folder / "data", **dataset)
    options = settings(training={"epochs": 1}) | {"max_value": max_value}
    options["augmentation"] = augmentation or options["augmentation"]
    train.run(arguments(source, folder / "run", json.dumps(options)))
    return folder


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("photographs"), channels=3)


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("volumes"), VOLUMES, dimensions=3, dtype="float16", edge=10)


def classify(trained_in, *images, more=()):
    parser = ArgumentParser()
    predict.add_arguments(parser)
    out = trained_in / "out.csv"
    out.unlink(missing_ok=True)
    given = ["--model", str(trained_in / "run"), "--images", *map(str, images), "--out", str(out), *more]
    predict.run(parser.parse_args([*given, "--device", "cpu"]))
    with out.open(newline="") as handle:
        return list(csv.DictReader(handle))


def probabilities(rows):
    return np.array([[float(row[f"prob_{name}"]) for name in "abc"] for row in rows])


def of_training(folder):
    with (folder / "run" / "predictions.csv").open(newline="") as handle:
        return probabilities(list(csv.DictReader(handle)))


@pytest.mark.parametrize("case", ["photographs", "volumes"])
def test_the_packed_array_gives_the_predictions_of_the_run(case, request):
    folder = request.getfixturevalue(case)
    rows = classify(folder, folder / "data" / "images.npy")
    expected = of_training(folder)
    assert list(rows[0]) == ["image", "predicted", "prob_a", "prob_b", "prob_c"]
    assert rows[-1]["image"] == f"images-{len(rows) - 1}"
    np.testing.assert_allclose(probabilities(rows)[-len(expected) :], expected, atol=1e-6)
    assert [row["predicted"] for row in rows] == ["abc"[best] for best in probabilities(rows).argmax(axis=1)]


@pytest.mark.parametrize("size", ["1", "5", "1000"])
def test_batch_size_does_not_matter(photographs, size):
    rows = classify(photographs, photographs / "data" / "images.npy", more=("--batch-size", size))
    np.testing.assert_allclose(probabilities(rows)[-11:], of_training(photographs), atol=1e-6)


def test_a_folder_of_photographs(photographs, tmp_path):
    images = np.load(photographs / "data" / "images.npy")[-11:]
    for number, image in enumerate(images):
        Image.fromarray(np.moveaxis(image, 0, -1)).save(tmp_path / f"p{number:02}.png")
    rows = classify(photographs, tmp_path)
    assert [row["image"] for row in rows] == [f"p{number:02}" for number in range(11)]
    np.testing.assert_allclose(probabilities(rows), of_training(photographs), atol=1e-6)


def test_a_photograph_of_another_size_is_resized(photographs, tmp_path):
    Image.fromarray(np.full((40, 30, 3), 90, np.uint8)).save(tmp_path / "large.png")
    Image.fromarray(np.full((16, 16, 3), 90, np.uint8)).save(tmp_path / "right.png")
    large, right = classify(photographs, tmp_path / "large.png", tmp_path / "right.png")
    assert large | {"image": ""} == right | {"image": ""}


#: Axes to the left, to the back and up, as preprocessing leaves them.
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def save_nifti(path, volume, affine=LPS):
    nibabel.save(nibabel.Nifti1Image(volume.astype(np.float32), affine), path)
    return path


def test_nifti_crops(volumes, tmp_path):
    images = np.load(volumes / "data" / "images.npy")[-11:]
    four = [
        save_nifti(tmp_path / f"v{number:02}.nii.gz", np.moveaxis(image, 0, -1)) for number, image in enumerate(images)
    ]
    lines = ["subject,t1,t2"]
    for number, image in enumerate(images):
        for name, channel in zip(("t1", "t2"), image, strict=True):
            save_nifti(tmp_path / f"{name}-{number}.nii", channel)
        lines.append(f"s{number},t1-{number}.nii,t2-{number}.nii")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    for given, first in ((four, "v00"), ([tmp_path / "table.csv"], "s0")):
        rows = classify(volumes, *given)
        assert rows[0]["image"] == first
        np.testing.assert_allclose(probabilities(rows), of_training(volumes), atol=1e-6)


def test_the_orientation_of_a_nifti_file_does_not_matter(volumes, tmp_path):
    volume = np.moveaxis(np.load(volumes / "data" / "images.npy")[-11], 0, -1)
    save_nifti(tmp_path / "lps.nii.gz", volume)
    save_nifti(tmp_path / "ras.nii.gz", volume[::-1, ::-1], np.eye(4))
    swapped = np.eye(4)[[2, 1, 0, 3]] * [[1], [-1], [1], [1]]
    save_nifti(tmp_path / "spr.nii.gz", volume.transpose(2, 1, 0, 3)[:, :, ::-1], swapped)
    rows = classify(volumes, tmp_path)
    assert [row["image"] for row in rows] == ["lps", "ras", "spr"]
    np.testing.assert_allclose(probabilities(rows), np.tile(of_training(volumes)[:1], (3, 1)), atol=1e-6)


def test_one_preprocessed_array(volumes, tmp_path):
    image = np.load(volumes / "data" / "images.npy")[-11]
    np.save(tmp_path / "patient.npy", image)
    (row,) = classify(volumes, tmp_path / "patient.npy")
    assert row["image"] == "patient"
    np.testing.assert_allclose(probabilities([row]), of_training(volumes)[:1], atol=1e-6)


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
    "shape.nii": (lambda path: save_nifti(path, np.zeros((9, 9, 9, 2))), r"shape \(2, 9, 9, 9\); the model takes"),
    "cut.nii.gz": (lambda path: path.write_bytes(gzip.compress(b"0" * 999)[:-9]), "not a readable NIfTI file"),
    "checksum.nii.gz": (lambda path: path.write_bytes(damaged_trailer(np.zeros((10, 10, 10, 2)))), "CRC check failed"),
    "huge.nii": (lambda path: path.write_bytes(header_of((9000, 9000, 9000))), "too large: 9000 x 9000 x 9000 voxels"),
    "offset.nii": (
        lambda path: path.write_bytes(header_of((10, 10, 10), 2**31 - 2**10)),
        "2147.5 MB before its voxels",
    ),
    "range.nii": (lambda path: save_nifti(path, np.full((10, 10, 10, 2), 300.0)), "outside"),
    "nan.nii": (lambda path: save_nifti(path, np.full((10, 10, 10, 2), np.nan)), "outside"),
    "cut.npy": (lambda path: path.write_bytes(b"\x93NUMPY"), "not a NumPy array, or cut short"),
    "type.npy": (lambda path: np.save(path, np.zeros((2, 10, 10, 10), np.int32)), "holds int32"),
    "image.png": (lambda path: Image.fromarray(np.zeros((9, 9), np.uint8)).save(path), "the model takes volumes"),
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
    with pytest.raises(UserError, match=r"images left out \(1\):\n.*b\.png: unreadable"):
        classify(photographs, tmp_path)
    with (photographs / "out.csv").open(newline="") as handle:
        assert [row["image"] for row in csv.DictReader(handle)] == ["a", "c"]


def test_photographs_of_16_bits_are_scaled_as_the_model_says(tmp_path):
    folder = trained(tmp_path / "deep", max_value=4095, channels=1, dtype="float16")
    images = np.load(folder / "data" / "images.npy")[-11:]
    for number, image in enumerate(images):
        Image.fromarray(np.rint(image[0].astype(np.float64) * 4095).astype(np.uint16)).save(folder / f"{number:02}.png")
    rows = classify(folder, *sorted(folder.glob("*.png")))
    np.testing.assert_allclose(probabilities(rows), of_training(folder), atol=1e-3)


def test_minus_zero_is_zero(volumes, tmp_path):
    image = np.load(volumes / "data" / "images.npy")[-1].copy()
    image[:, :3] = 0
    np.save(tmp_path / "plus.npy", image)
    image[:, :3] *= -1
    assert np.signbit(image).any()
    np.save(tmp_path / "minus.npy", image)
    minus, plus = classify(volumes, tmp_path / "minus.npy", tmp_path / "plus.npy")
    assert minus | {"image": ""} == plus | {"image": ""}


def test_a_bad_row_of_a_table_keeps_none_of_the_others_back(volumes, tmp_path):
    image = np.load(volumes / "data" / "images.npy")[-1]
    for name, channel in zip(("t1", "t2"), image, strict=True):
        save_nifti(tmp_path / f"{name}.nii", channel)
    (tmp_path / "table.csv").write_text("subject,t1,t2\nA,t1.nii,t2.nii\nB,gone.nii,t2.nii\nC,t1.nii,t2.nii\n")
    with pytest.raises(UserError, match=r"images left out \(1\):\n.*gone\.nii: no such file"):
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


def test_images_of_one_name_are_told_apart(photographs, tmp_path):
    image = np.moveaxis(np.load(photographs / "data" / "images.npy")[-1], 0, -1)
    for folder in ("healthy", "sick"):
        (tmp_path / folder).mkdir()
        Image.fromarray(image).save(tmp_path / folder / "001.png")
    rows = classify(photographs, tmp_path / "healthy", tmp_path / "sick")
    assert [row["image"] for row in rows] == [str(tmp_path / "healthy/001.png"), str(tmp_path / "sick/001.png")]


def test_folders_of_folders_with_what_macos_and_windows_leave_there(photographs, tmp_path):
    image = np.moveaxis(np.load(photographs / "data" / "images.npy")[-1], 0, -1)
    for place in ("a.png", "healthy/b.png", "sick/2020/c.png", ".cache/d.png", "__MACOSX/e.png"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / place)
    for place in (".DS_Store", "healthy/.DS_Store", "sick/._c.png", "sick/Thumbs.db", "desktop.ini"):
        (tmp_path / place).write_bytes(b"\0\0\0\1Bud1")
    (tmp_path / "sick/again").symlink_to(tmp_path, target_is_directory=True)
    rows = classify(photographs, tmp_path)
    assert [row["image"] for row in rows] == ["a", "b", "c"]


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
    with pytest.raises(UserError, match=r"images\.npy: not a NumPy array, or cut short or damaged"):
        classify(photographs, tmp_path)


# Several models: the mean of their probabilities.


@pytest.fixture(scope="module")
def condition(tmp_path_factory):
    """Two seeds of one condition on photographs, as the workflow would leave them, and the data."""
    folder = tmp_path_factory.mktemp("condition")
    source = write_dataset(folder / "data", channels=3)
    for seed in (2, 10):
        train.run(arguments(source, folder / f"run/seed-{seed}", json.dumps(settings(training={"epochs": 1})), seed))
    return folder


def images_of(folder):
    return folder / "data" / "images.npy"


def alone(folder, run, more=()):
    """What one of the models predicts by itself."""
    return probabilities(classify(folder, images_of(folder), more=(*more, "--model", str(folder / "run" / run))))


def test_a_condition_gives_the_mean_of_its_seeds(condition):
    expected = (alone(condition, "seed-2") + alone(condition, "seed-10")) / 2
    rows = classify(condition, images_of(condition))
    np.testing.assert_allclose(probabilities(rows), expected, atol=1e-12)
    assert [row["predicted"] for row in rows] == ["abc"[best] for best in expected.argmax(axis=1)]
    files = [str(condition / "run/seed-2"), str(condition / "run/seed-10/model.pt")]
    assert classify(condition, images_of(condition), more=("--model", *files)) == rows


def test_the_step_ensemble_gives_what_predict_gives_for_the_condition(condition):
    out = condition / "run/ensemble/predictions.csv"
    tables = [str(condition / f"run/seed-{seed}/predictions.csv") for seed in (2, 10)]
    samples = str(condition / "data/samples.csv")
    assert main(["ensemble", "--samples", samples, "--out", str(out), *tables]) == 0
    with out.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    expected = probabilities(classify(condition, images_of(condition)))[-len(rows) :]
    np.testing.assert_allclose(probabilities(rows), expected, atol=1e-6)
    with (condition / "run/seed-2/predictions.csv").open(newline="") as handle:
        for row, single in zip(rows, csv.DictReader(handle), strict=True):
            assert {name: row[name] for name in ("subject", "group", "cohort", "class", "label")} == {
                name: single[name] for name in ("subject", "group", "cohort", "class", "label")
            }


def test_flips_are_averaged_over_all_combinations_of_the_axes_of_training(condition):
    images = np.load(images_of(condition))
    expected = []
    for axes in [(), (2,), (3,), (2, 3)]:
        np.save(condition / "flipped.npy", np.flip(images, axes))
        rows = classify(condition, condition / "flipped.npy", more=("--model", str(condition / "run/seed-2")))
        expected.append(probabilities(rows))
    found = alone(condition, "seed-2", ("--flips",))
    np.testing.assert_allclose(found, np.mean(expected, axis=0), atol=1e-6)
    assert np.abs(found - expected[0]).max() > 1e-4, "flips make a difference"


def test_flips_that_training_did_not_make_are_refused(tmp_path):
    folder = trained(tmp_path, {"flip_axes": []})
    with pytest.raises(UserError, match=r"model\.pt: its training images were not flipped"):
        classify(folder, images_of(folder), more=("--flips",))


def test_all_folds_of_all_repeats_take_part_in_order(tmp_path):
    names = ["seed-10/fold-0", "seed-2/fold-0", "seed-2/fold-10", "seed-2/fold-9", "seed-2-repeat-1/fold-0"]
    for name in [*names, "ensemble"]:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model.pt").touch()
    found = [path.parent.relative_to(tmp_path).as_posix() for path in several_models.model_files([tmp_path])]
    assert found == [
        "seed-2/fold-0",
        "seed-2/fold-9",
        "seed-2/fold-10",
        "seed-2-repeat-1/fold-0",
        "seed-10/fold-0",
    ]
    assert len(several_models.model_files([tmp_path / "seed-2"])) == 3


def test_an_ensemble_that_is_not_whole_is_no_ensemble(condition, tmp_path):
    shutil.copytree(condition / "run", tmp_path / "run")
    (tmp_path / "run/seed-10/model.pt").unlink()
    more = ("--model", str(tmp_path / "run"))
    with pytest.raises(UserError, match=r"seed-10/model\.pt: no such file; a run folder holds model\.pt once"):
        classify(condition, images_of(condition), more=more)
    twice = ("--model", str(condition / "run"), str(condition / "run/seed-2"))
    with pytest.raises(UserError, match="named more than once"):
        classify(condition, images_of(condition), more=twice)


def test_models_of_different_images_are_not_averaged(condition, volumes):
    more = ("--model", str(condition / "run/seed-2"), str(volumes / "run"))
    with pytest.raises(UserError, match=r"takes images of 2 x 10 x 10 x 10 .*cannot be averaged"):
        classify(condition, images_of(condition), more=more)
