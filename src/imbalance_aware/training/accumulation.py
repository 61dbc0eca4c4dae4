"""The gradient of a loss over a batch of which the network holds only a part at a time.

A loss of the whole batch (soft F1, soft MCC) is no mean over parts of it. So the network runs twice: first all parts
without recording, which gives the logits of the whole batch, the loss of them, and the loss's gradient G by the logits;
then each part again with recording, and the part's rows of G are propagated through it. By the chain rule,

    dL/dw = sum_i G_i dz_i/dw = sum over parts of (sum over i in the part of G_i dz_i/dw),

which is the gradient of the loss over the whole batch, for every loss. Memory for activations is that of one part; the
price is one more forward pass.

Source: gradient caching, Gao, Zhang, Han, Callan, "Scaling deep contrastive learning batch size under memory limited
setup", RepL4NLP 2021.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from imbalance_aware.models.network import Network
from imbalance_aware.training.sampling import step_count


def part_sizes(count: int, size: int) -> list[int]:
    """Sizes of the parts of a batch of ``count`` samples: ``size`` each, the last one what is left over.

    A single sample left over joins the part before it, since batch normalisation cannot work on one sample.
    """
    before = step_count(count, size) - 1
    return [size] * before + [count - size * before]


def accumulate(
    model: Network,
    forward: Callable[[int, Tensor], Tensor],
    loss: Callable[[Tensor], Tensor],
    parts: Sequence[Tensor],
) -> tuple[Tensor, Tensor]:
    """Add the gradient of a loss over the whole batch to the gradients of the network's weights.

    Both passes start from the same numbers beside the weights (running means of batch normalisation), so that they see
    the same network, and one change of them stays.

    Args:
        model: the network.
        forward: from the number of a part and its images to its logits ``(b, K)``; draws the same random numbers each
            time it is called for a part.
        loss: from the logits of the whole batch ``(B, K)`` to a scalar; called once.
        parts: images of the batch, in order.

    Returns:
        logits of the whole batch ``(B, K)`` and the value of the loss, neither with a gradient.
    """
    buffers = list(model.buffers())
    before = [values.clone() for values in buffers]
    with torch.no_grad():
        logits = torch.cat([forward(number, part) for number, part in enumerate(parts)])
        for values, earlier in zip(buffers, before, strict=True):
            values.copy_(earlier)
    logits.requires_grad_()
    value = loss(logits)
    (gradient,) = torch.autograd.grad(value, logits)
    for number, rows in enumerate(gradient.split([len(part) for part in parts])):
        forward(number, parts[number]).backward(rows)
    return logits.detach(), value.detach()
