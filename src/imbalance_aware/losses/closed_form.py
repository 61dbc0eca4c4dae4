"""Losses of a batch's probabilities with their gradient written out: one node from logits to value."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# Fewer classes than this do not fill a vector register, and torch's softmax over them goes number by number; with the
# samples side by side in memory it is up to ten times as fast, which pays off from this number of samples on.
NARROW_CLASSES, MANY_SAMPLES = 16, 128


def loss_of_probabilities(
    logits: Tensor, formula: Callable[..., tuple[Tensor, Tensor]], *arguments: Tensor | None
) -> Tensor:
    """``formula(softmax(logits), *arguments)``, a scalar with gradient (once differentiable) by the logits.

    Args:
        logits: ``(B, C)``, float32 or float64.
        formula: from probabilities ``(B, C)`` and the arguments to the loss and its derivatives by the probabilities,
            ``(B, C)``; what all derivatives of a sample share may be left out, since its probabilities sum to 1.
        arguments: constants.
    """
    return _LossOfProbabilities.apply(logits, formula, *arguments)


class _LossOfProbabilities(torch.autograd.Function):
    """In small batches the number of operations sets the time, and recording each for the backward pass doubles it.

    Here nothing is recorded: when the value is there, so is the gradient, and the backward pass is one product.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, formula: Callable[..., tuple[Tensor, Tensor]], *arguments: Tensor | None
    ) -> Tensor:
        narrow = logits.shape[1] < NARROW_CLASSES and logits.shape[0] >= MANY_SAMPLES
        probabilities = torch.softmax(logits.t(), 0).t() if narrow else torch.softmax(logits, 1)
        value, by_probability = formula(probabilities, *arguments)
        # Through the softmax: p_k (dL/dp_k - sum_j p_j dL/dp_j).
        by_logits = by_probability * probabilities
        by_logits.addcmul_(probabilities, by_logits.sum(1, keepdim=True), value=-1)
        ctx.save_for_backward(by_logits)
        return value

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        # Gradients are recorded here only for a second derivative, in which this constant would be missing.
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            raise NotImplementedError("soft F1 and soft MCC have a first derivative only; call without create_graph")
        (by_logits,) = ctx.saved_tensors
        return (by_logits * gradient, *[None] * (len(ctx.needs_input_grad) - 1))
