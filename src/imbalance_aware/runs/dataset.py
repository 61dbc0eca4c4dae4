"""The array of a dataset and the table that describes its rows, opened and checked."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from imbalance_aware.arrays import read_npy
from imbalance_aware.errors import UserError
from imbalance_aware.image_digests import image_digest, require_tie
from imbalance_aware.tables.csv_text import make_again
from imbalance_aware.tables.folds import read_fold
from imbalance_aware.tables.samples import IMAGE_DIGEST, how_to_pack, read_samples
from imbalance_aware.training.data import Dataset, make_dataset
from imbalance_aware.training.intensity import LEVELS, largest_code


@dataclass(frozen=True)
class Fold:
    """One fold of a cross-validated dataset.

    Attributes:
        table: ``folds/repeat-R.csv``.
        number: from 0.
    """

    table: Path
    number: int

    def __str__(self) -> str:
        return f"{self.table}, fold {self.number}"


class Packed:
    """The array of a dataset and the table that describes its rows, opened without reading the images into memory.

    Attributes:
        images: shape (N, C, *spatial), uint8 or float16.
        samples: N rows of ``samples.csv``.
        classes: names in label order.

    Raises:
        UserError: files that are missing, or do not fit each other row by row.
    """

    def __init__(self, images_path: Path, samples_path: Path) -> None:
        self.images_path, self.samples_path = images_path, samples_path
        self.images = open_images(images_path)
        self.samples = read_samples(samples_path)
        if len(self.images) != len(self.samples):
            raise UserError(
                f"{images_path} holds {len(self.images)} images and {samples_path} {len(self.samples)} rows. "
                f"{how_to_pack(samples_path)}"
            )
        self.classes = _classes(self.samples, samples_path)

    @cached_property
    def digest(self) -> str:
        """Of images and table, 64 hexadecimal digits; each image is read once, to check it.

        Raises:
            UserError: an image that is not that of its row, or cannot be trained on.
        """
        digest = hashlib.sha256(self.samples_path.read_bytes())
        digest.update(f"{self.images.dtype} {self.images.shape}".encode())
        for image in _checked(self.images, self.samples, self.images_path, self.samples_path):
            digest.update(image.encode())
        return digest.hexdigest()

    def dataset(self, fold: Fold | None = None) -> Dataset:
        """The dataset as a run sees it, in its splits.

        Its digest is that of images and table; of a fold also of the splits of this fold, and of no other fold's.

        Args:
            fold: of a cross-validated dataset; None for one with a fixed split.

        Raises:
            UserError: no such fold, splits that do not fit the table, or a split or class that has no sample.
        """
        splits = self._fixed() if fold is None else self._of(fold)
        source = self.samples_path if fold is None else fold
        for name in ("train", "test"):
            if name not in splits:
                raise UserError(f"{source}: no sample is in the split {name}")
        learned = {sample["class"] for sample, split in zip(self.samples, splits, strict=True) if split == "train"}
        if absent := [name for name in self.classes if name not in learned]:
            raise UserError(f"{source}: no training sample of the class {', '.join(absent)}, so it cannot be learned")
        digest = self.digest
        if fold is not None:
            digest = hashlib.sha256(f"{digest} {json.dumps(splits)}".encode()).hexdigest()
        return make_dataset(self.images, self.samples, splits, self.classes, digest)

    def _fixed(self) -> list[str]:
        splits = [sample["split"] for sample in self.samples]
        if not any(splits):
            raise UserError(
                f"{self.samples_path}: no sample has a split, because the dataset is cross-validated; select one of "
                "its folds (--folds, --fold)"
            )
        return splits

    def _of(self, fold: Fold) -> list[str]:
        if any(sample["split"] for sample in self.samples):
            raise UserError(f"{self.samples_path}: has a fixed split; only cross-validated datasets have folds")
        splits = read_fold(fold.table, fold.number)
        if splits.keys() != {sample["subject"] for sample in self.samples}:
            raise UserError(
                f"{fold.table}: its subjects are not those of {self.samples_path}. {make_again(fold.table)}"
            )
        return [splits[sample["subject"]] for sample in self.samples]


def open_dataset(images_path: Path, samples_path: Path, fold: Fold | None = None) -> Dataset:
    """Open a packed dataset without reading it into memory; each image is read once, to check it.

    Args:
        images_path: ``images.npy``.
        samples_path: ``samples.csv``.
        fold: of a cross-validated dataset; None for one with a fixed split.

    Raises:
        UserError: files that are missing, do not fit each other row by row, or cannot be trained on.
    """
    return Packed(images_path, samples_path).dataset(fold)


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
            raise UserError(f"{images_path}: contains values outside [0, 1], or NaN; scale the images before packing")
        digest = image_digest(image)
        require_tie(digest, sample[IMAGE_DIGEST], row, sample["subject"], images_path, samples_path)
        yield digest


def _classes(samples: list[dict[str, str]], path: Path) -> tuple[str, ...]:
    """Class names in label order, checked to be one name for one label."""
    names: dict[int, str] = {}
    for row in samples:
        label, name = int(row["label"]), row["class"]
        if names.setdefault(label, name) != name:
            raise UserError(f"{path}: label {label} is used for both {names[label]} and {name}")
    if len(names) < 2 or sorted(names) != list(range(len(names))) or len(set(names.values())) != len(names):
        raise UserError(f"{path}: expected labels 0 … K-1 for K >= 2 classes, each with its own name; found {names}")
    return tuple(names[label] for label in range(len(names)))
