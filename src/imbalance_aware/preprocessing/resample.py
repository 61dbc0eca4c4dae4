"""Bring a subject's sequences onto the grid of the atlas, each by a single linear interpolation of its native voxels.

Writes one NIfTI file with the sequences along its fourth axis, in the order given.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from imbalance_aware.preprocessing.registration import resample
from imbalance_aware.preprocessing.subject_step import Failure, Measures, named_paths, next_step, read_all
from imbalance_aware.volumes import Volume, read_volume, reorient, write_volume

#: Least share of the atlas's brain that a scan has to cover.
MIN_COVERAGE = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--volumes", type=named_paths, nargs="+", required=True, help="SEQUENCE=FILE for each sequence")
    parser.add_argument("--atlas-brain", type=Path, required=True, help="T1 of the atlas, without skull")
    parser.add_argument("--previous", type=Path, required=True, help="report of the step mask")
    parser.add_argument("--out", type=Path, required=True, help="volumes to write (.nii, x y z channels)")
    parser.add_argument("--report", type=Path, required=True, help="report to write")


def run(args: argparse.Namespace) -> None:
    """Write the resampled sequences."""
    atlas = reorient(read_volume(args.atlas_brain))

    def work(steps: dict[str, Measures], measures: Measures) -> None:
        write_volume(args.out, on_atlas(dict(args.volumes), steps["register"]["matrices"], atlas, measures))

    next_step("resample", args.previous, args.report, [args.out], work)


def on_atlas(paths: Mapping[str, Path], matrices: Mapping[str, list], atlas: Volume, measures: Measures) -> Volume:
    """All sequences on the atlas's grid, (x, y, z, channels) float32.

    Args:
        paths: sequence -> its scan.
        matrices: sequence -> point of the atlas to point of the scan, LPS, mm.
        atlas: T1 without skull.
        measures: is given ``coverage``: sequence -> the share of the brain's place in the atlas that its scan shows.

    Raises:
        Failure: a scan cannot be read, or shows too little of the brain's place.
    """
    channels = []
    coverages = measures["coverage"] = {}
    for name, volume in read_all(paths).items():
        channel = resample(volume, atlas, np.array(matrices[name])).array
        coverage = coverages[name] = float((channel[atlas.array > 0] != 0).mean())
        if coverage < MIN_COVERAGE:
            raise Failure(f"coverage: {name} shows {coverage:.0%} of the brain's place in the atlas", paths[name])
        channels.append(channel)
    return Volume(np.stack(channels, axis=-1), atlas.affine)
