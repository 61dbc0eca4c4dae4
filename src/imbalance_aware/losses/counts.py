"""Soft confusion counts of a batch, and losses computed from them with their gradient: for soft F1 and soft MCC."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from imbalance_aware.losses.closed_form import loss_of_probabilities
from imbalance_aware.losses.inputs import one_hot

# Up to this many probabilities the number of operations sets the time, and one-hot rows need fewest; beyond it memory
# traffic does, and indices need least.
ONE_HOT_LIMIT = 16384


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
    # One number after the other is added here: in float32, of a million samples only four digits would be right.
    ones = probabilities.new_ones(len(target), dtype=torch.float64) if sample_weight is None else sample_weight.double()
    zeros = ones.new_zeros(probabilities.shape[1])
    of_target = weighted.gather(1, target.unsqueeze(1)).squeeze(1).double()
    true_positive, actual = (zeros.index_add(0, target, values).to(weighted.dtype) for values in (of_target, ones))
    return SoftCounts(true_positive, weighted.sum(0), actual)


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

    def of_probabilities(
        probabilities: Tensor, target: Tensor, sample_weight: Tensor | None, *memory: Tensor
    ) -> tuple[Tensor, Tensor]:
        if target.ndim == 1 and probabilities.numel() <= ONE_HOT_LIMIT:
            target = one_hot(target, probabilities)
        counts = soft_counts(probabilities, target, sample_weight)
        if memory:
            counts = SoftCounts(*(now + before for now, before in zip(counts, memory, strict=True)))
        loss = formula(counts)
        return loss.value, by_probability(loss, probabilities, target, sample_weight)

    return loss_of_probabilities(logits, of_probabilities, target, sample_weight, *(memory or ()))


def by_probability(loss: LossOfCounts, probabilities: Tensor, target: Tensor, sample_weight: Tensor | None) -> Tensor:
    """Derivatives of the loss by the probabilities, ``(B, C)``."""
    if target.ndim == 2:
        result = torch.addcmul(loss.by_predicted, target, loss.by_true_positive)
    else:
        of_target = loss.by_true_positive.expand_as(loss.by_predicted).index_select(0, target)
        result = loss.by_predicted.expand_as(probabilities).contiguous()
        result.scatter_add_(1, target.unsqueeze(1), of_target.unsqueeze(1))
    return result if sample_weight is None else result.mul_(sample_weight.unsqueeze(1))
