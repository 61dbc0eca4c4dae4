"""Cut the cube around the tumour's centre of mass, padded with 0 beyond the border: what training reads.

Writes (channels, x, y, z), uint8 (v/255) or float16, axes to the left, to the back and up.
"""

import argparse
from pathlib import Path

import numpy as np

from imbalance_aware.files import atomic
from imbalance_aware.preprocessing.subject_step import Measures, next_step
from imbalance_aware.schema import parse
from imbalance_aware.volume_settings import CropSettings
from imbalance_aware.volumes import read_channels, read_mask


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--settings", required=True, help="size, dtype: JSON, or a YAML/JSON file")
    parser.add_argument("--volumes", type=Path, required=True, help="scaled volumes")
    parser.add_argument("--tumour", type=Path, required=True, help="tumour mask")
    parser.add_argument("--previous", type=Path, required=True, help="report of the step scale")
    parser.add_argument("--out", type=Path, required=True, help="patch to write (.npy)")
    parser.add_argument("--report", type=Path, required=True, help="report to write")


def run(args: argparse.Namespace) -> None:
    """Write the patch."""
    settings = parse(CropSettings, args.settings)

    def work(steps: dict[str, Measures], measures: Measures) -> None:
        volumes, tumour = read_channels(args.volumes), read_mask(args.tumour).array
        centre = centre_of_mass(tumour)
        patch = cut(volumes.array.transpose(3, 0, 1, 2), centre, settings.size)
        with atomic(args.out) as path:
            np.save(path, DTYPES[settings.dtype](patch))
        kept = cut(tumour[None], centre, settings.size).sum() / tumour.sum()
        measures |= {"centre_voxel": centre.tolist(), "tumour_in_patch": float(kept)}

    next_step("crop", args.previous, args.report, [args.out], work)


def centre_of_mass(mask: np.ndarray) -> np.ndarray:
    """Nearest voxel to the mean position of a mask's voxels."""
    return np.rint(np.argwhere(mask).mean(axis=0)).astype(int)


def cut(volumes: np.ndarray, centre: np.ndarray, size: int) -> np.ndarray:
    """The cube of edge ``size`` around a voxel of (channels, x, y, z), with 0 where it leaves the volume.

    For an even size the centre is the first voxel of the upper half.
    """
    patch = np.zeros((len(volumes), size, size, size), volumes.dtype)
    begin = centre - size // 2
    end = begin + size
    shape = np.array(volumes.shape[1:])
    inside = tuple(slice(max(0, low), min(high, edge)) for low, high, edge in zip(begin, end, shape, strict=True))
    place = tuple(slice(part.start - low, part.stop - low) for part, low in zip(inside, begin, strict=True))
    patch[(slice(None), *place)] = volumes[(slice(None), *inside)]
    return patch


#: Name of a type -> how values in [0, 1] are stored in it.
DTYPES = {
    "uint8": lambda values: np.rint(values * 255).astype(np.uint8),
    "float16": lambda values: values.astype(np.float16),
}
