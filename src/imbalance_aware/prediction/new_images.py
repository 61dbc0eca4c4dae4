"""Reading new images in the form that a trained network expects."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from imbalance_aware.arrays import read_npy
from imbalance_aware.errors import UserError
from imbalance_aware.images import BadImage, read_image, resize, to_channels
from imbalance_aware.models.make import InputSpec
from imbalance_aware.table_files import read_records, refuse_repeated

#: Name of an image, and what reads it.
Entry = tuple[str, Callable[[], np.ndarray]]


def read_samples(paths: Sequence[Path], spec: InputSpec, unusable: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Name and values of every image, one at a time: ``(C, *spatial)`` of the network's shape and type.

    Args:
        paths: files (see `READERS`; all others are read as photographs) or folders of them, at any depth; hidden files
            in folders are passed over.
        spec: what the network takes.
        unusable: receives the reason for each image that cannot be read or does not fit the network; the others are
            still read.

    Raises:
        UserError: a path does not exist.
    """
    for path, name in _named(list(_files(paths))):
        reader = next((reader for suffix, reader in READERS.items() if path.name.endswith(suffix)), _photograph)
        try:
            entries = list(reader(path, name, spec))
        except UserError as error:
            unusable.append(str(error))
            continue
        for entry, read in entries:
            try:
                yield entry, _fit(read(), spec, f"{path} ({entry})")
            except UserError as error:
                unusable.append(str(error))


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files given, and those in the folders given, in order of their names."""
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such file or folder")
        yield from sorted(_inside(path)) if path.is_dir() else [path]


def _inside(folder: Path) -> Iterator[Path]:
    """Files of a folder and of its subfolders, without files of the operating system."""
    seen: set[str] = set()
    for place, below, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link back to a folder above
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if not _of_the_system(name))
        for name in names:
            if not _of_the_system(name):
                yield Path(place, name)


def _of_the_system(name: str) -> bool:
    """Whether a file or folder is hidden (.DS_Store, ._image.png) or made by Windows or macOS for themselves."""
    return name.startswith(".") or name.lower() in ("thumbs.db", "desktop.ini", "__macosx")


def _named(files: list[Path]) -> Iterator[tuple[Path, str]]:
    """Each file with its name without suffix, or with its whole path if several have the same name."""
    stems = [path.name.removesuffix(".gz").removesuffix(".nii") if ".nii" in path.name else path.stem for path in files]
    count = Counter(stems)
    for path, stem in zip(files, stems, strict=True):
        yield path, stem if count[stem] == 1 else str(path)


def _fit(image: np.ndarray, spec: InputSpec, place: str) -> np.ndarray:
    """An image in the stored type that the network was trained on."""
    expected = (spec.channels, *spec.shape)
    if image.shape != expected:
        raise UserError(f"{place}: has shape {image.shape}; the model requires {expected}, channels first")
    if image.dtype == np.uint8:
        return image if spec.dtype == "uint8" else (image / 255).astype(np.float16)
    # A comparison with NaN is false.
    if not (image.min() >= 0 and image.max() <= 1):
        raise UserError(f"{place}: contains values outside [0, 1], or NaN; scale it like the model's training images")
    # The sum makes 0 of -0, which comparisons take for 0 and a table of stored values does not hold.
    return (
        image.astype(np.float16) + np.float16(0) if spec.dtype == "float16" else np.rint(image * 255).astype(np.uint8)
    )


def _photograph(path: Path, name: str, spec: InputSpec) -> Iterator[Entry]:
    """An image file, resized as for training."""
    if spec.dimensions != 2:
        raise UserError(f"{path}: the model requires volumes: NIfTI crops, .npy arrays or a .csv table of NIfTI files")

    def read() -> np.ndarray:
        try:
            image = to_channels(read_image(path), "grey" if spec.channels == 1 else "rgb", spec.max_value)
        except BadImage as bad:
            raise UserError(f"{path}: {bad}") from None
        height, width = spec.shape
        return resize(image, (height, width))

    yield name, read


def _array(path: Path, name: str, spec: InputSpec) -> Iterator[Entry]:
    """A preprocessed image ``(C, *spatial)``, or a packed array of them."""
    array = read_npy(path)
    if array.dtype.name not in ("uint8", "float16", "float32"):
        raise UserError(f"{path}: holds {array.dtype}; expected uint8, or float16 or float32 in [0, 1]")
    if array.ndim == spec.dimensions + 2:
        yield from ((f"{name}-{row}", partial(array.__getitem__, row)) for row in range(len(array)))
    else:
        yield name, lambda: array


def _volume(path: Path, name: str, spec: InputSpec) -> Iterator[Entry]:
    """A NIfTI file: one channel in three dimensions, or several along the fourth."""

    def read() -> np.ndarray:
        volume = _nifti(path)
        return np.moveaxis(volume, -1, 0) if volume.ndim == 4 else volume[np.newaxis]

    yield name, read


def _table(path: Path, name: str, spec: InputSpec) -> Iterator[Entry]:
    """A table with ``subject`` and one column of NIfTI files for each channel, in the order of the channels."""
    content = f"rows of subject and {spec.channels} columns of NIfTI files, one for each channel"
    header, records = read_records(path, f"a table: {content}")
    columns = [column for column in header if column != "subject"]
    if len(columns) != spec.channels or "subject" not in header:
        raise UserError(f"{path}: expected {content}")
    refuse_repeated(path, header, header)
    for _, record in records:
        row = dict(zip(header, record, strict=True))
        yield row["subject"], partial(_channels, path, row, columns)


def _channels(table: Path, row: dict[str, str], columns: list[str]) -> np.ndarray:
    """The files of one row of a table, ``(C, *spatial)``."""
    channels = [_nifti(table.parent / row[column]) for column in columns]
    if len({channel.shape for channel in channels}) > 1:
        raise UserError(f"{table}: the files of {row['subject']} differ in shape; crop them to the same size")
    return np.stack(channels)


def _nifti(path: Path) -> np.ndarray:
    """Values of a NIfTI file, its axes turned to the left, to the back and up, as preprocessing leaves them."""
    from imbalance_aware.nifti import read_channels
    from imbalance_aware.volumes import BadVolume, reorient

    if not path.exists():
        raise UserError(f"{path}: no such file")
    try:
        return reorient(read_channels(path)).array
    except BadVolume as bad:
        raise UserError(f"{path}: not a readable NIfTI file ({bad})") from None


READERS: dict[str, Callable[[Path, str, InputSpec], Iterator[Entry]]] = {
    ".npy": _array,
    ".nii": _volume,
    ".nii.gz": _volume,
    ".csv": _table,
}
