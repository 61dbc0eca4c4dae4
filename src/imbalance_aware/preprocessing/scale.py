"""Scale each sequence linearly to [0, 1] inside the brain; outside it is 0.

By default the brain's minimum becomes 0 and its maximum 1, which is what the study says ("[0;1] normalized within the
brainmask"). Percentiles instead of the extremes keep a single bright voxel, such as a vessel in T1c, from pressing all
tissue into the lower part of the range; values beyond them are clamped.
"""

import argparse
from pathlib import Path

import numpy as np

from imbalance_aware.preprocessing.subject_step import Failure, Measures, next_step
from imbalance_aware.schema import parse
from imbalance_aware.volume_settings import ScaleSettings
from imbalance_aware.volumes import Volume, read_channels, read_mask, write_volume


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--settings", required=True, help="lower, upper: JSON, or a YAML/JSON file")
    parser.add_argument("--sequences", nargs="+", required=True, help="names along the volumes' fourth axis")
    parser.add_argument("--volumes", type=Path, required=True, help="resampled sequences")
    parser.add_argument("--brain", type=Path, required=True, help="brain mask")
    parser.add_argument("--previous", type=Path, required=True, help="report of the step resample")
    parser.add_argument("--out", type=Path, required=True, help="scaled volumes to write (.nii)")
    parser.add_argument("--report", type=Path, required=True, help="report to write")


def run(args: argparse.Namespace) -> None:
    """Write the scaled volumes."""
    settings = parse(ScaleSettings, args.settings)

    def work(steps: dict[str, Measures]) -> Measures:
        volumes, brain = read_channels(args.volumes), read_mask(args.brain).array
        ranges = {}
        for channel, name in enumerate(args.sequences):
            ranges[name] = scale(volumes.array[..., channel], brain, settings.lower, settings.upper)
            if ranges[name] is None:
                raise Failure(f"flat: {name} has no contrast inside the brain")
        write_volume(args.out, Volume(volumes.array, volumes.affine))
        return {"range": ranges}

    next_step("scale", args.previous, args.report, [args.out], work)


def scale(values: np.ndarray, brain: np.ndarray, lower: float, upper: float) -> list[float] | None:
    """Scale ``values`` (x, y, z) in place.

    Args:
        values: float32.
        brain: mask of the same shape.
        lower: percentile of the values in the brain that becomes 0.
        upper: percentile that becomes 1.

    Returns:
        The two intensities, or None (and ``values`` untouched) if they are equal.
    """
    low, high = np.percentile(values[brain], [lower, upper])
    if not high > low:
        return None
    inside = np.clip((values[brain] - low) / (high - low), 0, 1)
    values[...] = 0
    values[brain] = inside
    return [float(low), float(high)]
