"""Resample a subject's sequences onto the grid of the atlas, each by one linear interpolation of its own voxels."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from imbalance_aware.preprocessing.registration import resample
from imbalance_aware.preprocessing.subject_step import Failure, Measures, read_all
from imbalance_aware.volumes import Volume

#: Least share of the atlas's brain that a scan has to cover.
MIN_COVERAGE = 0.5


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
