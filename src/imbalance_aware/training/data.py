"""`Dataset` and its two `Split`s: images, and the samples that a run trains and is tested on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Split:
    """Samples for training, validation or test: places in the array, and the label and ``samples.csv`` row of each."""

    rows: np.ndarray
    labels: np.ndarray
    samples: tuple[dict[str, str], ...]


@dataclass(frozen=True)
class Dataset:
    """A packed dataset.

    Attributes:
        images: memory-mapped, shape (N, C, *spatial), uint8 or float16.
        classes: names in label order.
        train, test: its two splits.
        validation: what is looked at while training, beside the two; of no samples where there is none.
        digest: of images, table and splits; 64 hexadecimal digits.
    """

    images: np.ndarray
    classes: tuple[str, ...]
    train: Split
    test: Split
    validation: Split
    digest: str

    @property
    def class_counts(self) -> list[int]:
        """Training samples of each class, in label order."""
        return np.bincount(self.train.labels, minlength=len(self.classes)).tolist()


def make_dataset(
    images: np.ndarray, samples: Sequence[dict[str, str]], splits: Sequence[str], classes: tuple[str, ...], digest: str
) -> Dataset:
    """A dataset of images and the rows that describe them, in the same order.

    Args:
        images: shape (N, C, *spatial), uint8 or float16.
        samples: N rows with ``subject`` and ``label``.
        splits: for each row train, validation or test, or empty for a sample that is in none.
        classes: names in label order.
        digest: of images, table and splits.
    """
    train, test, validation = (_split(samples, splits, name) for name in ("train", "test", "validation"))
    return Dataset(images, classes, train, test, validation, digest)


def _split(samples: Sequence[dict[str, str]], splits: Sequence[str], name: str) -> Split:
    rows = [row for row, split in enumerate(splits) if split == name]
    return Split(
        rows=np.array(rows, dtype=np.int64),
        labels=np.array([int(samples[row]["label"]) for row in rows], dtype=np.int64),
        samples=tuple(samples[row] for row in rows),
    )
