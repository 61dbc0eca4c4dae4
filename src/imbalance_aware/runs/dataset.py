"""The array of a dataset and the table that describes its rows, opened and checked."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from imbalance_aware.arrays import read_npy
from imbalance_aware.errors import UserError
from imbalance_aware.image_digests import image_digest, require_tie
from imbalance_aware.tables.samples import IMAGE_DIGEST, how_to_pack, read_samples
from imbalance_aware.training.data import Dataset, make_dataset
from imbalance_aware.training.intensity import LEVELS, largest_code


def open_dataset(images_path: Path, samples_path: Path) -> Dataset:
    """Open a packed dataset without reading it into memory; each image is read once, to check it.

    Raises:
        UserError: files that are missing, do not fit each other row by row, or cannot be trained on.
    """
    images = open_images(images_path)
    samples = read_samples(samples_path)
    if len(images) != len(samples):
        raise UserError(
            f"{images_path} holds {len(images)} images and {samples_path} {len(samples)} rows. "
            f"{how_to_pack(samples_path)}"
        )
    classes = _classes(samples, samples_path)
    for name in ("train", "test"):
        if not any(sample["split"] == name for sample in samples):
            raise UserError(f"{samples_path}: no sample is in the split {name}")
    learnt = {sample["class"] for sample in samples if sample["split"] == "train"}
    if absent := [name for name in classes if name not in learnt]:
        raise UserError(f"{samples_path}: no training sample of the class {', '.join(absent)}: it cannot be learnt")
    digest = hashlib.sha256(samples_path.read_bytes())
    digest.update(f"{images.dtype} {images.shape}".encode())
    for image in _checked(images, samples, images_path, samples_path):
        digest.update(image.encode())
    return make_dataset(images, samples, classes, digest.hexdigest())


def open_images(path: Path) -> np.ndarray:
    """Memory-map an array of images, shape (N, C, *spatial), uint8 or float16.

    Raises:
        UserError: no such file, or not such an array.
    """
    images = read_npy(path)
    if (
        images.ndim not in (4, 5)
        or images.dtype.name not in LEVELS
        or not (images.dtype.isnative and images.flags.c_contiguous)
    ):
        raise UserError(
            f"{path}: expected uint8 or float16 images of shape (N, C, H, W) or (N, C, D, H, W), found "
            f"{images.dtype.str if images.dtype.name in LEVELS else images.dtype} of shape {images.shape}"
        )
    return images


def _checked(
    images: np.ndarray, samples: Sequence[dict[str, str]], images_path: Path, samples_path: Path
) -> Iterator[str]:
    """Digest of every image, once it has been found to hold values in [0, 1] and to be that of its row in the table."""
    for row, (image, sample) in enumerate(zip(images, samples, strict=True)):
        if largest_code(image) >= LEVELS[images.dtype.name].size:
            raise UserError(
                f"{images_path}: holds values outside [0, 1], or NaN; scale the images before they are packed"
            )
        digest = image_digest(image)
        require_tie(digest, sample[IMAGE_DIGEST], row, sample["subject"], images_path, samples_path)
        yield digest


def _classes(samples: list[dict[str, str]], path: Path) -> tuple[str, ...]:
    """Class names in label order, checked to be one name for one label."""
    names: dict[int, str] = {}
    for row in samples:
        label, name = int(row["label"]), row["class"]
        if names.setdefault(label, name) != name:
            raise UserError(f"{path}: label {label} stands for both {names[label]} and {name}")
    if len(names) < 2 or sorted(names) != list(range(len(names))) or len(set(names.values())) != len(names):
        raise UserError(f"{path}: expected labels 0 … K-1 for K >= 2 classes, each with its own name; found {names}")
    return tuple(names[label] for label in range(len(names)))
