"""Other ways to feed the same network: MONAI, torchio, and scikit-image with SciPy, sample by sample.

Each takes images as they are stored (uint8) and yields batches with the same kinds of changes at the same
probabilities. What they compute differs in places (MONAI and torchio rescale for gamma, MONAI pads the blur with
zeros); where there was a choice, the faster one for them was taken (no metadata, cached as tensors, and crop first,
although the border of the crop is then blurred with what lies inside alone). MONAI is also shown with the crop last.
"""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

WORKERS = 2
PROBABILITY = 0.5
GAMMA, GAIN, SIGMA = (0.5, 1.5), (5.0, 10.0), (0.0, 1.5)


class Contrast:
    """Sigmoid contrast for pipelines that have none of their own."""

    def __call__(self, image: Tensor) -> Tensor:
        if torch.rand(()) < PROBABILITY:
            image = torch.sigmoid(torch.empty(()).uniform_(*GAIN) * (image - 0.5))
        return image


def endless(loader: DataLoader) -> Iterator[Tensor]:
    """Batches without an end, workers kept."""
    while True:
        for batch in loader:
            yield batch["image"]["data"] if isinstance(batch, dict) and isinstance(batch["image"], dict) else batch


def monai(images: np.ndarray, batch_size: int, crop: int | None, crop_last: bool = False) -> Iterator[Tensor]:
    """CacheDataset and DataLoader with two workers."""
    from monai.data import CacheDataset, set_track_meta
    from monai.transforms import (
        Compose,
        Lambda,
        RandAdjustContrast,
        RandFlip,
        RandGaussianSmooth,
        RandSpatialCrop,
        ScaleIntensityRange,
    )

    set_track_meta(False)
    dimensions = images.ndim - 2
    steps: list[Callable] = [Lambda(torch.from_numpy), ScaleIntensityRange(0, 255, 0, 1)]
    cut = [RandSpatialCrop((crop,) * dimensions, random_size=False)] if crop else []
    steps += [] if crop_last else cut
    steps.append(RandAdjustContrast(prob=PROBABILITY, gamma=GAMMA))
    if dimensions == 3:
        steps.append(RandGaussianSmooth(sigma_x=SIGMA, sigma_y=SIGMA, sigma_z=SIGMA, prob=PROBABILITY))
    else:
        steps.append(Contrast())
    steps += [RandFlip(prob=PROBABILITY, spatial_axis=axis) for axis in range(dimensions)]
    steps += cut if crop_last else []
    data = CacheDataset(list(images), Compose(steps), cache_rate=1, num_workers=1, progress=False)
    return endless(loader_of(data, batch_size))


def torchio(images: np.ndarray, batch_size: int, crop: int | None) -> Iterator[Tensor]:
    """Subjects in memory and a loader with two workers."""
    import torchio as tio

    steps = [tio.CropOrPad(crop)] if crop else []
    steps.append(tio.RandomGamma(log_gamma=tuple(np.log(GAMMA)), p=PROBABILITY))
    if images.ndim == 5:
        steps.append(tio.RandomBlur(std=SIGMA, p=PROBABILITY))
    else:
        steps.append(tio.Lambda(Contrast()))
    steps += [tio.RandomFlip(axes=axis, flip_probability=PROBABILITY) for axis in range(images.ndim - 2)]
    volumes = images if images.ndim == 5 else images[..., np.newaxis]
    subjects = [tio.Subject(image=tio.ScalarImage(tensor=torch.from_numpy(volume).float() / 255)) for volume in volumes]
    data = tio.SubjectsDataset(subjects, transform=tio.Compose(steps))
    loader = tio.SubjectsLoader(
        data, batch_size=batch_size, shuffle=True, num_workers=WORKERS, persistent_workers=True, drop_last=True
    )
    return endless(loader)


class PerSample(Dataset):
    """scikit-image and SciPy on one whole image after the other, then the crop: the paper's way."""

    def __init__(self, images: np.ndarray, crop: int | None) -> None:
        self.images, self.crop = images, crop

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> Tensor:
        from scipy.ndimage import gaussian_filter
        from skimage.exposure import adjust_gamma, adjust_sigmoid

        rng = np.random.default_rng()
        image = self.images[row].astype(np.float32) / 255
        dimensions = image.ndim - 1
        if rng.random() < PROBABILITY:
            image = adjust_gamma(image, rng.uniform(*GAMMA))
        if dimensions == 2 and rng.random() < PROBABILITY:
            image = adjust_sigmoid(image, gain=rng.uniform(*GAIN))
        if dimensions == 3 and rng.random() < PROBABILITY:
            sigma = rng.uniform(*SIGMA)
            image = np.stack([gaussian_filter(channel, sigma) for channel in image])
        image = np.flip(image, 1 + np.flatnonzero(rng.random(dimensions) < PROBABILITY))
        if self.crop:
            origin = rng.integers(0, np.array(image.shape[1:]) - self.crop + 1)
            image = image[(slice(None), *(slice(first, first + self.crop) for first in origin))]
        return torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))


def per_sample(images: np.ndarray, batch_size: int, crop: int | None) -> Iterator[Tensor]:
    """`PerSample` in a DataLoader with two workers."""
    return endless(loader_of(PerSample(images, crop), batch_size))


def loader_of(data: Dataset, batch_size: int) -> DataLoader:
    """A loader as the others have it."""
    return DataLoader(data, batch_size, shuffle=True, num_workers=WORKERS, persistent_workers=True, drop_last=True)


MONAI, MONAI_CROP_LAST = "MONAI CacheDataset + DataLoader", "MONAI CacheDataset + DataLoader, crop last"
RIVALS = {
    MONAI: ("monai", monai),
    MONAI_CROP_LAST: ("monai", partial(monai, crop_last=True)),
    "torchio + SubjectsLoader": ("torchio", torchio),
    "scikit-image + SciPy per sample + DataLoader": ("skimage", per_sample),
}


def installed(crop: int | None) -> dict[str, Callable[[np.ndarray, int, int | None], Iterator[Tensor]]]:
    """The rivals that can run here, for images that are cut or not."""
    wanted = {name: rival for name, rival in RIVALS.items() if crop or name != MONAI_CROP_LAST}
    return {name: make for name, (package, make) in wanted.items() if find_spec(package)}
