"""Resize the images of a cohort: one array (C, H, W) per included subject.

8-bit images stay uint8 (v / 255), 16-bit images become float16 in [0, 1]. Images that have the size already
keep their pixels; others are resized with anti-aliasing.
"""

import argparse
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic
from imbalance_aware.images import BadImage, read_image, resize, to_channels
from imbalance_aware.preprocessing.settings import ResizeSettings
from imbalance_aware.progress import progress
from imbalance_aware.schema import parse
from imbalance_aware.tables.cohort import included_subjects

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--settings", required=True, help="image_size, channels, max_value: JSON, or a YAML/JSON file")
    parser.add_argument("--cohort", type=Path, required=True, help="table of subjects")
    parser.add_argument("--out", type=Path, required=True, help="folder for one .npy per included subject")
    parser.add_argument("--threads", type=int, default=1, help="images handled at a time")


def run(args: argparse.Namespace) -> None:
    """Write one array per included subject; arrays of subjects that are no longer included are removed."""
    settings = parse(ResizeSettings, args.settings)
    images = {subject: row["image"] for subject, row in included_subjects(args.cohort).items()}
    args.out.mkdir(parents=True, exist_ok=True)
    for stale in set(args.out.glob("*.npy")) - {args.out / f"{subject}.npy" for subject in images}:
        stale.unlink()

    def write(subject: str, image: str) -> None:
        with atomic(args.out / f"{subject}.npy") as path:
            np.save(path, preprocess(Path(image), settings))

    with ThreadPoolExecutor(args.threads) as pool:
        written = pool.map(write, images.keys(), images.values())
        for _ in progress(written, len(images), "images resized", log):
            pass


def preprocess(path: Path, settings: ResizeSettings) -> np.ndarray:
    """One image as training reads it, (C, H, W) uint8 or float16.

    Raises:
        UserError: the image changed since the cohort was listed and can no longer be used.
    """
    try:
        image = to_channels(read_image(path), settings.channels, settings.max_value)
    except BadImage as bad:
        raise UserError(f"{path}: {bad}. It was usable when the cohort was listed; list the cohort again.") from None
    return resize(image, settings.image_size)
