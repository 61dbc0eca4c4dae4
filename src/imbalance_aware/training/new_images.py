"""Images from anywhere, brought into the form in which a trained network expects them."""

import csv
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.images import BadImage, read_image, resize, to_channels
from imbalance_aware.training.model import InputSpec

Sample = tuple[str, np.ndarray]


@dataclass(frozen=True)
class Wanted:
    """What images are read for.

    Attributes:
        spec: what the network takes.
        max_value: for 16-bit photographs, the value that becomes 1.
    """

    spec: InputSpec
    max_value: int | None = None


def read_samples(paths: Sequence[Path], wanted: Wanted, unusable: list[str]) -> Iterator[Sample]:
    """Name and values of every image, one at a time: ``(C, *spatial)`` of the network's shape and type.

    Args:
        paths: files (see `READERS`; all others are read as photographs) or folders of them.
        wanted: what they are read for.
        unusable: receives the reason for each file that cannot be read or does not fit the network; the others go on.

    Raises:
        UserError: a path does not exist.
    """
    for path in _files(paths):
        reader = next((reader for suffix, reader in READERS.items() if path.name.endswith(suffix)), _photograph)
        try:
            for name, image in reader(path, wanted):
                yield name, _fit(image, wanted.spec, f"{path} ({name})")
        except UserError as error:
            unusable.append(str(error))


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such file or folder")
        yield from sorted(inner for inner in path.iterdir() if inner.is_file()) if path.is_dir() else [path]


def _fit(image: np.ndarray, spec: InputSpec, place: str) -> np.ndarray:
    """An image in the stored type that the network was trained on."""
    expected = (spec.channels, *spec.shape)
    if image.shape != expected:
        raise UserError(f"{place}: has shape {image.shape}; the model takes {expected}, channels first")
    if image.dtype == np.uint8:
        return image if spec.dtype == "uint8" else (image / 255).astype(np.float16)
    # A comparison with NaN is false.
    if not (image.min() >= 0 and image.max() <= 1):
        raise UserError(f"{place}: holds values outside [0, 1], or NaN; scale it as the model's training images were")
    return image.astype(np.float16) if spec.dtype == "float16" else np.rint(image * 255).astype(np.uint8)


def _photograph(path: Path, wanted: Wanted) -> Iterator[Sample]:
    """An image file, resized as for training."""
    spec = wanted.spec
    if spec.dimensions != 2:
        raise UserError(f"{path}: the model takes volumes: NIfTI crops, .npy arrays or a .csv table of NIfTI files")
    if spec.dtype == "float16" and wanted.max_value is None:
        raise UserError("the model was trained on 16-bit images: give --max-value, the dataset's `max_value`")
    try:
        image = to_channels(read_image(path), "grey" if spec.channels == 1 else "rgb", wanted.max_value)
    except BadImage as bad:
        raise UserError(f"{path}: {bad}") from None
    yield path.stem, resize(image, spec.shape)


def _array(path: Path, wanted: Wanted) -> Iterator[Sample]:
    """A preprocessed image ``(C, *spatial)``, or a packed array of them."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path}: not a NumPy array, or cut short ({error})") from None
    if array.dtype.name not in ("uint8", "float16", "float32"):
        raise UserError(f"{path}: holds {array.dtype}; expected uint8, or float16 or float32 in [0, 1]")
    packed = array.ndim == wanted.spec.dimensions + 2
    yield from ((f"{path.stem}-{row}", image) for row, image in enumerate(array)) if packed else [(path.stem, array)]


def _volume(path: Path, wanted: Wanted) -> Iterator[Sample]:
    """A NIfTI file: one channel in three dimensions, or several along the fourth."""
    volume = _nifti(path)
    channels = np.moveaxis(volume, -1, 0) if volume.ndim == 4 else volume[np.newaxis]
    yield path.name.removesuffix(".gz").removesuffix(".nii"), channels


def _table(path: Path, wanted: Wanted) -> Iterator[Sample]:
    """A table with ``subject`` and one column of NIfTI files for each channel, in the order of the channels."""
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    columns = [name for name in rows[0] if name != "subject"] if rows else []
    if len(columns) != wanted.spec.channels or "subject" not in rows[0]:
        raise UserError(
            f"{path}: expected rows of subject and {wanted.spec.channels} columns of NIfTI files, one for each channel"
        )
    for row in rows:
        channels = [_nifti(path.parent / (row[name] or "")) for name in columns]
        if len({channel.shape for channel in channels}) > 1:
            raise UserError(f"{path}: the files of {row['subject']} differ in shape; crop them alike")
        yield row["subject"], np.stack(channels)


def _nifti(path: Path) -> np.ndarray:
    """Values of a NIfTI file, its axes turned to the left, to the back and up, as preprocessing leaves them."""
    from nibabel.filebasedimages import ImageFileError

    from imbalance_aware.volumes import read_channels, reorient

    try:
        return reorient(read_channels(path)).array
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (ImageFileError, OSError, EOFError, ValueError, zlib.error) as error:
        raise UserError(f"{path}: not a readable NIfTI file ({error})") from None


READERS: dict[str, Callable[[Path, Wanted], Iterator[Sample]]] = {
    ".npy": _array,
    ".nii": _volume,
    ".nii.gz": _volume,
    ".csv": _table,
}
