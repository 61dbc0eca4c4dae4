r"""Exponential moving average (EMA) of a network's weights.

.. math:: e_0 = w_0, \qquad e_t = d\, e_{t-1} + (1 - d)\, w_t

after each step t of the optimiser, with the decay d. Numbers that a network keeps beside its weights, such as the
running means of batch normalisation, are copied from the trained network, not averaged.

Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 1992, who
take the plain mean; in this form Tarvainen and Valpola, "Mean teachers are better role models", NeurIPS 2017.
"""

import copy

import torch

from imbalance_aware.models.network import Network


class WeightAverage:
    """A network beside the trained one, whose weights are the average.

    Args:
        model: the network before its first step; it is copied.
        decay: d, in (0, 1).
    """

    def __init__(self, model: Network, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model)

    @torch.no_grad()
    def update(self, model: Network) -> None:
        """Take in the weights of ``model`` after a step."""
        weights, averages = list(model.parameters()), list(self.model.parameters())
        torch._foreach_lerp_(averages, weights, 1 - self.decay)
        for kept, current in zip(self.model.buffers(), model.buffers(), strict=True):
            kept.copy_(current)
