"""Reading and writing NIfTI files, with the checks that a header and its data must pass.

They are read by nibabel, not by ITK: ITK's reader silently fills truncated or corrupted files with arbitrary values and
ignores NaN.
"""

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import cast

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic
from imbalance_aware.tables.csv_text import make_again
from imbalance_aware.volumes import BadVolume, Placement, Volume, check_affine, zeros

#: A NIfTI-2 file begins with the size of its header, in either byte order.
NIFTI_2 = (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")
#: Bytes of a NIfTI-2 header, the longer one; extensions may follow.
HEADER_BYTES = 540
#: Names that the two files of a NIfTI or Analyze pair end in.
PAIR_ENDINGS = (".hdr", ".img", ".hdr.gz", ".img.gz")
PAIR = "pair of files: one of a .hdr and an .img file; convert both to one .nii or .nii.gz file"
#: Most bytes that a header may announce (880 x 880 x 640 voxels of 8 bytes take 4.0 GB), and most that may follow: a
#: gzip file of a few megabytes can unpack to any size.
MAX_BYTES = 2**32
MAX_TRAILING_BYTES = 2**20
#: Most voxels, and most bytes between a header and its data. A file of zeros is a thousandth of its size when it is
#: compressed, and each voxel takes 4 bytes in memory whatever it takes in the file.
MAX_VOXELS = MAX_BYTES // 8
MAX_OFFSET_BYTES = 2**24
#: NIfTI's codes of the units of length that are not mm, and what one of them is in mm. Any other code is read as mm.
UNITS = {1: ("metres", 1000.0), 3: ("micrometres", 0.001)}
#: Largest magnitude of a value. Its square has to fit into 32-bit floating point.
MAX_VALUE = 1e15


def read_volume(path: str | Path) -> Volume:
    """Read one 3D volume as float32 and check it.

    Raises:
        BadVolume: missing, unreadable, truncated, too large, not one real number per voxel, not 3D, without
            orientation, of implausible size, with values that are not finite or too large, or of one value throughout.
    """
    content = _content(Path(path))
    image, place = _image(content), _placement(_header(content))
    stored = _data(image)
    while stored.ndim > 3 and stored.shape[-1] == 1:
        stored = stored[..., 0]
    check_affine(place.affine, stored.shape, place.unit)
    return Volume(_finite(stored), place.affine)


def read_grid(path: str | Path) -> Volume:
    """Where the voxels of a 3D file lie, without its values (all 0)."""
    header = _header(_begin(Path(path)))
    return Volume(zeros(header.get_data_shape()[:3]), _placement(header).affine)


def read_placement(path: str | Path) -> Placement:
    """What the header of a file says about where its voxels lie; no values are read."""
    return _placement(_header(_begin(Path(path))))


def read_channels(path: str | Path) -> Volume:
    """Read a file whose values are used as they are: (x, y, z) or (x, y, z, channels), float32.

    Raises:
        BadVolume: missing, unreadable, truncated, damaged or too large.
    """
    content = _content(Path(path), channels=True)
    image = _image(content)
    return Volume(_data(image).astype(np.float32, copy=False), _placement(_header(content)).affine)


def read_mask(path: str | Path) -> Volume:
    """Read a mask that an earlier step wrote, as bool.

    Raises:
        UserError: it is not as it was written. That is no fault of the subject, which must not be excluded for it.
    """
    try:
        volume = read_channels(path)
    except BadVolume as bad:
        raise UserError(f"{path}: damaged ({bad}). {make_again(Path(path))}") from None
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


@contextmanager
def _opened(path: Path) -> Iterator[BufferedIOBase]:
    """The decompressed stream of a file; what is wrong with it while it is read becomes a `BadVolume`."""
    if not path.is_file():
        raise BadVolume("missing")
    if path.name.endswith(PAIR_ENDINGS):
        raise BadVolume(PAIR)
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) if packed else raw as handle:
                yield handle
    except EOFError:
        raise BadVolume("unreadable: the file ends too early") from None
    except (OSError, zlib.error) as error:
        raise BadVolume(f"unreadable: {' '.join(str(error).split())}") from None


def _begin(path: Path) -> bytes:
    """The first bytes of a file, decompressed, enough for its header."""
    with _opened(path) as handle:
        return handle.read(HEADER_BYTES)


def _content(path: Path, channels: bool = False) -> bytes:
    """All that a file's header announces, decompressed; with ``channels`` of a 4D file too.

    A gzip file is then read to its end, where its checksum is: a reader that stops after the last voxel, as nibabel
    does, never meets it. The size that the header announces is checked before anything is decompressed, and bounds what
    is.
    """
    with _opened(path) as handle:
        content = handle.read(HEADER_BYTES)
        announced = _announced_bytes(_header(content), channels)
        content += handle.read(max(0, announced - len(content)))
        if isinstance(handle, gzip.GzipFile) and len(handle.read(MAX_TRAILING_BYTES + 1)) > MAX_TRAILING_BYTES:
            raise BadVolume(
                f"unreadable: more than {MAX_TRAILING_BYTES} bytes follow the {announced} that the header announces"
            )
    return content


def _announced_bytes(header: nib.Nifti1Header, channels: bool) -> int:
    """Length of a file with this header.

    Raises:
        BadVolume: it is not one real number per voxel of a 3D image, or with ``channels`` of a 4D one; or too large.
    """
    stored, shape = header.get_data_dtype(), header.get_data_shape()
    shown = f"{' x '.join(map(str, shape))} voxels"
    if stored.names or stored.kind == "c":
        raise BadVolume(f"not one real number per voxel: {'colours' if stored.names else 'complex numbers'}")
    if min(shape, default=0) < 1 or len(shape) < 3 or any(size > 1 for size in shape[3 + channels :]):
        raise BadVolume(f"not {'3D or 4D' if channels else '3D'}: {shown}")
    with _nifti():
        offset = header.get_data_offset()
    if not 0 <= offset <= MAX_OFFSET_BYTES:
        raise BadVolume(
            f"too large: {offset / 1e6:.1f} MB before its voxels; at most {MAX_OFFSET_BYTES / 1e6:.1f} MB are read"
        )
    if (size := offset + math.prod(shape) * stored.itemsize) > MAX_BYTES:
        raise BadVolume(f"too large: {shown}, {size / 1e9:.1f} GB; at most {MAX_BYTES / 1e9:.1f} GB are read")
    if math.prod(shape) > MAX_VOXELS:
        raise BadVolume(
            f"too large: {shown}, {math.prod(shape) / 1e6:.0f} million; at most {MAX_VOXELS / 1e6:.0f} million are read"
        )
    return size


def _kind(content: bytes) -> type[nib.Nifti1Image]:
    """NIfTI-1 or NIfTI-2, from how the file begins."""
    return nib.Nifti2Image if content[:4] in NIFTI_2 else nib.Nifti1Image


def _header(content: bytes) -> nib.Nifti1Header:
    """The header at the beginning of a file, without extensions, which may be longer than what was read."""
    kind = _kind(content).header_class
    with _nifti():
        header = kind(content[: kind.template_dtype.itemsize])
    if bytes(header["magic"].tobytes())[:3] in (b"ni1", b"ni2"):
        raise BadVolume(PAIR)
    if int(header["qform_code"]) == 0 and int(header["sform_code"]) == 0:
        raise BadVolume("affine: the header does not say how the volume lies in space")
    return header


def _placement(header: nib.Nifti1Header) -> Placement:
    # The lower three bits are the unit of length, the others that of time.
    unit, factor = UNITS.get(int(header["xyzt_units"]) & 7, ("", 1.0))
    to_mm = np.diag([factor] * 3 + [1.0])
    with _nifti():
        affine = to_mm @ header.get_best_affine()
    return Placement(affine, unit, _forms(header, to_mm))


def _forms(header: nib.Nifti1Header, to_mm: np.ndarray) -> tuple[Volume, Volume] | None:
    """The grid by sform and by qform, if both are set and hold numbers."""
    if not (int(header["sform_code"]) and int(header["qform_code"])):
        return None
    try:
        affines = [to_mm @ form for form in (header.get_sform(), header.get_qform())]
    except (HeaderDataError, ValueError):
        return None
    if not np.isfinite(affines).all():
        return None
    sform, qform = (Volume(zeros(header.get_data_shape()[:3]), affine) for affine in affines)
    return sform, qform


def _image(content: bytes) -> nib.Nifti1Image:
    """A NIfTI-1 or NIfTI-2 file from its bytes, with room for all the voxels that its header announces."""
    with _nifti():
        image = _kind(content).from_bytes(content)
    if cast(ArrayProxy, image.dataobj).offset + math.prod(image.shape) * image.get_data_dtype().itemsize > len(content):
        raise BadVolume("unreadable: the file ends too early")
    return image


@contextmanager
def _nifti() -> Iterator[None]:
    try:
        yield
    except (ImageFileError, WrapStructError, HeaderDataError, ValueError, OverflowError) as error:
        raise BadVolume(f"unreadable: no NIfTI file ({' '.join(str(error).split())})") from None


def _data(image: nib.Nifti1Image) -> np.ndarray:
    """The values as they are stored, scaled as the header says."""
    try:
        return np.asanyarray(image.dataobj)
    except (OSError, ValueError, TypeError):
        raise BadVolume("unreadable: its values cannot be read as numbers") from None
    except MemoryError:
        raise BadVolume(f"unreadable: {' x '.join(map(str, image.shape))} voxels do not fit into memory") from None


def _finite(stored: np.ndarray) -> np.ndarray:
    """The values as float32, if that is a number for each of them and more than one number in all."""
    if bad := stored.size - int(np.count_nonzero(np.isfinite(stored))):
        raise BadVolume(f"not finite: {bad} voxels are NaN or infinite")
    low, high = float(stored.min()), float(stored.max())
    if max(-low, high) > MAX_VALUE:
        raise BadVolume(f"values: from {low:g} to {high:g}; magnitudes up to {MAX_VALUE:g} are accepted")
    array = stored.astype(np.float32, copy=False)
    if low == high:
        raise BadVolume(f"constant: every voxel is {low:g}")
    if array.min() == array.max():
        raise BadVolume(f"values: from {low:g} to {high:g}, all the same in 32-bit floating point; rescale them")
    return array
