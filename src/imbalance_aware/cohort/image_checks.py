"""Checks of 2D images: the file exists, decodes completely, and has the dataset's size and channels."""

import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from imbalance_aware.cohort.inclusion import exclude
from imbalance_aware.images import BadImage, Channels, pixel_sha256, read_image, to_channels
from imbalance_aware.progress import progress

log = logging.getLogger(__name__)
THREADS = 2


def check_images(
    subjects: pd.DataFrame,
    size: tuple[int, int] | None = None,
    channels: Channels = "rgb",
    max_value: int | None = None,
) -> pd.DataFrame:
    """Decode every image of ``subjects["image"]``; record what it holds and why it cannot be used.

    Rows excluded for another reason are decoded too, because their pixels may reveal a duplicate.

    Args:
        subjects: one row per image (an empty path is passed over); not changed.
        size: (height, width) that every image must have; None accepts any.
        channels: form of the dataset's images, see `imbalance_aware.images.to_channels`.
        max_value: the same.

    Returns:
        ``subjects`` with the columns ``height``, ``width`` (pixels; empty if unreadable) and ``pixel_sha256``
        added and the reasons in ``excluded`` extended.
    """
    subjects = subjects.copy()
    with ThreadPoolExecutor(THREADS) as pool:
        inspected = pool.map(lambda path: _inspect(path, size, channels, max_value), subjects["image"])
        results = list(progress(inspected, len(subjects), "images checked", log))
    for column in ("height", "width", "pixel_sha256"):
        subjects[column] = [result[column] for result in results]
    for row, result in zip(subjects.index, results, strict=True):
        if result["reason"]:
            exclude(subjects, [row], result["reason"])
    return subjects


def _inspect(path: str, size: tuple[int, int] | None, channels: Channels, max_value: int | None) -> dict:
    result = {"height": "", "width": "", "pixel_sha256": "", "reason": ""}
    if not path:
        return result
    try:
        image = read_image(path)
        height, width = image.shape[:2]
        result |= {"height": str(height), "width": str(width), "pixel_sha256": pixel_sha256(image)}
        image = to_channels(image, channels, max_value)
        # Channel by channel: the three numbers of one colour differ from each other.
        if not np.ptp(image, axis=(1, 2)).any():
            raise BadImage("blank: all pixels are equal")
        result["pixel_sha256"] = pixel_sha256(image)
        if size is not None and (height, width) != size:
            raise BadImage(f"size: {width}x{height} pixels instead of {size[1]}x{size[0]}")
    except BadImage as bad:
        result["reason"] = str(bad)
    return result
