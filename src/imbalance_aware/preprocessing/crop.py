"""Cut the cube around the tumour's centre of mass, padded with 0 beyond the border: what training reads.

A patch is (channels, x, y, z), uint8 (v/255) or float16, axes to the left, to the back and up.
"""

import numpy as np

from imbalance_aware.preprocessing.subject_step import Measures
from imbalance_aware.volume_settings import CropSettings


def crop(volumes: np.ndarray, tumour: np.ndarray, settings: CropSettings, measures: Measures) -> np.ndarray:
    """The patch around the tumour, in the type that is stored.

    Args:
        volumes: (x, y, z, channels) in [0, 1].
        tumour: mask (x, y, z), not empty.
        settings: edge of the cube, and type.
        measures: is given ``centre_voxel``, the voxel of the volumes in the middle of the patch, and
            ``tumour_in_patch``, the share of the tumour's voxels that lie in it.

    Returns:
        (channels, size, size, size), uint8 (v/255) or float16.
    """
    centre = centre_of_mass(tumour)
    patch = cut(volumes.transpose(3, 0, 1, 2), centre, settings.size)
    kept = cut(tumour[None], centre, settings.size).sum() / tumour.sum()
    measures |= {"centre_voxel": centre.tolist(), "tumour_in_patch": float(kept)}
    return DTYPES[settings.dtype](patch)


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
