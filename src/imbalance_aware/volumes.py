"""Reading and writing MRI volumes, with the checks that a header and its data must pass.

NIfTI files are read by nibabel, not by ITK: ITK's reader fills a truncated or corrupted file with whatever it has and
says nothing, and passes over NaN. Arrays are indexed (x, y, z); affines map voxel indices to millimetres in
NIfTI's world (RAS: x to the right, y to the front, z up).
"""

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from imbalance_aware.files import atomic

#: A NIfTI-2 file begins with the size of its header, in either byte order.
NIFTI_2 = (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")
#: Bytes of a NIfTI-2 header, the longer one; extensions of any length may follow.
HEADER_BYTES = 540
#: Voxel edges and edges of the whole box that a scan of a head may have, in mm.
VOXEL_MM = (0.2, 12.0)
BOX_MM = (60.0, 600.0)
#: How far from a right angle two axes of a grid may stand, as the cosine between them.
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


def read_volume(path: str | Path, dtype: type = np.float32) -> Volume:
    """Read one 3D volume and check it.

    Raises:
        BadVolume: missing, unreadable, truncated, not one real number per voxel, not 3D, without orientation, of
            implausible size, with values that are not finite, or of one value throughout.
    """
    image = _image(_content(Path(path)))
    array = _data(image, dtype)
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 3:
        raise BadVolume(f"not 3D: {' x '.join(map(str, array.shape))} voxels")
    check_affine(image.affine, array.shape)
    if not np.isfinite(array).all():
        raise BadVolume(f"not finite: {int((~np.isfinite(array)).sum())} voxels are NaN or infinite")
    if array.min() == array.max():
        raise BadVolume(f"constant: every voxel is {array.flat[0]:g}")
    return Volume(array, image.affine)


def read_grid(path: str | Path) -> Volume:
    """Where the voxels of a 3D file lie, without its values (all 0)."""
    header = _header(_content(Path(path), HEADER_BYTES))
    with _nifti():
        return Volume(_zeros(header.get_data_shape()[:3]), header.get_best_affine())


def read_channels(path: str | Path) -> Volume:
    """Read a file of this project's own: (x, y, z) or (x, y, z, channels), float32."""
    image = nib.load(path)
    return Volume(np.asanyarray(image.dataobj).astype(np.float32, copy=False), image.affine)


def read_mask(path: str | Path) -> Volume:
    """Read a mask of this project's own as bool."""
    volume = read_channels(path)
    return Volume(volume.array > 0, volume.affine)


def write_volume(path: str | Path, volume: Volume) -> None:
    """Write a NIfTI file atomically; masks as uint8, the rest in the array's own type."""
    array = volume.array.astype(np.uint8) if volume.array.dtype == bool else volume.array
    image = nib.Nifti1Image(array, volume.affine)
    image.header.set_xyzt_units("mm")
    with atomic(path) as temporary:
        # The temporary name must end as the final one does, or nibabel picks another format.
        content = image.to_bytes()
        if Path(path).suffix == ".gz":
            # No time and no name in the gzip header: the same volume is the same bytes.
            compressor = zlib.compressobj(6, zlib.DEFLATED, 31)
            content = compressor.compress(content) + compressor.flush()
        temporary.write_bytes(content)


def check_affine(affine: np.ndarray, shape: tuple[int, ...]) -> None:
    """Raise `BadVolume` unless ``affine`` places a head-sized grid with right angles in space."""
    edges = affine[:3, :3]
    if not np.isfinite(affine).all():
        raise BadVolume("affine: has values that are not finite")
    spacing = np.linalg.norm(edges, axis=0)
    shown = " x ".join(f"{edge:.3g}" for edge in spacing)
    if not ((spacing >= VOXEL_MM[0]) & (spacing <= VOXEL_MM[1])).all():
        raise BadVolume(f"affine: voxels of {shown} mm")
    box = spacing * shape
    if not ((box >= BOX_MM[0]) & (box <= BOX_MM[1])).all():
        raise BadVolume(f"affine: a box of {' x '.join(f'{edge:.0f}' for edge in box)} mm is no head")
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
    """Whether two volumes have the same voxels in the same places, in whatever order they store them.

    The arrays must not be compared voxel by voxel before both are reoriented alike.

    Args:
        one: a volume.
        other: another.
        tolerance: how far voxels may lie apart, as a share of the shortest edge of a voxel.
    """
    one, other = (_turn(Volume(_zeros(grid.shape), grid.affine), ORIENTATION) for grid in (one, other))
    return one.shape == other.shape and _corner_distance(one, other) <= tolerance * one.spacing.min()


def _zeros(shape: tuple[int, ...]) -> np.ndarray:
    """An array of 0 that takes no memory."""
    return np.broadcast_to(np.float32(0), shape)


def _corner_distance(one: Volume, other: Volume) -> float:
    corners = np.array(np.meshgrid(*[(0, size - 1) for size in one.shape], indexing="ij")).reshape(3, -1)
    places = [(volume.affine @ np.vstack([corners, np.ones(8)]))[:3] for volume in (one, other)]
    return float(np.linalg.norm(places[0] - places[1], axis=0).max())


def _content(path: Path, size: int = -1) -> bytes:
    """The first ``size`` bytes of a file, or all, decompressed.

    All of a gzip file is read to its end, where its checksum stands: a reader that stops after the last voxel, as
    nibabel does, never meets it.
    """
    if not path.is_file():
        raise BadVolume("missing")
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) if packed else raw as handle:
                return handle.read(size)
    except EOFError:
        raise BadVolume("unreadable: the file ends too early") from None
    except (OSError, zlib.error) as error:
        raise BadVolume(f"unreadable: {' '.join(str(error).split())}") from None


def _kind(content: bytes) -> type[nib.Nifti1Image]:
    """NIfTI-1 or NIfTI-2, from how the file begins."""
    return nib.Nifti2Image if content[:4] in NIFTI_2 else nib.Nifti1Image


def _header(content: bytes) -> nib.Nifti1Header:
    """The header at the beginning of a file, without extensions, which may be longer than what was read."""
    header = _kind(content).header_class
    with _nifti():
        return _placed(header(content[: header.template_dtype.itemsize]))


def _image(content: bytes) -> nib.Nifti1Image:
    """A NIfTI-1 or NIfTI-2 file from its bytes, with room for all the voxels that its header announces."""
    with _nifti():
        image = _kind(content).from_bytes(content)
        _placed(image.header)
    stored = image.get_data_dtype()
    if stored.names or stored.kind == "c":
        raise BadVolume(f"not one real number per voxel: {'colours' if stored.names else 'complex numbers'}")
    if min(image.shape, default=0) < 1:
        raise BadVolume(f"not 3D: {' x '.join(map(str, image.shape))} voxels")
    if image.dataobj.offset + math.prod(image.shape) * stored.itemsize > len(content):
        raise BadVolume("unreadable: the file ends too early")
    return image


@contextmanager
def _nifti() -> Iterator[None]:
    try:
        yield
    except (ImageFileError, WrapStructError, HeaderDataError, ValueError) as error:
        raise BadVolume(f"unreadable: no NIfTI file ({' '.join(str(error).split())})") from None


def _placed(header: nib.Nifti1Header) -> nib.Nifti1Header:
    """The header, if it says how the volume lies in space."""
    if int(header["qform_code"]) == 0 and int(header["sform_code"]) == 0:
        raise BadVolume("affine: the header does not say how the volume lies in space")
    return header


def _data(image: nib.Nifti1Image, dtype: type) -> np.ndarray:
    try:
        return np.asanyarray(image.dataobj).astype(dtype, copy=False)
    except (OSError, ValueError, TypeError):
        raise BadVolume("unreadable: its values cannot be read as numbers") from None
    except MemoryError:
        raise BadVolume(f"unreadable: {' x '.join(map(str, image.shape))} voxels do not fit into memory") from None
