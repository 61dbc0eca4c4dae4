"""Digests of images, which tie ``images.npy`` and ``samples.csv``: neither can be exchanged or reordered alone.

Each row of ``samples.csv`` holds, in the column ``image_sha256``, the beginning of the SHA-256 of its image's values as
they are stored. Code that reads an image by its row compares the two:

    hashlib.sha256(np.load("images.npy", mmap_mode="r")[i].tobytes()).hexdigest()[:16]
"""

import hashlib
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.tables.samples import how_to_pack

#: Number of hexadecimal digits in the column.
DIGITS = 16


def image_digest(image: np.ndarray) -> str:
    """SHA-256 of an image's values as they are stored, in C order: 64 hexadecimal digits."""
    stored = np.ascontiguousarray(image)
    return hashlib.sha256(stored).hexdigest()  # type: ignore[arg-type]  # a buffer, to type checkers from Python 3.12 on


def short(digest: str) -> str:
    """The part of an image's digest that ``samples.csv`` holds."""
    return digest[:DIGITS]


def require_tie(digest: str, expected: str, row: int, subject: str, images: Path, samples: Path) -> None:
    """Check that a row of the table and an image belong together.

    Args:
        digest: of the image in position ``row`` of the array (`image_digest`).
        expected: what the table holds of it.
        row: position in the array and in the table, from 0.
        subject: of that row.
        images, samples: the two files, for the message.

    Raises:
        UserError: they do not.
    """
    if short(digest) != expected:
        raise UserError(
            f"{samples}, line {row + 2} ({subject}) does not describe image {row} of {images}: rows were moved or "
            f"changed in one of the files, or the files are from different datasets. {how_to_pack(samples)}"
        )
