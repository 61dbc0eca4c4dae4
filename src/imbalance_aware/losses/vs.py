"""Vector-scaling loss."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from imbalance_aware.losses.class_frequency import counts_of_classes, log_prior
from imbalance_aware.losses.per_sample import PerSampleLoss


class VSLoss(PerSampleLoss):
    r"""Cross-entropy of logits that are shifted and scaled by class: additive and multiplicative adjustment in one.

    .. math:: L_i = -\sum_c y_{ic} \log \frac{e^{\Delta_c z_{ic} + \iota_c}}{\sum_k e^{\Delta_k z_{ik} + \iota_k}},
              \qquad \Delta_c = \left(\frac{n_c}{\max_k n_k}\right)^{\gamma}, \quad \iota_c = \tau \log \pi_c

    The shift acts early in training, while logits are small; the scale acts late, when the training set is fitted and
    shifts no longer move the boundary. ``gamma=0`` is :class:`LogitAdjustmentLoss`.

    Shapes: logits ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes; target integers ``(B,)`` or class probabilities
    ``(B, C)``; ``sample_weight`` ``(B,)``.

    Source: Kini et al., "Label-imbalanced and group-sensitive classification under overparameterization", NeurIPS 2021,
    with its parametrisation of the two factors by class counts.

    Fails when: ``gamma`` is large for the imbalance: rare classes' logits are then divided by so much that training is
    unstable. Batches that are already balanced are corrected twice. Scaling makes the loss depend
    on a constant added to all logits of a sample, unlike the softmax it is judged by.

    Args:
        class_counts: number of training samples of each class.
        gamma: exponent of the scale, at least 0.
        tau: strength of the shift, at least 0.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example: logits of the rare class are scaled down and shifted:

    >>> import torch
    >>> from imbalance_aware.losses import VSLoss
    >>> loss = VSLoss([900, 100])
    >>> [[round(value, 4) for value in values.tolist()] for values in (loss.scale, loss.shift)]
    [[1.0, 0.7192], [-0.1317, -2.8782]]
    >>> logits, target = torch.zeros(2, 2), torch.tensor([0, 1])
    >>> round(loss(logits, target).item(), 4)
    1.4354
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self, class_counts: Sequence[int], gamma: float = 0.15, tau: float = 1.25, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        for argument, value in (("gamma", gamma), ("tau", tau)):
            if not 0 <= value < float("inf"):
                raise ValueError(f"{argument} is {value}; expected a number of at least 0")
        counts = counts_of_classes(class_counts)
        self.register_buffer("scale", ((counts / counts.max()) ** gamma).float(), persistent=False)
        self.register_buffer("shift", (tau * log_prior(class_counts)).float(), persistent=False)

    def sample_losses(self, logits: Tensor, target: Tensor) -> Tensor:
        adjusted = logits * self.scale.to(logits.dtype) + self.shift.to(logits.dtype)
        return functional.cross_entropy(adjusted, target, reduction="none")
