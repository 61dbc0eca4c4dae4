"""Sizes of files for fingerprints."""

from pathlib import Path


def size(path: Path) -> int:
    """Size of a file in bytes; -1 if it is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return -1
