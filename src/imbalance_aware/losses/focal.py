"""Focal loss."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from imbalance_aware.losses.inputs import check_per_class
from imbalance_aware.losses.per_sample import PerSampleLoss, expected


class FocalLoss(PerSampleLoss):
    r"""Multi-class focal loss: cross-entropy with easy samples down-weighted.

    .. math:: \mathrm{FL}_i = -\sum_c y_{ic}\, \alpha_c\, (1 - p_{ic})^\gamma \log p_{ic}, \qquad
              p_i = \mathrm{softmax}(z_i)

    Shapes: logits ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes; target integers ``(B,)`` or class probabilities
    ``(B, C)``; ``sample_weight`` ``(B,)``.

    Source: Lin et al., "Focal loss for dense object detection", ICCV 2017, eq. 5. There it is a sigmoid loss per class;
    here, as in the study, the softmax form. ``gamma=0`` is cross-entropy.

    Fails when: labels are noisy, because wrong labels stay "hard" and dominate; its probabilities are under-confident.
    It also down-weights easy samples of rare classes, so alone it does not correct for class frequencies.

    Args:
        gamma: focusing exponent, at least 0.
        alpha: one weight per class; a single number a in [0, 1] means (1 - a, a) for two classes, as in the paper.
            The mean divides by the number of samples.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example: the first sample is easy; in cross-entropy (``gamma=0``) it counts for more:

    >>> import torch
    >>> from imbalance_aware.losses import FocalLoss
    >>> logits, target = torch.tensor([[4.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    >>> for gamma in (0, 2):
    ...     losses = FocalLoss(gamma, reduction="none")(logits, target)
    ...     print([round(value, 5) for value in losses.tolist()])
    [0.01815, 0.31326]
    [1e-05, 0.02266]
    """

    alpha: Tensor | None

    def __init__(
        self, gamma: float = 2.0, alpha: float | Sequence[float] | Tensor | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        if not 0 <= gamma < float("inf"):
            raise ValueError(f"gamma is {gamma}; expected a number of at least 0")
        self.gamma = float(gamma)
        if isinstance(alpha, (int, float)):
            if not 0 <= alpha <= 1:
                raise ValueError(f"alpha is {alpha}; a single alpha is in [0, 1], the weight of class 1 of two")
            alpha = (1.0 - alpha, alpha)
        alpha = None if alpha is None else torch.as_tensor(alpha, dtype=torch.float32)
        self.register_buffer("alpha", alpha, persistent=False)

    def sample_losses(self, logits: Tensor, target: Tensor) -> Tensor:
        check_per_class("alpha", self.alpha, logits)
        if target.ndim == 1:
            losses = self._focal(functional.cross_entropy(logits, target, reduction="none"))
            return losses if self.alpha is None else losses * self.alpha.to(losses.dtype)[target]
        losses = self._focal(-logits.log_softmax(1))
        return expected(losses if self.alpha is None else losses * self.alpha.to(losses.dtype), target)

    def _focal(self, cross_entropy: Tensor) -> Tensor:
        # expm1 keeps the digits of 1 - p near p = 1; the floor keeps the gradient finite there for gamma below 1.
        complement = (-torch.expm1(-cross_entropy)).clamp_min(torch.finfo(cross_entropy.dtype).tiny)
        return complement**self.gamma * cross_entropy
