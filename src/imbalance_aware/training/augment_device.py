"""Batches on the device that keeps the images, a whole batch at once: the path for GPUs; it runs on any device.

The stored codes of exactly the voxels that a batch needs are gathered: cut out, flipped and, beyond a border, mirrored.
One look-up turns codes into changed intensities. One matrix product for each axis blurs; each moves the axis that was
last to the front, so that after all of them the axes are in order again, with the channels last.

What depends only on random numbers (places, look-up tables, weights of the blur) is computed before the first batch,
for as many batches at once as memory allows: as a rule, all of an epoch. No step waits for the host, and the shapes in
a step are the same in all epochs. Tables and weights are computed in float64 and rounded to float32; the blur is
computed in float32.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from imbalance_aware.training.augmentation import AugmentationParameters, radius
from imbalance_aware.training.intensity import CUTOFF, LEVELS, codes

#: Bytes that are copied to the device, or computed there, at once.
CHUNK_BYTES = 1 << 28
#: Type of a stored image -> type of its codes on the device: torch can do little with uint16, and they fit int16.
KINDS: dict[str, np.dtype[np.integer]] = {"uint8": np.dtype(np.uint8), "float16": np.dtype(np.int16)}


class DeviceImages:
    """Images of a dataset, copied to a device once, for making batches there.

    Args:
        images: shape (N, C, *spatial), uint8 or float16.
        device: where to keep them.
    """

    def __init__(self, images: np.ndarray, device: torch.device) -> None:
        self.channels, self.shape = images.shape[1], images.shape[2:]
        self.levels = torch.from_numpy(LEVELS[images.dtype.name]).to(device)
        stored = torch.empty(images.shape, dtype=getattr(torch, KINDS[images.dtype.name].name), device=device)
        step = max(1, CHUNK_BYTES // images[0].nbytes)
        for start in range(0, len(images), step):
            part = codes(images[start : start + step].copy()).view(KINDS[images.dtype.name])
            stored.narrow(0, start, len(part)).copy_(torch.from_numpy(part))
        #: The codes as lines along the last axis: shape (N * C * product of the other axes, last axis).
        self.lines = stored.view(-1, self.shape[-1])

    def batches(self, rows: Sequence[np.ndarray], parameters: AugmentationParameters) -> Iterator[Tensor]:
        """Batches of augmented images, channels-last, float32 ``(B, C, *parameters.size)``, with values in [0, 1].

        Args:
            rows: for each batch, positions in the array, shape (B,).
            parameters: for each image of all batches.
        """
        for group in groups(rows, self.at_once(parameters)):
            count = sum(map(len, group))
            prepared, parameters = Prepared(self, np.concatenate(group), parameters[:count]), parameters[count:]
            start = 0
            for part in group:
                yield prepared.batch(start, len(part))
                start += len(part)

    def at_once(self, parameters: AugmentationParameters) -> int:
        """How many images may be prepared at once, by their size and the reach of the blur."""
        window = [size + 2 * parameters.reach for size in parameters.size]
        # At most 8 bytes for each number that is computed in advance for an image.
        return CHUNK_BYTES // (8 * (len(self.levels) + self.channels * window[0] + sum(window)))


class Prepared:
    """What the batches of some images need on the device.

    Args:
        images: kept on the device.
        rows: positions in the array, shape (n,).
        parameters: for each of these n.
    """

    def __init__(self, images: DeviceImages, rows: np.ndarray, parameters: AugmentationParameters) -> None:
        self.stored, self.size, self.reach = images.lines, parameters.size, parameters.reach
        self.extent = images.shape
        places = windows(parameters, images.shape)
        planes = rows.astype(np.int64)[:, None] * images.channels + np.arange(images.channels)
        device = images.lines.device
        lines = planes[:, :, None] * images.shape[0] + places[0][:, None, :]
        first_code = np.arange(len(rows), dtype=np.int32) * np.int32(len(images.levels))
        kernel = weights(parameters.sigma, parameters.reach)
        #: Of each image: the lines of its window, counted over all images and channels (n, C, m); where its table
        #: begins (n,); weights of its blur (n, reach + 2); and its places along the axes after the first (n, m).
        self.of_images = tuple(_to(device, values) for values in (lines, first_code, kernel, *places[1:]))
        self.tables = tables(images.levels, parameters.gamma, parameters.gain).view(-1)
        self.band = _to(device, band(max(parameters.size), parameters.reach))

    def batch(self, start: int, count: int) -> Tensor:
        """Images ``start`` to ``start + count``."""
        return self._made_of(values.narrow(0, start, count) for values in self.of_images)

    def picked(self, places: Tensor) -> Tensor:
        """The images in these places, int64 ``(B,)`` on the device: the host need not know which they are."""
        return self._made_of(values.index_select(0, places) for values in self.of_images)

    def take_over(self, other: "Prepared") -> None:
        """Put what ``other`` holds, of the same size and reach and of no more images, in place of the first of mine."""
        for mine, new in zip((self.tables, *self.of_images), (other.tables, *other.of_images), strict=True):
            mine.narrow(0, 0, len(new)).copy_(new)

    def _made_of(self, of_images: Iterable[Tensor]) -> Tensor:
        lines, first_code, weights, *places = of_images
        gathered = self._gather(lines, places)
        if not self.reach:
            return self._look_up(gathered.movedim(1, -1), first_code).movedim(-1, 1)
        kernel = weights.index_select(1, self.band.view(-1)).view(len(lines), *self.band.shape)
        return self._blurred(self._look_up(gathered, first_code), kernel).movedim(-1, 1)

    def _gather(self, lines: Tensor, places: list[Tensor]) -> Tensor:
        """Codes of the windows, shape (B, C, *window)."""
        *middle, last = places
        for axis, place in enumerate(middle, start=1):
            along = place.view(len(place), *[1] * (lines.ndim - 1), -1)
            lines = torch.add(along, lines.unsqueeze(-1), alpha=self.extent[axis])
        found = self.stored.index_select(0, lines.view(-1)).view(*lines.shape, -1)
        return found.gather(-1, last.view(len(last), *[1] * (lines.ndim - 1), -1).expand(*lines.shape, -1))

    def _look_up(self, gathered: Tensor, first_code: Tensor) -> Tensor:
        """Changed intensities of codes, in the order of axes of ``gathered``, each image by its own table."""
        # The order of axes in memory is that of `out`; else it would be that of the codes.
        indices = torch.empty(gathered.shape, dtype=torch.int32, device=gathered.device)
        torch.add(gathered, first_code.view(-1, *[1] * (gathered.ndim - 1)), out=indices)
        return self.tables.index_select(0, indices.view(-1)).view(indices.shape)

    def _blurred(self, batch: Tensor, kernel: Tensor) -> Tensor:
        """``(B, C, *window)`` to ``(B, *size, C)``."""
        count, channels = batch.shape[:2]
        with _float32_products():
            for size in reversed(self.size):
                width = size + 2 * self.reach
                matrix = kernel.narrow(1, 0, size).narrow(2, 0, width)
                columns = batch.view(count, -1, width).mT
                # Autocast leaves products with `out` alone; it would make others bfloat16.
                product = batch.new_empty(count, size, columns.shape[2])
                batch = torch.bmm(matrix, columns, out=product)
        return batch.view(count, *self.size, channels)


def groups(rows: Sequence[np.ndarray], limit: int) -> Iterator[list[np.ndarray]]:
    """Successive batches of at most ``limit`` images together, or one."""
    group: list[np.ndarray] = []
    for part in rows:
        if group and sum(map(len, group)) + len(part) > limit:
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def _to(device: torch.device, values: np.ndarray) -> Tensor:
    return torch.from_numpy(values).to(device, non_blocking=True)


def windows(parameters: AugmentationParameters, shape: Sequence[int]) -> list[np.ndarray]:
    """Voxels that a crop and the blur beside it take along each axis, in the order of the result.

    Beyond its border, the image is mirrored as (d c b a | a b c d), as `scipy.ndimage.gaussian_filter` does by default.

    Args:
        parameters: of B images.
        shape: of the images, spatial.

    Returns:
        for each axis int64, shape (B, size + 2 reach).
    """
    places = []
    for axis, (size, whole) in enumerate(zip(parameters.size, shape, strict=True)):
        forward = np.arange(-parameters.reach, size + parameters.reach)
        place = parameters.origin[:, axis, None] + np.where(parameters.flip[:, axis, None], size - 1 - forward, forward)
        place %= 2 * whole
        places.append(np.minimum(place, 2 * whole - 1 - place).astype(np.int64))
    return places


def tables(levels: Tensor, gamma: np.ndarray, gain: np.ndarray) -> Tensor:
    """`imbalance_aware.training.intensity.tables` on the device of ``levels``.

    Args:
        levels: intensities of the codes, float64, shape (L,).
        gamma: exponents, shape (B,); 1 changes nothing.
        gain: of the contrast, shape (B,); NaN: no contrast.

    Returns:
        float32, shape (B, L).
    """
    values = levels ** _to(levels.device, gamma.astype(np.float64)).unsqueeze(1)
    contrasted = np.flatnonzero(~np.isnan(gain))
    if contrasted.size:
        where = _to(levels.device, contrasted)
        strength = _to(levels.device, gain[contrasted].astype(np.float64)).unsqueeze(1)
        values.index_copy_(0, where, torch.sigmoid(strength * (values.index_select(0, where) - CUTOFF)))
    return values.float()


def weights(sigma: np.ndarray, reach: int) -> np.ndarray:
    """What voxels at distance 0, 1, … give to a blurred voxel: a Gaussian, cut off as SciPy does, that sums to 1.

    Args:
        sigma: in voxels, shape (B,); 0: no blur.
        reach: largest distance at which any weight may be other than 0.

    Returns:
        float32, shape (B, reach + 2); the last is 0.
    """
    distance = np.arange(reach + 2)
    spread = np.maximum(sigma.astype(np.float64), 1e-3)[:, None]
    values = np.exp(-0.5 * (distance / spread) ** 2) * (distance <= radius(sigma)[:, None])
    return (values / (2 * values.sum(axis=1, keepdims=True) - values[:, :1])).astype(np.float32)


def band(size: int, reach: int) -> np.ndarray:
    """For each voxel of a result and each of its window, which of `weights` counts, int64, (size, size + 2 reach)."""
    distance = np.abs(np.arange(size + 2 * reach) - reach - np.arange(size)[:, None])
    return np.minimum(distance, reach + 1)


@contextmanager
def _float32_products() -> Iterator[None]:
    """No TF32 in matrix products, even if the process allows it elsewhere: it has only three digits."""
    allowed = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(allowed)
