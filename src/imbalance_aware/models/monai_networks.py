"""MONAI's networks for classification: ``monai_networks.DenseNet121`` makes MONAI's network of that name.

They are MONAI's own, with its defaults and the names of its weights: a state that MONAI saved fits, and the other way
round. The arguments of a network are those of MONAI's class.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from monai.networks import nets
from torch import Tensor, nn

from imbalance_aware.errors import UserError
from imbalance_aware.models import MONAI
from imbalance_aware.models.network import full_precision, scale

#: Beginning of a name -> what makes the network, the class that takes what that passes on, and what MONAI calls the
#: numbers of channels and of classes.
FAMILIES: dict[str, tuple[Callable[[str], Any], type[nn.Module], str, str]] = {
    "DenseNet": (lambda name: getattr(nets, name), nets.DenseNet, "in_channels", "out_channels"),
    "EfficientNet": (
        lambda name: partial(nets.EfficientNetBN, f"efficientnet-{name[-2:].lower()}", pretrained=False),
        nets.EfficientNetBN,
        "in_channels",
        "num_classes",
    ),
    "ResNet": (lambda name: getattr(nets, name.lower()), nets.ResNet, "n_input_channels", "num_classes"),
    "SE": (lambda name: getattr(nets, name), nets.SENet, "in_channels", "num_classes"),
}
#: Not for users to set: what the name fixes, and weights from the internet.
FIXED = ("self", "spatial_dims", "block", "model_name", "feed_forward", "pretrained", "progress", "adv_prop", "kwargs")
#: Numbers of input channels with which a strided convolution of one voxel writes beyond its memory on CPUs without
#: AVX-512 (oneDNN 3.12, github.com/uxlfoundation/oneDNN/issues/6035).
UNSAFE = range(2, 8)


class LastLayer(nn.Linear):
    """A linear layer that passes on what it is given: the features. It stays in its place and keeps its name."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class MonaiNetwork(nn.Module):
    """A network of MONAI's as a `imbalance_aware.models.network.Network`.

    Its head is the last ``torch.nn.Linear`` in the order in which MONAI's class defines its layers, after which its
    forward pass does nothing more (a test holds this for every name in `MONAI`).

    Args:
        name: in `MONAI`.
        dimensions: spatial dimensions, 2 or 3.
        in_channels: of the images.
        classes: number of logits.
        arguments: of MONAI's class.

    Raises:
        UserError: an argument that MONAI's class does not have, or a network that is not safe on every CPU.
    """

    def __init__(self, name: str, dimensions: int, in_channels: int, classes: int, **arguments: Any) -> None:
        super().__init__()
        start = next(start for start in FAMILIES if name.startswith(start))
        find, base, channels_key, classes_key = FAMILIES[start]
        make = find(name)
        given = {"spatial_dims": dimensions, channels_key: in_channels, classes_key: classes}
        _check(name, arguments, [*inspect.signature(make).parameters, *inspect.signature(base).parameters], given)
        self.network = make(**given, **arguments)
        _require_safe(name, self.network)
        self.last = [key for key, module in self.network.named_modules() if isinstance(module, nn.Linear)][-1]
        _keep_features(self.network, self.last)

    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees, ``(B, F)``, float32 or wider."""
        seen = self.network(x)
        return seen.to(torch.promote_types(seen.dtype, torch.float32))

    def head(self, features: Tensor) -> Tensor:
        """Logits of features, of their precision also under autocast."""
        return full_precision(self.network.get_submodule(self.last), features)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def scale_logits(self, factor: float) -> None:
        """Multiply the logits by ``factor`` from now on: where a loss trained the softmax of scaled logits."""
        scale(self.network.get_submodule(self.last), factor)

    # Any: what torch returns has the type of its argument `destination`.
    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Weights under MONAI's names."""
        return self.network.state_dict(*args, **kwargs)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Take over weights under MONAI's names."""
        return self.network.load_state_dict(*args, **kwargs)


def __getattr__(name: str) -> Callable[..., MonaiNetwork]:
    if name not in MONAI:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return partial(MonaiNetwork, name)


def _check(name: str, arguments: dict[str, Any], known: list[str], given: dict[str, Any]) -> None:
    accepted = sorted({key for key in known if key not in FIXED and key not in given})
    for key in arguments:
        if key not in accepted:
            raise UserError(f'the network "monai:{name}" has no argument "{key}". Known: {", ".join(accepted)}.')


def _require_safe(name: str, network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            strided = set(module.kernel_size) == {1} and max(module.stride) > 1
            if strided and module.in_channels // module.groups in UNSAFE:
                raise UserError(
                    f'the network "monai:{name}" with these arguments has a strided convolution of one voxel with '
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
