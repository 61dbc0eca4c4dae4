"""MONAI's networks for classification: ``monai_networks.DenseNet121`` makes MONAI's network of that name.

They are MONAI's own, with its defaults and the names of its weights: a state that MONAI saved fits, and the other way
round. The arguments of a network are those of MONAI's class.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from monai.networks import nets
from torch import nn

from imbalance_aware.errors import UserError
from imbalance_aware.models import MONAI
from imbalance_aware.models.wrapped import Wrapped

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


class MonaiNetwork(Wrapped):
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
        start = next(start for start in FAMILIES if name.startswith(start))
        find, base, channels_key, classes_key = FAMILIES[start]
        make = find(name)
        given = {"spatial_dims": dimensions, channels_key: in_channels, classes_key: classes}
        _check(name, arguments, [*inspect.signature(make).parameters, *inspect.signature(base).parameters], given)
        network = make(**given, **arguments)
        last = [key for key, module in network.named_modules() if isinstance(module, nn.Linear)][-1]
        super().__init__(f"monai:{name}", network, last)


def __getattr__(name: str) -> Callable[..., MonaiNetwork]:
    if name not in MONAI:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return partial(MonaiNetwork, name)


def _check(name: str, arguments: dict[str, Any], known: list[str], given: dict[str, Any]) -> None:
    accepted = sorted({key for key in known if key not in FIXED and key not in given})
    for key in arguments:
        if key not in accepted:
            raise UserError(f'the network "monai:{name}" has no argument "{key}". Known: {", ".join(accepted)}.')
