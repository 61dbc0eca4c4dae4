"""Cross-entropy."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from imbalance_aware.losses.inputs import check_per_class, class_logits, class_target, weights_of_samples
from imbalance_aware.losses.per_sample import PerSampleLoss, expected


class CrossEntropyLoss(PerSampleLoss):
    r"""Cross-entropy, as ``torch.nn.CrossEntropyLoss`` and with sample weights beside it.

    .. math:: \mathrm{CE}_i = -\sum_c y_{ic} \log p_{ic}, \qquad p_i = \mathrm{softmax}(z_i)

    Shapes: logits ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes; target integers ``(B,)`` or class probabilities
    ``(B, C)``; ``sample_weight`` ``(B,)``.

    Two ways to weight, which differ in what the mean divides by:

    * ``weight``, one per class, is torch's: with integer targets the mean divides by the sum of the weights of the
      batch, so the loss of a batch with one class does not depend on them. With class probabilities it divides by their
      expectation, sum_ic w_c y_ic, so that one-hot rows and mixed labels (mixup) have the same mean; torch divides by
      the number of samples there.
    * ``sample_weight``, one per sample, is Keras's: the mean divides by the number of samples, mean_i w_i CE_i.

    Source: torch's documentation of ``CrossEntropyLoss``; label smoothing by Szegedy et al., "Rethinking the Inception
    architecture", CVPR 2016.

    Fails when: classes are rare. A rare class adds little to the mean, so the minimum is reached with its recall low;
    the loss cannot see any trade-off between classes.

    Args:
        weight: one weight per class.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1).
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example: sample weights multiply, and the mean divides by the number of samples:

    >>> import torch
    >>> from imbalance_aware.losses import CrossEntropyLoss
    >>> logits, target = torch.tensor([[4.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    >>> losses = CrossEntropyLoss(reduction="none")(logits, target)
    >>> [round(value, 4) for value in losses.tolist()]
    [0.0181, 0.3133]
    >>> round(CrossEntropyLoss()(logits, target, sample_weight=torch.tensor([0.0, 2.0])).item(), 4)
    0.3133
    """

    weight: Tensor | None

    def __init__(
        self, weight: Sequence[float] | Tensor | None = None, label_smoothing: float = 0.0, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing is {label_smoothing}; expected a number in [0, 1)")
        self.label_smoothing = label_smoothing
        weight = None if weight is None else torch.as_tensor(weight, dtype=torch.float32)
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, logits: Tensor, target: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """See :meth:`PerSampleLoss.forward`."""
        logits = class_logits(logits)
        target = class_target(target, logits)
        check_per_class("weight", self.weight, logits)
        if sample_weight is None and (self.weight is None or target.ndim == 1):
            return self._cross_entropy(logits, target, self.reduction)
        losses = self.sample_losses(logits, target)
        if sample_weight is not None:
            losses = losses * weights_of_samples(sample_weight, logits)
        if self.reduction == "none":
            return losses
        if self.reduction == "sum" or self.weight is None:
            return losses.mean() if self.reduction == "mean" else losses.sum()
        return losses.sum() / expected(self.weight.to(logits.dtype).expand_as(logits), target).sum()

    def sample_losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of each sample, ``(B,)``, times the weight of its class; see :meth:`PerSampleLoss.sample_losses`."""
        return self._cross_entropy(logits, target, "none")

    def _cross_entropy(self, logits: Tensor, target: Tensor, reduction: str) -> Tensor:
        weight = None if self.weight is None else self.weight.to(logits.dtype)
        return functional.cross_entropy(
            logits, target, weight=weight, reduction=reduction, label_smoothing=self.label_smoothing
        )
