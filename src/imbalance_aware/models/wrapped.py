"""`Wrapped`: a network of another package as a `imbalance_aware.models.network.Network`."""

from typing import Any, cast

import torch
from torch import Tensor, nn

from imbalance_aware.errors import UserError
from imbalance_aware.models.network import full_precision, scale

#: Numbers of input channels with which a strided convolution of one voxel writes beyond its memory on CPUs without
#: AVX-512 (oneDNN 3.12, github.com/uxlfoundation/oneDNN/issues/6035).
UNSAFE = range(2, 8)


class LastLayer(nn.Linear):
    """A linear layer that passes on what it is given: the features. It stays in its place and keeps its name."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class Wrapped(nn.Module):
    """A network whose head is its last linear layer, after which its forward pass does nothing more.

    Args:
        label: what the configuration calls it, for messages.
        network: it is changed: it returns what its last layer is given.
        last: name of that layer, a ``torch.nn.Linear``.

    Raises:
        UserError: the network is not safe on every CPU.
    """

    def __init__(self, label: str, network: nn.Module, last: str) -> None:
        super().__init__()
        _require_safe(label, network)
        self.network, self.last = network, last
        _keep_features(network, last)

    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees, ``(B, F)``, float32 or wider."""
        seen = self.network(x)
        return seen.to(torch.promote_types(seen.dtype, torch.float32))

    def last_layer(self) -> nn.Linear:
        """The head."""
        return cast(nn.Linear, self.network.get_submodule(self.last))

    def head(self, features: Tensor) -> Tensor:
        """Logits of features, of their precision also under autocast."""
        return full_precision(self.last_layer(), features)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def scale_logits(self, factor: float) -> None:
        """Multiply the logits by ``factor`` from now on: where a loss trained the softmax of scaled logits."""
        scale(self.last_layer(), factor)

    # Any: what torch returns has the type of its argument `destination`.
    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Weights under the package's names."""
        return self.network.state_dict(*args, **kwargs)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Take over weights under the package's names."""
        return self.network.load_state_dict(*args, **kwargs)


def _require_safe(label: str, network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            strided = set(module.kernel_size) == {1} and max(module.stride) > 1
            if strided and module.in_channels // module.groups in UNSAFE:
                raise UserError(
                    f'the network "{label}" with these arguments has a strided convolution of one voxel with '
                    f"{module.in_channels // module.groups} input channels, which damages memory on some CPUs; change "
                    "its arguments"
                )


def _keep_features(network: nn.Module, last: str) -> None:
    """Have the network return what its last layer is given."""
    place, _, name = last.rpartition(".")
    layer = cast(nn.Linear, network.get_submodule(last))
    # Made on "meta", so that no random number is drawn for weights that are replaced.
    kept = LastLayer(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
    kept.weight, kept.bias = layer.weight, layer.bias
    setattr(network.get_submodule(place), name, kept)
