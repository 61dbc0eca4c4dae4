"""Making a new network by name, with initial weights from a seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch

from imbalance_aware.models import DEFAULT, FAMILIES, NETWORKS
from imbalance_aware.models.memory_format import CHANNELS_LAST
from imbalance_aware.models.network import Network
from imbalance_aware.models.normalised import normalised
from imbalance_aware.training.streams import Purpose, torch_seed

#: Keys of ``model`` that are no arguments of the network `DEFAULT`.
APART = ("network", "arguments", "weights", "freeze")


@dataclass(frozen=True)
class InputSpec:
    """Input and classes of a network.

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

    @property
    def seen(self) -> tuple[int, ...]:
        """Spatial shape of what the network sees."""
        return self.shape if self.crop is None else (self.crop,) * self.dimensions


def make_model(architecture: Mapping[str, Any], spec: InputSpec, seed: int) -> Network:
    """A new network in channels-last format; its weights depend only on the seed.

    Args:
        architecture: settings of ``model``.
        spec: what the network takes.
        seed: of the run.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, Purpose.WEIGHTS))
        model = network_of(architecture, spec)
    return model.to(memory_format=CHANNELS_LAST[spec.dimensions])


def network_of(architecture: Mapping[str, Any], spec: InputSpec) -> Network:
    """The network that settings name, with weights from torch's random numbers.

    Args:
        architecture: settings of ``model``: ``network``, and ``arguments`` or, of `DEFAULT`, its arguments themselves;
            where a file of weights is named, with the constants by which images are normalised.
        spec: what the network takes.
    """
    own = {key: value for key, value in architecture.items() if key not in APART}
    make = find_network(architecture.get("network", DEFAULT))
    network = make(spec.dimensions, spec.channels, len(spec.classes), **own, **architecture.get("arguments", {}))
    weights = architecture.get("weights")
    return normalised(network, weights, spec.channels, architecture.get("freeze", False)) if weights else network


def find_network(network: str) -> Any:
    """The object that a name of the tables refers to, called as ``make(dimensions, in_channels, classes,
    **arguments)``."""
    module, _, name = reference_of(network).partition(":")
    return getattr(import_module(module), name)


def reference_of(network: str) -> str:
    """``"module:attribute"`` of a name of the tables."""
    package, _, name = network.partition(":")
    return f"{FAMILIES[package][0]}:{name}" if package in FAMILIES else NETWORKS[network]
