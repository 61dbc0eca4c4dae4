"""`Images`, the interface of what makes batches, and the choice between the CPU's and the GPU's."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from torch import Tensor

from imbalance_aware.training.augment_cpu import CpuImages
from imbalance_aware.training.augment_device import DeviceImages
from imbalance_aware.training.augmentation import AugmentationParameters
from imbalance_aware.training.device import Device


class Images(Protocol):
    """Makes batches of a dataset's images on the device."""

    shape: tuple[int, ...]

    def batches(self, rows: Sequence[np.ndarray], parameters: AugmentationParameters) -> Iterator[Tensor]:
        """For each array of rows, those images: changed, float32 ``(B, C, *spatial)``, channels-last.

        A batch may be overwritten by the next one.
        """


def on_device(images: np.ndarray, device: Device) -> Images:
    """Images ``(N, C, *spatial)``, uint8 or float16: left where they are for the CPU, copied to a GPU."""
    return CpuImages(images) if device.torch_device.type == "cpu" else DeviceImages(images, device.torch_device)
