"""Finding the NIfTI files of a cohort; light enough to be used while the workflow's graph is built."""

import os
from collections.abc import Iterator
from pathlib import Path

ENDINGS = (".nii.gz", ".nii")


def walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every folder at or below ``root`` and the names of its NIfTI files, in order; links to folders are followed.

    A folder to which several ways lead, such as a loop of links, is visited once, by its own name rather than a link's.
    Names that begin with a dot are ignored: macOS adds ``._T1.nii.gz`` to ``T1.nii.gz``, which is not an image.
    """
    visited = set()
    for folder, below, names in os.walk(root, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in visited:
            below.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        visible = [name for name in below if not name.startswith(".")]
        below[:] = sorted(visible, key=lambda name: (Path(folder, name).is_symlink(), name))
        yield Path(folder), sorted(name for name in names if is_nifti(name))


def is_nifti(name: str) -> bool:
    """Whether a file of this name is a NIfTI file, compressed or not, and no hidden one."""
    return name.endswith(ENDINGS) and not name.startswith(".")
