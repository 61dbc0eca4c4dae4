"""The weights that an optimiser changes, those of the last layer with a learning rate of their own."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from imbalance_aware.training.optimisers import FACTOR

Weights = torch.Tensor | dict[str, Any]


def trained(parameters: Iterable[Weights], head: nn.Linear, factor: float | None) -> list[Weights]:
    """Weights, or groups of weights, without those that are frozen, and with the last layer's in groups apart.

    Args:
        parameters: weights or groups of them, as an optimiser of torch takes them.
        head: the last layer.
        factor: its learning rate divided by that of all others; None: the same rate, and no groups of its own.
    """
    entries = [*parameters]
    groups = [entry for entry in entries if isinstance(entry, dict)] or [{"params": entries}]
    grouped = any(isinstance(entry, dict) for entry in entries)
    groups = [group | {"params": [one for one in group["params"] if one.requires_grad]} for group in groups]
    if factor is not None:
        of_head = {id(weights) for weights in head.parameters()}
        groups = [
            {**group, "params": chosen, **({FACTOR: factor} if apart else {})}
            for group in groups
            for apart in (False, True)
            if (chosen := [one for one in group["params"] if (id(one) in of_head) == apart])
        ]
    groups = [group for group in groups if group["params"]]
    return [*groups] if grouped or factor is not None else groups[0]["params"]
