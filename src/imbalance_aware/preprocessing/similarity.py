"""Similarity of two images: match of edges, correlation, Dice coefficient."""

from dataclasses import dataclass

import numpy as np

#: Edge in mm of the voxels on which edges are compared; finer volumes are averaged to it.
VOXEL_MM = 2.0
#: Standard deviation in voxels of the blur before the gradient is taken.
BLUR = 0.7
#: Depth in mm of the rim of the brain that is left out: skull and outline lie alike in all heads, folds do not.
RIM_MM = 6.0
#: Share of the brain's intensities beyond which both tails are clamped, so that a hot voxel does not set the scale.
TAILS = 0.005
#: How far in mm the second image is shifted along each axis, to and fro, for comparison.
SHIFT_MM = 12.0


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Dice coefficient of two masks: 2 |A ∩ B| / (|A| + |B|); 0 if both are empty."""
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / total if total else 0.0


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation of paired values; 0 if one of them is constant."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@dataclass(frozen=True)
class Edges:
    """Normalised gradients of a volume inside a brain without its rim, 0 elsewhere.

    Attributes:
        field: (3, x, y, z) float32, of length 0 (flat) to 1 (a steep edge).
        spacing: edges of a voxel in mm.
    """

    field: np.ndarray
    spacing: np.ndarray


def edges(values: np.ndarray, brain: np.ndarray, spacing: np.ndarray) -> Edges:
    """Normalised gradient field (Haber and Modersitzki 2006, doi:10.1007/11866763_89).

    n(x) = g(x) / sqrt(|g(x)|² + η²), where g is the gradient of the clamped and blurred image and η the root mean
    square of |g| in the brain without its rim: noise counts little, and contrast and its sign do not matter.

    Args:
        values: (x, y, z).
        brain: mask of the same shape.
        spacing: edges of a voxel in mm.
    """
    from scipy import ndimage

    box = _around(brain, np.ceil(RIM_MM / spacing).astype(int))
    factors = np.maximum(1, np.floor(VOXEL_MM / spacing + 0.01)).astype(int)
    coarse = spacing * factors
    core = _without_rim(_average(brain[box], factors) >= 0.5, np.maximum(1, np.rint(RIM_MM / coarse)).astype(int))
    image = _average(values[box], factors)
    if core.any():
        image = np.clip(image, *np.quantile(image[core], [TAILS, 1 - TAILS]))
    image = ndimage.gaussian_filter(image, BLUR)
    gradient = np.stack(np.gradient(image, *coarse)).astype(np.float32) * core
    squared = (gradient**2).sum(axis=0)
    steepness = squared.sum() / max(1, np.count_nonzero(core))
    return Edges(gradient / np.sqrt(np.maximum(squared + steepness, 1e-12)), coarse)


def edge_match(one: Edges, other: Edges) -> float:
    """How much better the edges of two images agree where they lie than when one image is shifted.

    S(0) − mean S(s), where S(s) = Σ (a(x) · b(x + s))² / Σ |a(x)|² |b(x + s)|² is the mean squared cosine between the
    edges, weighted by their steepness, and s runs over ±12 mm along each axis. About 0 for images that have nothing
    to do with each other, below 1 always.

    Args:
        one: edges of an image.
        other: edges of another, in the same brain on the same grid.
    """
    steps = np.maximum(1, np.rint(SHIFT_MM / one.spacing)).astype(int)
    shifts = [sign * step for step in np.diag(steps) for sign in (1, -1)]
    return _agreement(one, other, np.zeros(3, int)) - float(
        np.mean([_agreement(one, other, shift) for shift in shifts])
    )


def _agreement(one: Edges, other: Edges, shift: np.ndarray) -> float:
    """S(s) of `edge_match`."""
    sizes = one.field.shape[1:]
    here = tuple(slice(max(0, -step), size - max(0, step)) for step, size in zip(shift, sizes, strict=True))
    there = tuple(slice(max(0, step), size + min(0, step)) for step, size in zip(shift, sizes, strict=True))
    a, b = one.field[:, *here], other.field[:, *there]
    weight = float(np.vdot(_dot(a, a), _dot(b, b)))
    product = _dot(a, b)
    return float(np.vdot(product, product)) / weight if weight > 0 else 0.0


def _dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.einsum("cxyz,cxyz->xyz", one, other)


def _around(mask: np.ndarray, margin: np.ndarray) -> tuple[slice, ...]:
    """The box around a mask, with a margin."""
    result = []
    for axis in range(3):
        filled = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        first, last = (filled[0], filled[-1]) if filled.size else (0, mask.shape[axis] - 1)
        result.append(slice(max(0, first - margin[axis]), min(mask.shape[axis], last + margin[axis] + 1)))
    return tuple(result)


def _average(values: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Means of blocks of voxels; an incomplete block at the far end is dropped."""
    for axis, factor in enumerate(factors):
        size = values.shape[axis] // factor
        values = np.moveaxis(values, axis, 0)[: size * factor]
        values = np.moveaxis(values.reshape(size, factor, *values.shape[1:]).mean(axis=1, dtype=np.float32), 0, axis)
    return values


def _without_rim(mask: np.ndarray, voxels: np.ndarray) -> np.ndarray:
    """Erode a mask along each axis by its number of voxels; beyond the array there is no brain."""
    for axis, count in enumerate(voxels):
        for _ in range(count):
            padded = np.pad(mask, [(1, 1) if other == axis else (0, 0) for other in range(3)])
            size = mask.shape[axis]
            mask = mask & np.take(padded, range(size), axis) & np.take(padded, range(2, size + 2), axis)
    return mask
