"""Digests of volumes by their voxels, to find those that are the same whatever their names, headers and compression."""

import gzip
import hashlib
import logging
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import cast

import nibabel as nib
import numpy as np
import pandas as pd
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from imbalance_aware.cohort.audit import digest_column
from imbalance_aware.cohort.inclusion import exclude
from imbalance_aware.nifti import MAX_OFFSET_BYTES, NIFTI_2
from imbalance_aware.progress import progress

log = logging.getLogger(__name__)

THREADS = 2
#: Share of the slices that is compared before a volume is read completely: enough to contain part of the head.
BEGINNING = 0.25
#: Voxels that are read at a time, and those of the largest volume that is compared (512 x 512 x 1024): no header can
#: ask for more memory than there is.
VOXELS_AT_A_TIME = 2**22
MOST_VOXELS = 2**28
#: Exceptions for files that are absent, damaged or not NIfTI.
NOT_READ = (
    *(OSError, EOFError, ValueError, TypeError, MemoryError, zlib.error),
    *(ImageFileError, WrapStructError, HeaderDataError),
)


def check_volumes(subjects: pd.DataFrame, sequences: Sequence[str]) -> pd.DataFrame:
    """Find volumes that are the same, and exclude subjects two of whose sequences are.

    Of each file the first quarter of the slices is read; only files that agree in it are read whole.

    Args:
        subjects: a cohort table with one column of paths per sequence (an empty path is passed over); not changed.
        sequences: those columns.

    Returns:
        ``subjects`` with the columns ``pixel_sha256_SEQUENCE`` added, empty for a volume that no other equals, and the
        reasons in ``excluded`` extended.
    """
    subjects = subjects.copy()
    paths = subjects[list(sequences)]
    listed = paths.melt()["value"]
    beginnings = listed.map(_digests(listed, BEGINNING, "volumes compared"))
    whole = _digests(listed[_repeated(beginnings)], 1.0, "volumes with equal first slices compared")
    digests = listed.map(lambda path: whole.get(path, ""))
    equal = {path: whole[path] for path in listed[_repeated(digests)]}
    for sequence in sequences:
        subjects[digest_column(sequence)] = paths[sequence].map(lambda path: equal.get(path, ""))
    for row in subjects.index:
        for reason in _repetitions(subjects.loc[row], sequences):
            exclude(subjects, [row], reason)
    return subjects


def _repeated(digests: pd.Series) -> pd.Series:
    """True for each digest that occurs more than once; empty digests do not count."""
    return digests.duplicated(keep=False) & (digests != "")


def _digests(paths: Iterable[str], share: float, what: str) -> dict[str, str]:
    """Digest of each file; an empty path has none."""
    distinct = sorted(set(paths) - {""})
    if not distinct:
        return {}
    with ThreadPoolExecutor(THREADS) as pool:
        read = pool.map(partial(voxel_sha256, share=share), distinct)
        return dict(zip(distinct, progress(read, len(distinct), what, log), strict=True))


def _repetitions(row: pd.Series, sequences: Sequence[str]) -> list[str]:
    """Reasons to exclude a subject: each set of its sequences that are one volume, or one file."""
    content: dict[str, list[str]] = {}
    for sequence in sequences:
        if path := row[sequence]:
            content.setdefault(row[digest_column(sequence)] or path, []).append(f"{sequence} ({path})")
    return [f"same voxels: {' and '.join(names)}" for names in content.values() if len(names) > 1]


def voxel_sha256(path: str | Path, share: float = 1.0) -> str:
    """SHA-256 of shape and values of a 3D NIfTI file, decoded to 32-bit floats; a few slices are in memory at a time.

    Files with the same values share it, whatever their compression, type of numbers, scaling, and the rest of the
    header.

    Args:
        path: of a file, compressed or not.
        share: of the slices, from the first, that count; the others are not read.

    Returns:
        Hexadecimal digits; ``""`` for a file that cannot be read as one real number per voxel, or, if all slices
        count, that has one value throughout: the step that prepares it says what is wrong with it.
    """
    found = hashlib.sha256()
    low, high = math.inf, -math.inf
    try:
        for number, slab in enumerate(_slabs(Path(path), share)):
            if not number:
                # With the number of values, the size of a slice gives the shape.
                found.update(str(slab.shape[1:]).encode())
            found.update(slab)  # type: ignore[arg-type]  # an array is a buffer, to type checkers from Python 3.12 on
            low, high = min(low, slab.min()), max(high, slab.max())
    except NOT_READ:
        return ""
    return "" if share == 1 and low == high else found.hexdigest()


def _slabs(path: Path, share: float) -> Iterator[np.ndarray]:
    """The values of a volume, a few slices at a time: (z, y, x), little-endian float32.

    Raises:
        ValueError: not 3D, too large, or colours or complex numbers; other exceptions among `NOT_READ` as they come.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        with gzip.GzipFile(fileobj=raw) if packed else raw as handle:
            kind = nib.Nifti2Image if handle.read(4) in NIFTI_2 else nib.Nifti1Image
            handle.seek(0)
            # Extensions are read into memory: how far they may reach is looked at before.
            offset = kind.header_class(handle.read(kind.header_class.template_dtype.itemsize)).get_data_offset()
            if not 0 <= offset <= MAX_OFFSET_BYTES:
                raise ValueError(f"{offset} bytes before the voxels")
            handle.seek(0)
            data = cast(ArrayProxy, kind.from_stream(handle).dataobj)
            shape, more = data.shape[:3], data.shape[3:]
            if len(shape) < 3 or set(more) - {1} or not 0 < math.prod(shape) <= MOST_VOXELS:
                raise ValueError(f"{shape + more} is no volume")
            if data.dtype.names or data.dtype.kind == "c":
                raise ValueError("not one real number per voxel")
            last, step = math.ceil(share * shape[2]), max(1, VOXELS_AT_A_TIME // (shape[0] * shape[1]))
            for first in range(0, last, step):
                slices = (slice(None), slice(None), slice(first, min(first + step, last)), *(0 for _ in more))
                with np.errstate(over="ignore", invalid="ignore"):
                    # Adding 0 makes -0 the same as 0.
                    yield np.ascontiguousarray(data[slices].T, dtype="<f4") + np.float32(0)
