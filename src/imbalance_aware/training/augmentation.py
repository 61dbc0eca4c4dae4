"""Augmentation parameters, sampled for each training image. How they are applied depends on the device.

In order: gamma, contrast, blur, crop, flips. Gamma and contrast act on single values; blur sees the whole image, so
that the border of a crop is blurred with what lies beyond it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.training.blur import TRUNCATE, blur_reach
from imbalance_aware.training.streams import Purpose, generator

if TYPE_CHECKING:
    from imbalance_aware.runs.settings import Augmentation


@dataclass(frozen=True)
class AugmentationParameters:
    """What augmentation does to each of B images with D spatial axes.

    Attributes:
        gamma: exponent, shape (B,); 1: none.
        gain: of the sigmoid contrast, shape (B,); NaN: none.
        sigma: of the Gaussian blur in voxels, shape (B,); 0: none.
        origin: first voxel of the crop along each axis, shape (B, D).
        flip: whether each axis is flipped, shape (B, D).
        size: of the result along each axis.
        reach: voxels on each side beyond which no blur reaches, here and in the run's other epochs.
    """

    gamma: np.ndarray
    gain: np.ndarray
    sigma: np.ndarray
    origin: np.ndarray
    flip: np.ndarray
    size: tuple[int, ...]
    reach: int

    def __post_init__(self) -> None:
        if radius(self.sigma).max(initial=0) > self.reach:
            raise ValueError(f"a blur reaches {radius(self.sigma).max()} voxels, more than {self.reach}")

    def __getitem__(self, part: slice) -> "AugmentationParameters":
        per_image = ("gamma", "gain", "sigma", "origin", "flip")
        return replace(self, **{name: getattr(self, name)[part] for name in per_image})


def crop_size(crop: int | None, shape: Sequence[int]) -> tuple[int, ...]:
    """Size of what the network sees of an image with spatial ``shape``.

    Raises:
        UserError: the crop is larger than the image.
    """
    if crop is None:
        return tuple(shape)
    if crop > min(shape):
        raise UserError(f"augmentation.crop is {crop}, larger than the images: {' x '.join(map(str, shape))}")
    return (crop,) * len(shape)


def radius(sigma: np.ndarray) -> np.ndarray:
    """Voxels on each side that a Gaussian blur reaches."""
    return (TRUNCATE * sigma + 0.5).astype(np.int64)


def widest_blur(settings: "Augmentation") -> int:
    """Voxels on each side that the widest blur of the settings reaches."""
    return blur_reach(max(settings.blur_sigma or [0.0]))


def unchanged(count: int, crop: int | None, shape: Sequence[int], reach: int = 0) -> AugmentationParameters:
    """No change but the central crop: for test images."""
    size = crop_size(crop, shape)
    origin = np.tile((np.array(shape) - size) // 2, (count, 1))
    return AugmentationParameters(
        gamma=np.ones(count),
        gain=np.full(count, np.nan),
        sigma=np.zeros(count),
        origin=origin,
        flip=np.zeros(origin.shape, dtype=bool),
        size=size,
        reach=reach,
    )


def sample_parameters(
    settings: "Augmentation", count: int, shape: Sequence[int], seed: int, epoch: int
) -> AugmentationParameters:
    """Sample the parameters of one epoch's ``count`` images, in the order in which the batches hold them.

    Every change is made with the probability of the settings, for each image on its own; each axis is flipped on its
    own. Strengths and places are uniform in their ranges. What is drawn for one change does not depend on which others
    are on.
    """
    rng, plain = (
        generator(seed, Purpose.AUGMENTATION, epoch),
        unchanged(count, settings.crop, shape, widest_blur(settings)),
    )
    streams = rng.spawn(5)

    def sometimes(stream: np.random.Generator, values: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
        chosen = stream.random(count) < settings.probability
        return np.where(chosen.reshape(-1, *[1] * (values.ndim - 1)), values, otherwise)

    def strength(stream: np.random.Generator, limits: tuple[float, float] | None, otherwise: np.ndarray) -> np.ndarray:
        return otherwise if limits is None else sometimes(stream, stream.uniform(*limits, count), otherwise)

    room = np.array(shape) - np.array(plain.size)
    flip = streams[4].random(plain.flip.shape) < settings.probability
    return AugmentationParameters(
        gamma=strength(streams[0], settings.gamma, plain.gamma),
        gain=strength(streams[1], settings.contrast_gain, plain.gain),
        sigma=strength(streams[2], settings.blur_sigma, plain.sigma),
        origin=sometimes(streams[3], streams[3].integers(0, room + 1, plain.origin.shape), plain.origin),
        flip=flip & np.isin(np.arange(len(shape)), settings.flip_axes),
        size=plain.size,
        reach=plain.reach,
    )
