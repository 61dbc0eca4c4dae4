"""Weights of an earlier training in a network with another head and other channels.

Names of a state are those of the network's own package: torchvision's and timm's ResNet-18 and -34 have the names of
the network ``resnet`` here, MedicalNet's those of MONAI's residual networks with ``module.`` before them.

The first convolution is adapted to images with C channels from one with I, as timm does it
(``timm.models.adapt_input_conv``): for C = 1 the sum over the I channels; else channel c takes that of ``c % I`` times
I / C. So inputs of equal channels give the activations they had.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from imbalance_aware.errors import UserError
from imbalance_aware.models.network import Network
from imbalance_aware.models.normalised import Normalised

#: Before every name of a state that was saved in ``torch.nn.DataParallel``.
PARALLEL = "module."
#: Names under which a file may hold the state beside other things.
INSIDE = ("state_dict", "model")
#: How heads begin in torchvision, timm, MONAI and MedicalNet.
HEADS = ("fc.", "classifier.", "head.", "_fc.", "last_linear.", "class_layers.", "conv_seg.")
#: Ends of names that old versions of torch did not save, and that change nothing but a count.
COUNTS = "num_batches_tracked"
#: As many names are in a message.
LISTED = 8


@dataclass(frozen=True)
class Loaded:
    """What became of a file of weights.

    Attributes:
        taken: number of entries that the network has taken.
        head: names that it has not taken: the head of the earlier training.
        adapted: name of the first convolution, if it was adapted to another number of channels.
    """

    taken: int
    head: tuple[str, ...]
    adapted: str | None


def state_of(content: object) -> dict[str, Tensor]:
    """The state in what a file holds: itself, or what is inside of it, without what parallel training put before names.

    Raises:
        UserError: there is none.
    """
    for key in INSIDE:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content:
        raise UserError("holds no state of a network (names and tensors)")
    if not all(isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()):
        raise UserError("holds more than the state of a network; save its state_dict() alone")
    parallel = all(name.startswith(PARALLEL) for name in content)
    return {name.removeprefix(PARALLEL) if parallel else name: value for name, value in content.items()}


@torch.no_grad()
def load_pretrained(model: Network, state: Mapping[str, Tensor]) -> Loaded:
    """Copy all but the head of a state into a network; the head keeps its random weights.

    Args:
        model: a `Normalised`; nothing of it changes if an error is raised.
        state: see `state_of`.

    Raises:
        UserError: entries, beyond the head, that the state lacks, that the network lacks, or of another shape or not
            finite.
    """
    assert isinstance(model, Normalised)
    network = model.network
    own = network.state_dict()
    last = _names_of(model.last_layer(), own)
    first = _first_convolution(network, own)
    adapted = {name: value for name, value in state.items() if name in own and name not in last}
    if first in adapted and adapted[first].shape[1] != own[first].shape[1]:
        adapted[first] = adapt(adapted[first], own[first].shape[1])
    else:
        first = None
    lacking = [name for name in own if name not in adapted and name not in last and not name.endswith(COUNTS)]
    beyond = [name for name in state if name not in own and not name.startswith(HEADS)]
    misshapen = [
        f"{name} ({_shape(value)} in the file, {_shape(own[name])} in the network)"
        for name, value in adapted.items()
        if value.shape != own[name].shape
    ]
    broken = [name for name, value in adapted.items() if not bool(torch.isfinite(value).all())]
    problems = {
        "the file lacks": lacking,
        "the network has no": beyond,
        "of another shape": misshapen,
        "not finite": broken,
    }
    if any(problems.values()):
        told = "; ".join(f"{what} {_listed(names)}" for what, names in problems.items() if names)
        raise UserError(f"these weights are not of this network, beyond its head: {told}")
    for name, value in adapted.items():
        own[name].copy_(value)
    return Loaded(len(adapted), tuple(sorted(name for name in state if name not in adapted)), first)


def adapt(weight: Tensor, channels: int) -> Tensor:
    """Weights ``(O, I, *kernel)`` of the first convolution for images of other channels: ``(O, channels, *kernel)``.

    Args:
        weight: of the pretraining.
        channels: of the images.
    """
    weight, inputs = weight.float(), weight.shape[1]
    if channels == inputs:
        return weight
    if channels == 1:
        return weight.sum(1, keepdim=True)
    return weight[:, [channel % inputs for channel in range(channels)]] * (inputs / channels)


def _names_of(layer: nn.Module, own: Mapping[str, Tensor]) -> set[str]:
    """Names, in a state, of the weights of a layer."""
    places = {weights.data_ptr() for weights in layer.parameters()}
    return {name for name, value in own.items() if value.data_ptr() in places}


def _first_convolution(network: nn.Module, own: Mapping[str, Tensor]) -> str | None:
    """Name, in a state, of the weights of the convolution that is defined first."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.Conv3d):
            return next(iter(_names_of(part, own) & {name for name in own if name.endswith("weight")}), None)
    return None


def _shape(value: Tensor) -> str:
    return " x ".join(map(str, value.shape))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
