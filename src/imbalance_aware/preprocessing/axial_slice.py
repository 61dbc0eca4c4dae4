"""The axial slice of each sequence through the middle of a subject's patch: small enough to keep for every subject, for
figures that show whole slices, because volumes are not kept."""

from pathlib import Path

import numpy as np


def write_axial_slice(path: Path, volumes: np.ndarray, tumour: np.ndarray, centre: list[int], size: int) -> None:
    """Write a compressed ``.npz`` with ``slices``, ``tumour`` and ``corner``.

    Args:
        path: file to write.
        volumes: (x, y, z, channels) in [0, 1]; becomes ``slices`` (channels, x, y), uint8 (v/255).
        tumour: mask (x, y, z); becomes ``tumour`` (x, y).
        centre: voxel in the middle of the patch.
        size: edge of the patch in voxels; ``corner`` is its first voxel along x and y, negative where it leaves the
            volume.
    """
    x, y, z = centre
    slices = np.rint(np.clip(volumes[:, :, z], 0, 1) * 255).astype(np.uint8)
    corner = np.array([x - size // 2, y - size // 2])
    slices = np.ascontiguousarray(slices.transpose(2, 0, 1))
    np.savez_compressed(path, slices=slices, tumour=tumour[:, :, z], corner=corner)
