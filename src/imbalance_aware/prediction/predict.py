"""Classify new images with a trained model, or with several whose probabilities are averaged.

Writes a table: image, predicted class, and one probability for each class. Images may be

- photographs (PNG, JPEG, TIFF …), brought to the size of the training images as in preprocessing;
- volumes as NIfTI files, cropped and scaled to [0, 1] as the training images were, channels along the fourth axis
  (the spatial axes are turned as in preprocessing);
- a .csv table with the column subject and one column of such NIfTI files for each channel, in the channels' order
  (paths count from the table's folder);
- .npy arrays, one image (C, ...) or many (N, C, ...): patches/*.npy and images.npy of a dataset have this form;
- folders of these, with the folders below them; hidden files are passed over.

If an image cannot be used, the others are still classified; the reasons are listed at the end, with status 2.

The model file holds all that is needed of the training: the network, its classes, and the size and scale of its images.
--model takes several of them, or the folder of a condition: then all its seeds, and all folds of a cross-validation,
classify together. (Not the images that a cross-validation was made of: all but one of its folds were trained on each of
them.) With --flips every network also sees each image flipped, along the axes that its training flipped. Such a model
is a subject of research, not a medical device.
"""

import argparse
import csv
import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic
from imbalance_aware.prediction.new_images import read_samples
from imbalance_aware.prediction.several_models import load_ensemble
from imbalance_aware.runs.select_device import select_device
from imbalance_aware.runs.settings import TrainingSettings
from imbalance_aware.tables.predictions import probability_columns

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        nargs="+",
        help=(
            "run folders or their model.pt, or the folder of a condition; the probabilities of several models "
            "are averaged"
        ),
    )
    parser.add_argument("--flips", action="store_true", help="also average over flips of each image")
    parser.add_argument("--images", type=Path, required=True, nargs="+", help="files or folders")
    parser.add_argument("--out", type=Path, required=True, help="table to write (CSV)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(default: auto)")
    parser.add_argument("--batch-size", type=int, default=50, help="images at a time (default: 50)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")


def run(args: argparse.Namespace) -> None:
    """Write the table: one row per image, its probabilities and the class with the largest.

    Raises:
        UserError: no usable image, or a model that diverged; also after the table is written, if some images could not
            be read, with each reason.
    """
    if args.batch_size < 1:
        raise UserError(f"--batch-size is {args.batch_size}; it must be at least 1")
    device = select_device(TrainingSettings(device=args.device, precision="float32"), args.threads)
    ensemble = load_ensemble(args.model, device, args.flips)
    spec = ensemble.spec
    unusable: list[str] = []
    samples = read_samples(args.images, spec, unusable)
    done = 0
    with atomic(args.out) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["image", "predicted", *probability_columns(spec.classes)])
        for names, images in _chunks(samples, args.batch_size):
            probabilities = ensemble.predict(images, device, args.batch_size)
            for name, row in zip(names, probabilities, strict=True):
                writer.writerow([name, spec.classes[int(row.argmax())], *row.tolist()])
            done += len(names)
        if not done:
            raise UserError("\n".join(unusable) or f"no image in {', '.join(map(str, args.images))}")
    log.info("%d images classified by %d models", done, len(ensemble.members))
    if unusable:
        raise UserError("\n".join([f"images excluded ({len(unusable)}):", *unusable]))


def _chunks(samples: Iterator[tuple[str, np.ndarray]], size: int) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    while chunk := list(islice(samples, size)):
        names, images = zip(*chunk, strict=True)
        yield names, np.stack(images)
