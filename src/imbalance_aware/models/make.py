"""A new network: what it takes, and its initial weights from a seed."""

from dataclasses import dataclass
from typing import Any

import torch

from imbalance_aware.models.memory_format import CHANNELS_LAST
from imbalance_aware.models.residual_network import ResidualNetwork
from imbalance_aware.training.streams import Purpose, torch_seed


@dataclass(frozen=True)
class InputSpec:
    """What a network takes and tells apart.

    Attributes:
        channels: channels of an image.
        shape: size of an image, before the crop.
        dtype: ``uint8`` (scaled by 1/255) or ``float16`` (taken as it is, in [0, 1]).
        crop: edge of the central part that the network sees, or None for all of it.
        classes: names in label order.
        max_value: of 16-bit photographs, the value that became 1; None: they have 8 bits, or are no photographs.
    """

    channels: int
    shape: tuple[int, ...]
    dtype: str
    crop: int | None
    classes: tuple[str, ...]
    max_value: int | None = None

    @property
    def dimensions(self) -> int:
        """Spatial dimensions: 2 or 3."""
        return len(self.shape)


def make_model(architecture: dict[str, Any], spec: InputSpec, seed: int) -> ResidualNetwork:
    """A new network in channels-last format; its weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, Purpose.WEIGHTS))
        model = ResidualNetwork(spec.dimensions, spec.channels, len(spec.classes), **architecture)
    return model.to(memory_format=CHANNELS_LAST[spec.dimensions])
