"""AUC-margin loss, one class against the rest."""

from collections.abc import Sequence

import torch
from torch import Tensor

from imbalance_aware.losses.inputs import one_hot
from imbalance_aware.losses.per_batch import PerBatchLoss
from imbalance_aware.losses.sample_queue import SampleQueue, join


class AUCMarginLoss(PerBatchLoss):
    r"""Squared-hinge margin between the scores of each class and those of the rest, a surrogate of macro AUROC.

    .. math:: L_c = \mathrm{Var}_+(p_c) + \mathrm{Var}_-(p_c) + \max\big(0,\; m - (\bar p_{c+} - \bar p_{c-})\big)^2,
              \qquad L = \frac{\sum_c v_c L_c}{\sum_c v_c}

    Mean and variance run over the batch's samples of class c (+) and over all others (-). A class that has no sample on
    one side is left out of the mean; if all are, the loss is 0.

    Shapes: logits ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes; target integers ``(B,)`` or class probabilities
    ``(B, C)``; ``sample_weight`` ``(B,)``. The value is a scalar.

    Source: Yuan et al., "Large-scale robust deep AUC maximization", ICCV 2021, divided by the product of the two shares
    of samples. There a, b and alpha are trained by a min-max optimiser over all batches; here they are set to their
    optimum for the batch (a and b are the means, alpha is the hinge), so any optimiser can be used. The scores are the
    softmax probabilities that the AUROC is computed from.

    Fails when: batches hold few samples of a class, because a mean and a variance over them are noisy (keep a queue or
    draw balanced batches), and from scratch: its authors start from a network trained with cross-entropy. It ranks
    samples and leaves probabilities uncalibrated.

    Args:
        margin: m, in the unit of probabilities.
        weight: one weight per class v in the mean.
        sample_weight_in, queue_size, num_classes: see :class:`PerBatchLoss`.

    Example: with the full margin the loss is 0, with equal scores it is the squared margin, and with one class 0:

    >>> import torch
    >>> from imbalance_aware.losses import AUCMarginLoss
    >>> right, target = 99 * torch.eye(2), torch.tensor([0, 1])
    >>> [round(AUCMarginLoss()(logits, target).item(), 4) for logits in (right, 0 * right)]
    [0.0, 1.0]
    >>> AUCMarginLoss()(right, torch.tensor([0, 0])).item()
    0.0
    """

    def __init__(
        self,
        margin: float = 1.0,
        weight: Sequence[float] | Tensor | None = None,
        sample_weight_in: str = "loss",
        queue_size: int = 0,
        num_classes: int | None = None,
    ) -> None:
        super().__init__(weight, sample_weight_in, queue_size, num_classes)
        if not 0 < margin < float("inf"):
            raise ValueError(f"margin is {margin}; expected a number above 0")
        self.margin = margin

    def batch_loss(
        self, logits: Tensor, target: Tensor, sample_weight: Tensor | None, queue: SampleQueue | None
    ) -> Tensor:
        rows = one_hot(target, logits) if target.ndim == 1 else target
        probabilities = logits.softmax(1)
        if queue is not None:
            probabilities, rows, sample_weight = join(queue.rows(), probabilities, rows, sample_weight)
        ones = probabilities.new_ones(len(probabilities), 1)
        sample_weight = ones if sample_weight is None else sample_weight.unsqueeze(1)
        mean_of_class, variance_of_class, of_class = _moments(probabilities, rows * sample_weight)
        mean_of_rest, variance_of_rest, of_rest = _moments(probabilities, (1 - rows) * sample_weight)
        hinge = (self.margin - mean_of_class + mean_of_rest).clamp_min(0)
        known = ((of_class > 0) & (of_rest > 0)).to(hinge.dtype)
        weight = self.class_weight(hinge)
        known = known if weight is None else known * weight
        losses = variance_of_class + variance_of_rest + hinge.square()
        return (known * losses).sum() / known.sum().clamp_min(torch.finfo(hinge.dtype).tiny)


def _moments(probabilities: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weighted mean and variance of each column, and the sum of its weights; each ``(C,)``, 0 where that sum is 0."""
    total = weight.sum(0)
    share = weight / total.clamp_min(torch.finfo(total.dtype).tiny)
    mean = (share * probabilities).sum(0)
    return mean, (share * (probabilities - mean).square()).sum(0), total
