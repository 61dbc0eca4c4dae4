"""`Dataset` and its two `Split`s: images, and the samples that a run trains and is tested on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Split:
    """Training or test samples: positions in the array, and for each its label and its row of ``samples.csv``."""

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
        digest: of images and table; 64 hexadecimal digits.
    """

    images: np.ndarray
    classes: tuple[str, ...]
    train: Split
    test: Split
    digest: str

    @property
    def class_counts(self) -> list[int]:
        """Training samples of each class, in label order."""
        return np.bincount(self.train.labels, minlength=len(self.classes)).tolist()


def make_dataset(
    images: np.ndarray, samples: Sequence[dict[str, str]], classes: tuple[str, ...], digest: str
) -> Dataset:
    """A dataset of images and the rows that describe them, in the same order.

    Args:
        images: shape (N, C, *spatial), uint8 or float16.
        samples: N rows with ``subject``, ``split`` (train or test) and ``label``.
        classes: names in label order.
        digest: of images and table.
    """
    return Dataset(images, classes, _split(samples, "train"), _split(samples, "test"), digest)


def _split(samples: Sequence[dict[str, str]], name: str) -> Split:
    rows = [row for row, sample in enumerate(samples) if sample["split"] == name]
    return Split(
        rows=np.array(rows, dtype=np.int64),
        labels=np.array([int(samples[row]["label"]) for row in rows], dtype=np.int64),
        samples=tuple(samples[row] for row in rows),
    )
