"""Batches on a GPU, from images that stay in its memory.

A whole batch is changed at once, each image by its own random numbers. All random numbers of an epoch go to the device
in one piece before its first step, so that no step waits for the host.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imbalance_aware.training.augmentation import TRUNCATE, Changes, radius
from imbalance_aware.training.intensity import CUTOFF
from imbalance_aware.training.resnet import CHANNELS_LAST

CHUNK_BYTES = 1 << 28


class DeviceImages:
    """Images of a dataset, copied to a device once, for making batches there.

    Args:
        images: shape (N, C, *spatial), uint8 or float16.
        device: where to keep them.
    """

    def __init__(self, images: np.ndarray, device: torch.device) -> None:
        self.shape = images.shape[2:]
        self.images = torch.empty(images.shape, dtype=getattr(torch, images.dtype.name), device=device)
        step = max(1, CHUNK_BYTES // images[0].nbytes)
        for start in range(0, len(images), step):
            self.images[start : start + step] = torch.from_numpy(images[start : start + step].copy())

    def batches(self, rows: Sequence[np.ndarray], changes: Changes) -> Iterator[Tensor]:
        """Batches of changed images, float32 ``(B, C, *changes.size)`` in channels-last format, with values in [0, 1].

        Args:
            rows: for each batch, positions in the array, shape (B,).
            changes: for each image of all batches.
        """
        sizes = [len(part) for part in rows]
        moved = Moved.to(self.images.device, np.concatenate([*rows, []]).astype(np.int64), changes, self.shape)
        for parts in zip(*(values.split(sizes) for values in moved.values()), strict=True):
            yield self._batch(Moved(*parts, halo=moved.halo), changes.size)

    def _batch(self, moved: "Moved", size: tuple[int, ...]) -> Tensor:
        dimensions = len(size)
        targets = [_targets(moved.origin[:, axis], moved.flip[:, axis], n) for axis, n in enumerate(size)]
        # Without a blur the voxels of the result are gathered, with it those of a window that holds the kernel's reach.
        windows = targets
        if moved.halo:
            windows = [_window(moved.origin[:, axis], n, self.shape[axis], moved.halo) for axis, n in enumerate(size)]
        batch = self._gather(moved.row, windows)
        batch = _intensity(batch, *(_column(values.float(), dimensions + 1) for values in (moved.gamma, moved.gain)))
        if moved.halo:
            for axis in range(dimensions):
                kernel = blur_matrix(moved.sigma, targets[axis], windows[axis], self.shape[axis])
                batch = _multiply(kernel, batch, axis)
        return batch.contiguous(memory_format=CHANNELS_LAST[dimensions])

    def _gather(self, row: Tensor, windows: list[Tensor]) -> Tensor:
        """Stored voxels of images ``row`` at the product of the windows, as float32 in [0, 1]."""
        dimensions = len(windows)
        places = [
            window.view(len(row), *[1] * (axis + 1), -1, *[1] * (dimensions - axis - 1))
            for axis, window in enumerate(windows)
        ]
        channel = torch.arange(self.images.shape[1], device=row.device).view(1, -1, *[1] * dimensions)
        stored = self.images[(_column(row, dimensions + 1), channel, *places)]
        return stored / 255 if stored.dtype == torch.uint8 else stored.float()


@dataclass(frozen=True)
class Moved:
    """`Changes` and rows on the device, and how far the widest blur reaches."""

    row: Tensor
    gamma: Tensor
    gain: Tensor
    sigma: Tensor
    origin: Tensor
    flip: Tensor
    halo: int

    @classmethod
    def to(cls, device: torch.device, row: np.ndarray, changes: Changes, shape: Sequence[int]) -> "Moved":
        """Copy to the device."""
        fields = (row, changes.gamma, changes.gain, changes.sigma, changes.origin, changes.flip)
        moved = [torch.from_numpy(values).to(device, non_blocking=True) for values in fields]
        return cls(*moved, halo=int(radius(changes.sigma).max(initial=0)))

    def values(self) -> tuple[Tensor, ...]:
        """The tensors, each with one entry for each image."""
        return self.row, self.gamma, self.gain, self.sigma, self.origin, self.flip


def _column(values: Tensor, others: int) -> Tensor:
    return values.view(-1, *[1] * others)


def _targets(origin: Tensor, flip: Tensor, size: int) -> Tensor:
    """Voxels that a crop takes along an axis, in its order, shape (B, size)."""
    forward = torch.arange(size, device=origin.device)
    return origin[:, None] + torch.where(flip[:, None], size - 1 - forward, forward)


def _window(origin: Tensor, size: int, whole: int, halo: int) -> Tensor:
    """Voxels that lie in a crop or at most ``halo`` beside it and in the image, shape (B, width)."""
    width = min(whole, size + 2 * halo)
    first = (origin - halo).clamp(0, whole - width)
    return first[:, None] + torch.arange(width, device=origin.device)


def _intensity(batch: Tensor, gamma: Tensor, gain: Tensor) -> Tensor:
    """Gamma, then contrast, as `imbalance_aware.training.intensity.tables`."""
    batch = batch**gamma
    return torch.where(gain.isnan(), batch, torch.sigmoid(gain * (batch - CUTOFF)))


def blur_matrix(sigma: Tensor, targets: Tensor, window: Tensor, whole: int) -> Tensor:
    """What each voxel of a window gives to each voxel of the result along one axis.

    Beyond its border, the image is mirrored as (d c b a | a b c d), as `scipy.ndimage.gaussian_filter` does by default:
    a voxel j also stands at -1-j and at 2 whole - 1 - j.

    Args:
        sigma: in voxels, shape (B,); 0: no blur.
        targets: voxels of the result, shape (B, n).
        window: voxels at hand, shape (B, m).
        whole: voxels of the image along this axis, at least as many as the kernel reaches.

    Returns:
        float32, shape (B, n, m); rows add up to 1.
    """
    sigma = _column(sigma, 2)
    reach = (TRUNCATE * sigma + 0.5).floor()
    spread = sigma.clamp(min=1e-3)
    weights = torch.zeros(len(sigma), targets.shape[1], window.shape[1], device=sigma.device, dtype=torch.float64)
    for image in (window, -1 - window, 2 * whole - 1 - window):
        distance = (image[:, None, :] - targets[:, :, None]).double()
        weights += torch.exp(-0.5 * (distance / spread) ** 2) * (distance.abs() <= reach)
    return (weights / weights.sum(dim=2, keepdim=True)).float()


def _multiply(kernel: Tensor, batch: Tensor, axis: int) -> Tensor:
    """Apply ``(B, n, m)`` along a spatial axis of ``(B, C, *spatial)``."""
    moved = batch.movedim(axis + 2, 1)
    product = kernel @ moved.flatten(2)
    return product.unflatten(2, moved.shape[2:]).movedim(1, axis + 2)
