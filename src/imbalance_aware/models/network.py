"""`Network`: the interface of a network for training and inference."""

from typing import Any, Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn


@runtime_checkable
class Network(Protocol):
    """A ``torch.nn.Module`` from images to features and from features to logits.

    ``forward(x)`` equals ``head(features(x))``. Weights are initialised from torch's global random numbers alone, which
    makes them a function of the seed. Random numbers of a forward pass (dropout) come from there too.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(B, C, *spatial)``, channels-last, to logits ``(B, K)`` in float32 or wider, also under autocast."""

    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees of images ``(B, C, *spatial)``: ``(B, F)``, float32 or wider."""

    def head(self, features: Tensor) -> Tensor:
        """Features ``(B, F)`` to logits ``(B, K)`` in the precision of the features, also under autocast."""

    def last_layer(self) -> nn.Linear:
        """What `head` is: never loaded from a file of weights, and trained alone where all else is frozen."""

    def scale_logits(self, factor: float) -> None:
        """Multiply the logits by ``factor`` from now on: where a loss trained the softmax of scaled logits."""

    # Of torch.nn.Module:
    def __call__(self, x: Tensor) -> Tensor: ...
    def parameters(self) -> Any: ...
    def named_parameters(self) -> Any: ...
    def named_modules(self) -> Any: ...
    def buffers(self) -> Any: ...
    def state_dict(self) -> dict[str, Tensor]: ...
    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any: ...
    def to(self, *args: Any, **kwargs: Any) -> Self: ...
    def train(self, mode: bool = True) -> Self: ...
    def eval(self) -> Self: ...


def full_precision(layer: nn.Linear, features: Tensor) -> Tensor:
    """``layer(features)`` in the precision of the features, also under autocast.

    bfloat16 has three digits: too few for logits, from which losses take differences.
    """
    with torch.autocast(features.device.type, enabled=False):
        return nn.functional.linear(features, layer.weight, layer.bias)


@torch.no_grad()
def scale(layer: nn.Linear, factor: float) -> None:
    """Multiply what a layer returns by ``factor`` from now on."""
    layer.weight.mul_(factor)
    layer.bias.mul_(factor)
