"""Classifying new images with a trained model: the predictions are those of the run."""

import numpy as np
import pytest
from PIL import Image
from predict_cases import classify, of_training, probabilities, save_nifti, trained


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
