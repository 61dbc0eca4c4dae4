"""Adam (Kingma & Ba 2015), fused: one call updates all weights.

The step is torch's own (`torch.optim.adam.adam`). Only the bookkeeping stands here, because making a
`torch.optim.Optimizer` imports the whole of torch's compiler, which takes as long as importing torch itself.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

BETAS = (0.9, 0.999)
EPS = 1e-8


class Adam:
    """Updates weights from their gradients; the same numbers as ``torch.optim.Adam(fused=True)``.

    Args:
        parameters: weights; their device and memory layout must not change afterwards.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self.parameters = list(parameters)
        self.means = [torch.zeros_like(weights) for weights in self.parameters]
        self.squares = [torch.zeros_like(weights) for weights in self.parameters]
        self.steps = [torch.zeros((), device=weights.device) for weights in self.parameters]

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Update all weights, then forget their gradients."""
        adam(
            self.parameters,
            [weights.grad for weights in self.parameters],
            self.means,
            self.squares,
            [],
            self.steps,
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=learning_rate,
            weight_decay=0.0,
            eps=EPS,
            maximize=False,
        )
        for weights in self.parameters:
            weights.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Running means and step counts."""
        return {"means": self.means, "squares": self.squares, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        for name, mine in self.state_dict().items():
            for target, source in zip(mine, state[name], strict=True):
                target.copy_(source)
