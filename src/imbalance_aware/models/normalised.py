"""A network that was trained before, with what its weights expect: normalised images, and perhaps a frozen backbone."""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Any, cast

import torch
from torch import Tensor, nn

from imbalance_aware.models.network import Network

#: Names of the constants in a state.
MEAN, STD = "normalisation.mean", "normalisation.std"


class Normalised(nn.Module):
    """A network that sees ``(x - mean) / std`` of images ``(B, C, *spatial)`` in [0, 1].

    The constants are part of its state, so that training, evaluation, prediction and explanations have the same.

    Args:
        network: in what is inside.
        mean: of each channel, (C,); see `constants_of`.
        std: of each channel, (C,).
        frozen: whether all but the last layer of the network keeps its weights and stays in evaluation mode, so that
            batch normalisation keeps its statistics and nothing is dropped out.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: Network, mean: Sequence[float], std: Sequence[float], frozen: bool = False) -> None:
        super().__init__()
        self.network, self.frozen = cast(nn.Module, network), frozen
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32))
        if frozen:
            self.network.requires_grad_(False)
            self.last_layer().requires_grad_(True)

    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees, ``(B, F)``, float32 or wider."""
        shape = (1, -1, *[1] * (x.ndim - 2))
        return self._inner().features((x - self.mean.view(shape)) / self.std.view(shape))

    def last_layer(self) -> nn.Linear:
        """The head."""
        return self._inner().last_layer()

    def head(self, features: Tensor) -> Tensor:
        """Logits of features, of their precision also under autocast."""
        return self._inner().head(features)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def scale_logits(self, factor: float) -> None:
        """Multiply the logits by ``factor`` from now on: where a loss trained the softmax of scaled logits."""
        self._inner().scale_logits(factor)

    def train(self, mode: bool = True) -> "Normalised":
        """As of any module, but a frozen network stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.network.eval()
        return self

    # Any: as in `imbalance_aware.models.wrapped`.
    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Weights under the names of the network inside, and the constants."""
        return {**self.network.state_dict(*args, **kwargs), MEAN: self.mean, STD: self.std}

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Take over what `state_dict` gave."""
        state = dict(state_dict)
        mean, std = state.pop(MEAN), state.pop(STD)
        if assign:
            self.mean, self.std = mean, std
        else:
            self.mean.copy_(mean)
            self.std.copy_(std)
        return self.network.load_state_dict(state, strict, assign)

    def _inner(self) -> Network:
        return cast(Network, self.network)


def constants_of(values: Sequence[float], channels: int) -> list[float]:
    """The normalisation constants of a pretraining for images of other channels, as the first layer is adapted.

    One channel has their mean; of more channels, channel c has ``values[c % len(values)]``.
    """
    if channels == 1:
        return [sum(values) / len(values)]
    return [*islice(cycle(values), channels)]


def normalised(network: Network, weights: Mapping[str, Any], channels: int, frozen: bool) -> Network:
    """A network with the constants of a pretraining.

    Args:
        network: with random weights, or none.
        weights: ``model.weights`` with ``mean`` and ``std`` of the pretraining.
        channels: of the images.
        frozen: whether its backbone is.
    """
    mean, std = (constants_of(weights[key], channels) for key in ("mean", "std"))
    return cast(Network, Normalised(network, mean, std, frozen))
