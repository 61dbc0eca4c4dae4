"""Apply every augmentation of training to the first training image of a dataset: each change alone, at the ends of its
range, then all of them together. The code that makes the batches of a training run makes these images too.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic
from imbalance_aware.image_digests import image_digest, require_tie
from imbalance_aware.runs.dataset import open_images
from imbalance_aware.runs.settings import Augmentation, check
from imbalance_aware.schema import parse
from imbalance_aware.tables.samples import IMAGE_DIGEST, read_samples
from imbalance_aware.training.augment_cpu import CpuImages
from imbalance_aware.training.augmentation import AugmentationParameters, sample_parameters, unchanged, widest_blur
from imbalance_aware.training.intensity import LEVELS, codes

#: Field of `AugmentationParameters` with a strength -> the setting that holds its range.
STRENGTHS = {"gamma": "gamma", "gain": "contrast_gain", "sigma": "blur_sigma"}
#: What is written of `AugmentationParameters`.
FIELDS = ("gamma", "gain", "sigma", "origin", "flip")
#: A draw in which every change is large enough to be seen.
SEED = 11


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--images", type=Path, required=True, help="array of the dataset's images")
    parser.add_argument("--samples", type=Path, required=True, help="table of the array's rows")
    parser.add_argument("--settings", required=True, help="augmentation: JSON, or a YAML/JSON file")
    parser.add_argument("--out", type=Path, required=True, help="examples to write (.npz)")


def run(args: argparse.Namespace) -> None:
    """Write ``images`` (P, C, *size), the unchanged one first, and the `AugmentationParameters` of each (P entries a
    field); also ``whole``, the image before any crop. All images are uint8 (v/255).
    """
    settings = parse(Augmentation, args.settings)
    stored = open_images(args.images)
    row, sample = first_training_row(args.samples)
    if row >= len(stored):
        raise UserError(f"{args.images} holds {len(stored)} images, too few for {args.samples}")
    require_tie(image_digest(stored[row]), sample[IMAGE_DIGEST], row, sample["subject"], args.images, args.samples)
    check(settings, stored.shape[2:])
    parameters = joined(examples(settings, stored.shape[2:]))
    batch = next(CpuImages(stored).batches([np.full(len(parameters.gamma), row)], parameters))
    done = {name: getattr(parameters, name) for name in FIELDS}
    whole = LEVELS[stored.dtype.name][codes(stored[row])]
    with atomic(args.out) as path:
        np.savez_compressed(path, images=eight_bit(batch.numpy()), whole=eight_bit(whole), **done)


def first_training_row(samples: Path) -> tuple[int, dict[str, str]]:
    """Position of the first training sample, or of the first of a cross-validated dataset, and its row of the table.

    Raises:
        UserError: there is no table, or no training sample in it.
    """
    for row, sample in enumerate(read_samples(samples)):
        if sample["split"] in ("train", ""):
            return row, sample
    raise UserError(f"{samples}: no sample is in the split train")


def examples(settings: Augmentation, shape: tuple[int, ...]) -> list[AugmentationParameters]:
    """No change, then each alone, then all together; each for one image with spatial ``shape``.

    Strengths alone are the ends of their ranges, unless an end changes nothing. The place of the crop, and all
    strengths together, are drawn as in training, with probability 1.
    """
    plain = unchanged(1, settings.crop, shape, widest_blur(settings))
    together = sample_parameters(settings.model_copy(update={"probability": 1.0}), 1, shape, SEED, epoch=0)
    alone = [
        changed(plain, {field: np.array([strength])})
        for field, setting in STRENGTHS.items()
        for strength in sorted(set(getattr(settings, setting) or ()))
        if strength != getattr(plain, field)[0]
    ]
    axes = np.arange(len(shape))
    alone += [replace(plain, flip=(axes == axis)[np.newaxis]) for axis in sorted(settings.flip_axes)]
    if plain.size != tuple(shape):
        alone.append(replace(plain, origin=together.origin))
    return [plain, *alone, together] if alone else [plain]


def joined(parameters: list[AugmentationParameters]) -> AugmentationParameters:
    """Parameters of several images as one."""
    return changed(
        parameters[0], {name: np.concatenate([getattr(part, name) for part in parameters]) for name in FIELDS}
    )


def changed(parameters: AugmentationParameters, arrays: Mapping[str, np.ndarray]) -> AugmentationParameters:
    """The same but for some of its `FIELDS`."""
    fields: dict[str, Any] = {**arrays}  # Any: `replace` also takes the fields that hold no arrays
    return replace(parameters, **fields)


def eight_bit(values: np.ndarray) -> np.ndarray:
    """Values in [0, 1] as uint8."""
    return np.rint(values * 255).astype(np.uint8)
