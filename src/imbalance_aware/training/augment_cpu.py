"""Batches on the CPU, from images that stay in the file.

What makes this fast: images are never copied whole (a crop or a flip is a view of the memory map, which all jobs of a
machine share); a change of intensity is one look-up from stored to changed value; the blur adds shifted views of so
few channels that they stay in the cache; and memory is used again, since fresh pages cost as much as the work.
One image after the other is faster here than a whole batch at once, for the cache's sake.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from imbalance_aware.training.augmentation import AugmentationParameters, radius
from imbalance_aware.training.intensity import codes, tables

#: Voxels of as many channels as are blurred at once, so that they stay in the cache.
CACHED = 1 << 17


class CpuImages:
    """Images of a dataset, for making batches on the CPU.

    Args:
        images: shape (N, C, *spatial), uint8 or float16, usually memory-mapped.
    """

    def __init__(self, images: np.ndarray) -> None:
        self.images = images
        self.shape = images.shape[2:]
        self._memory: dict[str, Tensor] = {}

    def batches(self, rows: Sequence[np.ndarray], parameters: AugmentationParameters) -> Iterator[Tensor]:
        """Batches of augmented images, channels-last, float32 ``(B, C, *parameters.size)``, with values in [0, 1].

        Args:
            rows: for each batch, positions in the array, shape (B,).
            parameters: for each image of all batches.

        Yields:
            A batch, which the next one overwrites.
        """
        start = 0
        for part in rows:
            yield self._batch(part, parameters[start : start + len(part)])
            start += len(part)

    def _batch(self, rows: np.ndarray, parameters: AugmentationParameters) -> Tensor:
        dtype = self.images.dtype.name
        shape = (*parameters.size, self.images.shape[1])
        batch = self._room("batch", torch.float32, (len(rows), *shape))
        lookups = torch.from_numpy(tables(dtype, parameters.gamma, parameters.gain))
        plain = (parameters.gamma == 1) & np.isnan(parameters.gain) & (dtype == "uint8")
        kinds = zip(rows.tolist(), radius(parameters.sigma).tolist(), plain.tolist(), batch, lookups, strict=True)
        for position, (row, reach, unchanged, out, lookup) in enumerate(kinds):
            flips = [slice(None, None, -1 if flipped else 1) for flipped in parameters.flip[position].tolist()]
            source = _cut(codes(self.images[row]), parameters.origin[position], parameters.size, reach)[
                (slice(None), *flips)
            ]
            if reach:
                self._blurred(source, lookup, float(parameters.sigma[position]), reach, out)
            elif unchanged:
                by_channel(source, out)
                out.mul_(1 / 255)
            else:
                indices = self._room("indices", torch.int32, shape)
                by_channel(source, indices)
                torch.index_select(lookup, 0, indices.view(-1), out=out.view(-1))
        return batch.movedim(-1, 1)

    def _blurred(self, source: np.ndarray, lookup: Tensor, sigma: float, reach: int, out: Tensor) -> None:
        """Changed intensities of ``(C, *spatial)`` with a halo of ``reach``, blurred, into ``out`` (*spatial, C)."""
        weights = np.exp(-0.5 * (np.arange(reach + 1) / sigma) ** 2)
        weights /= weights[0] + 2 * weights[1:].sum()
        together = max(1, CACHED // source[0].size)
        for first in range(0, len(source), together):
            channels = slice(first, first + together)
            indices = self._room("indices", torch.int32, source[channels].shape)
            indices.numpy()[...] = source[channels]
            values = self._room("axis 0", torch.float32, indices.shape)
            torch.index_select(lookup, 0, indices.view(-1), out=values.view(-1))
            for axis in range(1, values.ndim):
                values = self._blurred_along(values, axis, weights.tolist())
            out[..., channels] = values.movedim(0, -1)

    def _blurred_along(self, values: Tensor, axis: int, weights: list[float]) -> Tensor:
        """Blur along one axis, which loses its halo. A flip and a blur alike on all axes can change places."""
        reach = len(weights) - 1
        size = values.shape[axis] - 2 * reach
        shape = (*values.shape[:axis], size, *values.shape[axis + 1 :])
        result = self._room(f"axis {axis}", torch.float32, shape)
        torch.mul(values.narrow(axis, reach, size), weights[0], out=result)
        for shift in range(1, reach + 1):
            for step in (-shift, shift):
                result.add_(values.narrow(axis, reach + step, size), alpha=weights[shift])
        return result

    def _room(self, purpose: str, dtype: torch.dtype, shape: Sequence[int]) -> Tensor:
        """Memory for one purpose, kept from call to call; its content is arbitrary."""
        count = math.prod(shape)
        if purpose not in self._memory or self._memory[purpose].numel() < count:
            self._memory[purpose] = torch.empty(count, dtype=dtype)
        return self._memory[purpose][:count].view(*shape)


def by_channel(source: np.ndarray, out: Tensor) -> None:
    """Copy ``(C, *spatial)`` into ``out`` (*spatial, C)."""
    values = out.numpy()
    # Copied at once, NumPy would walk along the few channels; along each channel's rows is six times faster.
    for channel, stored in enumerate(source):
        values[..., channel] = stored


def _cut(image: np.ndarray, origin: np.ndarray, size: tuple[int, ...], halo: int) -> np.ndarray:
    """The part of ``(C, *spatial)`` at ``origin`` with a halo, beyond the border mirrored as (d c b a | a b c d)."""
    if not halo and image.shape[1:] == size:
        return image
    low, high = origin - halo, origin + size + halo
    inside = image[(slice(None), *(slice(max(first, 0), end) for first, end in zip(low, high, strict=True)))]
    if not halo:
        return inside
    missing = [(0, 0), *zip(np.maximum(-low, 0), np.maximum(high - image.shape[1:], 0), strict=True)]
    return np.pad(inside, missing, mode="symmetric") if np.any(missing) else inside
