"""Names and sizes of the files of 2D datasets."""

import os
from pathlib import Path

from imbalance_aware.files import digest
from imbalance_aware.sources.ahn2018_source import PUBLISHED, class_folders
from imbalance_aware.sources.folder_table import image_path, read_table
from imbalance_aware.sources.resources import RESOURCES
from imbalance_aware.sources.settings_2d import Ahn2018Settings, FolderSettings


def ahn2018(settings: Ahn2018Settings) -> str:
    """Lines ``class/file size`` of the three class folders, and the sum of the list they are checked against."""
    lines = [line for folder in class_folders(settings.path).values() for line in _sizes(folder)]
    published = RESOURCES / PUBLISHED
    return "\n".join([*lines, digest(published) if published.is_file() else ""])


def folder(settings: FolderSettings) -> str:
    """Lines of cells and size (-1 if absent) for every row of the table."""
    rows, _ = read_table(settings)
    return "\n".join(f"{row} {_size(image_path(settings, row['path']))}" for row in rows)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _sizes(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(f"{folder.name}/{entry.name} {entry.stat().st_size}" for entry in entries)
