"""`Drawn`: what was drawn for the batches of an epoch, before any of them is made."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from imbalance_aware.training.augmentation import AugmentationParameters
from imbalance_aware.training.batches import Images
from imbalance_aware.training.mixup import Mixing


@dataclass(frozen=True)
class Drawn:
    """Successive batches of an epoch.

    Attributes:
        rows: for each batch, positions in the array of images, shape (B,).
        parameters: of the augmentation, for each image of all batches.
        targets: for each batch, classes (B,) on the device.
        mixings: for each batch, how it is mixed; None: not at all.
    """

    rows: Sequence[np.ndarray]
    parameters: AugmentationParameters
    targets: Sequence[Tensor]
    mixings: Sequence[Mixing | None]

    def __getitem__(self, part: slice) -> "Drawn":
        """Some of the batches, without gaps between them."""
        first, last, _ = part.indices(len(self.rows))
        before, images = (sum(map(len, self.rows[chosen])) for chosen in (slice(first), slice(last)))
        return Drawn(self.rows[part], self.parameters[before:images], self.targets[part], self.mixings[part])

    def batches(self, images: Images) -> Iterator[tuple[Tensor, Tensor, Mixing | None]]:
        """The batches one after the other, with their targets, and how each is mixed."""
        return zip(images.batches(self.rows, self.parameters), self.targets, self.mixings, strict=True)
