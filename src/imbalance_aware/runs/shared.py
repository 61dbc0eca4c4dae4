"""`Shared`: what successive runs of one process have in common."""

from pathlib import Path

import numpy as np

from imbalance_aware.runs.dataset import Fold, Packed
from imbalance_aware.training.batches import Images, on_device
from imbalance_aware.training.data import Dataset
from imbalance_aware.training.device import Device

#: What tells that a file is still the same: device, number, size in bytes, time of its last change in ns.
Stamp = tuple[int, int, int, int]


class Shared:
    """The dataset that was opened last, read and checked once, and its images on the device, copied once.

    Files that have changed since are opened and checked again.
    """

    def __init__(self) -> None:
        self._opened: tuple[list[tuple[Path, Stamp | None]], Packed] | None = None
        self._images: tuple[np.ndarray, Device, Images] | None = None

    def dataset(self, images_path: Path, samples_path: Path, fold: Fold | None = None) -> Dataset:
        """The same as `imbalance_aware.runs.dataset.open_dataset`."""
        files = [(path, _stamp(path)) for path in (images_path, samples_path)]
        if self._opened is None or self._opened[0] != files:
            self._opened = self._images = None  # first free the memory of the ones before
            self._opened = files, Packed(images_path, samples_path)
        return self._opened[1].dataset(fold)

    def images(self, dataset: Dataset, device: Device) -> Images:
        """What makes batches of a dataset's images on the device."""
        if self._images is None or self._images[0] is not dataset.images or self._images[1] != device:
            self._images = None
            self._images = dataset.images, device, on_device(dataset.images, device)
        return self._images[2]


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:  # reading it says why
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
