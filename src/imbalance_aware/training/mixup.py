r"""Mixup: a batch of images and labels is replaced by averages of pairs.

.. math:: \tilde x_i = \lambda x_i + (1 - \lambda) x_{\pi(i)}, \quad
          \tilde y_i = \lambda y_i + (1 - \lambda) y_{\pi(i)}, \quad
          \tilde w_i = \lambda w_i + (1 - \lambda) w_{\pi(i)}

with one-hot labels y, sample weights w, and for each batch one permutation π and one share λ = max(b, 1 - b),
b ~ Beta(α, α). Exchanging λ and 1 - λ exchanges π and its inverse and gives the same pairs, and π and its inverse are
equally likely. So the maximum changes no probability of a mixed batch; it makes the image's own label the larger one.

Since π is a permutation, the mass of each class in a batch, the sum of the rows of labels, stays what it was.

Source: Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imbalance_aware.training.streams import Purpose, generator


@dataclass(frozen=True)
class Mixing:
    """How one batch is mixed.

    Attributes:
        rest: 1 - λ, the share of the partner, a scalar in [0, 0.5].
        partner: the permutation π, positions in the batch, shape (B,).
    """

    rest: Tensor
    partner: Tensor

    def of(self, values: Tensor) -> Tensor:
        """Each row of ``values`` (B, …) averaged with that of its partner; the layout in memory stays."""
        return torch.lerp(values, values.index_select(0, self.partner), self.rest.to(values.dtype))


def mixings(alpha: float, sizes: Sequence[int], seed: int, epoch: int, device: torch.device) -> Iterator[Mixing]:
    """The mixing of each batch of an epoch; the numbers depend on no device and no batch that came before.

    Args:
        alpha: α of the Beta distribution, above 0.
        sizes: samples of each batch.
        seed: of the run.
        epoch: counted from 0.
        device: of the batches.
    """
    shares, orders = generator(seed, Purpose.MIXUP, epoch).spawn(2)
    drawn = shares.beta(alpha, alpha, len(sizes))
    rest = torch.from_numpy(np.minimum(drawn, 1 - drawn).astype(np.float32)).to(device, non_blocking=True)
    partners = [orders.permutation(size) for size in sizes]
    on_device = torch.from_numpy(np.concatenate([*partners, np.empty(0, np.int64)]).astype(np.int64))
    for share, partner in zip(rest, on_device.to(device, non_blocking=True).split([*sizes]), strict=True):
        yield Mixing(share, partner)
