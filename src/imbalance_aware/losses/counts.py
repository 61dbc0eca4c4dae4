"""Soft confusion counts of a batch, and losses made of them with their gradient: the engine of soft F1 and MCC."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from imbalance_aware.losses.inputs import one_hot

# Up to this many probabilities the number of operations sets the time, and one-hot rows need fewest; beyond it memory
# traffic does, and indices need least.
ONE_HOT_LIMIT = 16384
# Fewer classes than this do not fill a vector register, and torch's softmax over them goes number by number; with the
# samples side by side in memory it is up to ten times as fast, which pays from so many samples on.
NARROW_CLASSES, MANY_SAMPLES = 16, 128


class SoftCounts(NamedTuple):
    """Sums over the samples of a batch with probabilities p in place of predictions; each ``(C,)``.

    Attributes:
        true_positive: sum_i w_i p_ic y_ic.
        predicted: sum_i w_i p_ic.
        actual: sum_i w_i y_ic.
    """

    true_positive: Tensor
    predicted: Tensor
    actual: Tensor


class LossOfCounts(NamedTuple):
    """A loss and its derivatives by ``true_positive`` and ``predicted``: a scalar, and ``(C,)`` or ``(1,)`` each."""

    value: Tensor
    by_true_positive: Tensor
    by_predicted: Tensor


def soft_counts(probabilities: Tensor, target: Tensor, sample_weight: Tensor | None = None) -> SoftCounts:
    """Soft counts of a batch.

    Args:
        probabilities: ``(B, C)``.
        target: class indices ``(B,)`` or class probabilities ``(B, C)``.
        sample_weight: ``(B,)``; ones by default.
    """
    weighted = probabilities if sample_weight is None else probabilities * sample_weight.unsqueeze(1)
    if target.ndim == 2:
        actual = target if sample_weight is None else target * sample_weight.unsqueeze(1)
        return SoftCounts((weighted * target).sum(0), weighted.sum(0), actual.sum(0))
    ones = probabilities.new_ones(probabilities.shape[0]) if sample_weight is None else sample_weight
    zeros = probabilities.new_zeros(probabilities.shape[1])
    of_target = weighted.gather(1, target.unsqueeze(1)).squeeze(1)
    return SoftCounts(zeros.index_add(0, target, of_target), weighted.sum(0), zeros.index_add(0, target, ones))


def loss_of_counts(
    logits: Tensor,
    target: Tensor,
    formula: Callable[[SoftCounts], LossOfCounts],
    sample_weight: Tensor | None = None,
    memory: SoftCounts | None = None,
) -> Tensor:
    """``formula`` of the soft counts of a batch, a scalar with gradient (once differentiable) by the logits.

    Args:
        logits: ``(B, C)``, float32 or float64.
        target: class indices ``(B,)`` or class probabilities ``(B, C)``.
        formula: from counts to a loss and its derivatives by the counts.
        sample_weight: ``(B,)``, weights of the samples in the counts.
        memory: counts of earlier samples, added to those of the batch; constants.
    """
    return _LossOfCounts.apply(logits, target, sample_weight, formula, *(memory or ()))


class _LossOfCounts(torch.autograd.Function):
    """The chain logits -> probabilities -> counts -> loss as one node.

    A loss of C counts takes dozens of small operations; recorded one by one, their bookkeeping costs several times the
    arithmetic. The loss's derivatives are therefore written out beside it and the chain is closed here.
    """

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        target: Tensor,
        sample_weight: Tensor | None,
        formula: Callable[[SoftCounts], LossOfCounts],
        *memory: Tensor,
    ) -> Tensor:
        narrow = logits.shape[1] < NARROW_CLASSES and logits.shape[0] >= MANY_SAMPLES
        probabilities = torch.softmax(logits.t(), 0).t() if narrow else torch.softmax(logits, 1)
        ctx.narrow = narrow
        if target.ndim == 1 and probabilities.numel() <= ONE_HOT_LIMIT:
            target = one_hot(target, probabilities)
        counts = soft_counts(probabilities, target, sample_weight)
        if memory:
            counts = SoftCounts(*(now + before for now, before in zip(counts, memory, strict=True)))
        loss = formula(counts)
        ctx.save_for_backward(probabilities, target, sample_weight, loss.by_true_positive, loss.by_predicted)
        return loss.value

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        # Gradients are recorded here only for a second derivative, in which these constants would be missing.
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            raise NotImplementedError("soft F1 and soft MCC have a first derivative only; call without create_graph")
        probabilities, target, sample_weight, by_true_positive, by_predicted = ctx.saved_tensors
        if target.ndim == 2:
            by_probability = torch.addcmul(by_predicted, target, by_true_positive)
        else:
            of_target = by_true_positive.expand_as(by_predicted).index_select(0, target)
            by_probability = by_predicted.expand_as(probabilities).contiguous()
            by_probability.scatter_add_(1, target.unsqueeze(1), of_target.unsqueeze(1))
        if sample_weight is not None:
            by_probability = by_probability * sample_weight.unsqueeze(1)
        dtype = probabilities.dtype
        if ctx.narrow:
            by_logits = torch._softmax_backward_data(by_probability.t(), probabilities.t(), 0, dtype).t()
        else:
            by_logits = torch._softmax_backward_data(by_probability, probabilities, 1, dtype)
        return (by_logits.mul_(gradient), *[None] * (len(ctx.needs_input_grad) - 1))
