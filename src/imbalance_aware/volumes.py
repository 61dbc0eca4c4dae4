"""Volumes in memory: arrays with a place in space, how they are turned and compared, and which grids are plausible.

Arrays are indexed (x, y, z); affines map voxel indices to millimetres in NIfTI's world (RAS: x to the right, y to the
front, z up).
"""

from dataclasses import dataclass

import nibabel as nib
import numpy as np

#: From which distance on the sform and the qform of a header count as different places, in mm.
FORMS_MM = 0.5
#: Voxel edges and edges of the whole box that a scan of a head may have, in mm.
VOXEL_MM = (0.2, 12.0)
BOX_MM = (60.0, 600.0)
#: Largest deviation of two axes of a grid from a right angle, as the cosine between them.
SKEW = 0.02
#: BraTS order of the axes: to the left, to the back, up.
ORIENTATION = ("L", "P", "S")


class BadVolume(Exception):
    """A file that cannot be used; the message is ``criterion: detail`` as the table of subjects shows it."""


@dataclass(frozen=True)
class Volume:
    """A 3D image, or several on one grid.

    Attributes:
        array: (x, y, z), or (x, y, z, channels).
        affine: (4, 4), voxel index to mm (RAS).
    """

    array: np.ndarray
    affine: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along x, y, z."""
        return self.array.shape[:3]

    @property
    def spacing(self) -> np.ndarray:
        """Edges of a voxel along x, y, z in mm."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel in millilitres."""
        return float(abs(np.linalg.det(self.affine[:3, :3])) / 1000)


@dataclass(frozen=True)
class Placement:
    """Positions of the voxels according to a header.

    Attributes:
        affine: (4, 4), voxel index to mm (RAS): the sform where there is one, else the qform, as nibabel chooses.
        unit: the header's unit of length, from which the affine was converted; ``""`` if it was mm or not given.
        forms: the grid by sform and by qform; None unless both are set and hold numbers.
    """

    affine: np.ndarray
    unit: str
    forms: tuple[Volume, Volume] | None

    @property
    def sform_qform_mm(self) -> float | None:
        """Largest distance between where sform and qform put a corner of the grid; None unless both are set."""
        return corner_distance_mm(*self.forms) if self.forms else None


def check_affine(affine: np.ndarray, shape: tuple[int, ...], unit: str = "") -> None:
    """Raise `BadVolume` unless ``affine`` (mm) places a head-sized grid with right angles in space.

    Args:
        affine: (4, 4), voxel index to mm.
        shape: voxels along x, y, z.
        unit: the header's unit of length, if it was converted to mm.
    """
    converted = f" (converted from {unit}, the unit in the header)" if unit else ""
    edges = affine[:3, :3]
    if not np.isfinite(affine).all():
        raise BadVolume("affine: has values that are not finite")
    spacing = np.linalg.norm(edges, axis=0)
    shown = " x ".join(f"{edge:.3g}" for edge in spacing)
    if not ((spacing >= VOXEL_MM[0]) & (spacing <= VOXEL_MM[1])).all():
        cure = "" if unit else " (if the header's numbers are metres or micrometres, its xyzt_units must say so)"
        raise BadVolume(
            f"affine: voxels of {shown} mm{converted}, {VOXEL_MM[0]:g} to {VOXEL_MM[1]:g} mm are accepted{cure}"
        )
    box = spacing * shape
    if not ((box >= BOX_MM[0]) & (box <= BOX_MM[1])).all():
        raise BadVolume(f"affine: a box of {' x '.join(f'{edge:.0f}' for edge in box)} mm{converted} is not head-sized")
    cosines = (edges / spacing).T @ (edges / spacing) - np.eye(3)
    if np.abs(cosines).max() > SKEW:
        raise BadVolume("affine: its axes are not at right angles")


def reorient(volume: Volume, orientation: tuple[str, str, str] = ORIENTATION) -> Volume:
    """The same volume with its axes permuted and flipped into ``orientation``; no interpolation."""
    turned = _turn(volume, orientation)
    return Volume(np.ascontiguousarray(turned.array), turned.affine)


def _turn(volume: Volume, orientation: tuple[str, str, str]) -> Volume:
    """`reorient` as a view."""
    wanted = nib.orientations.axcodes2ornt(orientation)
    change = nib.orientations.ornt_transform(nib.io_orientation(volume.affine), wanted)
    affine = volume.affine @ nib.orientations.inv_ornt_aff(change, volume.shape)
    return Volume(nib.apply_orientation(volume.array, change), affine)


def same_grid(one: Volume, other: Volume, tolerance: float = 0.1) -> bool:
    """Whether two volumes have the same voxels in the same places, in any storage order.

    The arrays must not be compared voxel by voxel before both are reoriented alike.

    Args:
        one: a volume.
        other: another.
        tolerance: how far voxels may lie apart, as a share of the shortest edge of a voxel.
    """
    one, other = (_turn(Volume(zeros(grid.shape), grid.affine), ORIENTATION) for grid in (one, other))
    return one.shape == other.shape and corner_distance_mm(one, other) <= tolerance * one.spacing.min()


def describe_grid(volume: Volume) -> str:
    """Shape, voxel edges, order of the axes and place of the first voxel, in words."""
    shape = " x ".join(map(str, volume.shape))
    edges = " x ".join(f"{edge:.4g}" for edge in volume.spacing)
    first = ", ".join(f"{value:.1f}" for value in volume.affine[:3, 3])
    return f"{shape} voxels of {edges} mm, {_axes(volume)}, the first at ({first}) mm"


def _axes(volume: Volume) -> str:
    return "".join(code or "?" for code in nib.aff2axcodes(volume.affine))


def zeros(shape: tuple[int, ...]) -> np.ndarray:
    """An array of 0 that takes no memory."""
    return np.broadcast_to(np.float32(0), shape)


def corner_distance_mm(one: Volume, other: Volume) -> float:
    """Largest distance between the same corner of two grids."""
    corners = np.array(np.meshgrid(*[(0, size - 1) for size in one.shape], indexing="ij")).reshape(3, -1)
    places = [(volume.affine @ np.vstack([corners, np.ones(8)]))[:3] for volume in (one, other)]
    return float(np.linalg.norm(places[0] - places[1], axis=0).max())
