"""Asymmetric loss."""

import torch
from torch import Tensor

from imbalance_aware.losses.inputs import one_hot
from imbalance_aware.losses.per_sample import PerSampleLoss


class AsymmetricLoss(PerSampleLoss):
    r"""One-vs-rest binary losses that down-weight easy negatives more than easy positives, and ignore the easiest.

    .. math:: L_i = -\sum_c \Big( y_{ic} (1 - p_{ic})^{\gamma_+} \log p_{ic}
              + (1 - y_{ic})\, \tilde p_{ic}^{\,\gamma_-} \log (1 - \tilde p_{ic}) \Big), \qquad
              \tilde p = \max(p - m, 0)

    Shapes: logits ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes; target integers ``(B,)`` or class probabilities
    ``(B, C)``; ``sample_weight`` ``(B,)``.

    Source: Ridnik et al., "Asymmetric loss for multi-label classification", ICCV 2021, with the settings it recommends.
    There p is a sigmoid per label; here classes exclude each other and p = softmax(z), as in the focal loss.

    Fails when: classes exclude each other and are few. Each sample then has few negatives to down-weight, the softmax
    already ties them to the positive, and the loss is close to cross-entropy. It does not know the class frequencies.

    Args:
        gamma_neg: focusing exponent of negatives, at least 0.
        gamma_pos: focusing exponent of positives, at least 0.
        clip: shift m of the negatives' probabilities, in [0, 1).
        eps: floor of 1 - p in the logarithm.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example: a sample whose wrong classes all have probabilities below ``clip`` costs its cross-entropy alone:

    >>> import torch
    >>> from imbalance_aware.losses import AsymmetricLoss
    >>> logits, target = torch.tensor([[4.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    >>> for gamma_neg in (0, 4):
    ...     losses = AsymmetricLoss(gamma_neg, reduction="none")(logits, target)
    ...     print([round(value, 4) for value in losses.tolist()])
    [0.0181, 0.5604]
    [0.0181, 0.3138]
    """

    def __init__(
        self,
        gamma_neg: float = 4.0,
        gamma_pos: float = 0.0,
        clip: float = 0.05,
        eps: float = 1e-8,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        for argument, value in (("gamma_neg", gamma_neg), ("gamma_pos", gamma_pos)):
            if not 0 <= value < float("inf"):
                raise ValueError(f"{argument} is {value}; expected a number of at least 0")
        if not 0 <= clip < 1:
            raise ValueError(f"clip is {clip}; expected a number in [0, 1)")
        self.gamma_neg, self.gamma_pos, self.clip, self.eps = float(gamma_neg), float(gamma_pos), clip, eps

    def sample_losses(self, logits: Tensor, target: Tensor) -> Tensor:
        rows = one_hot(target, logits) if target.ndim == 1 else target
        log_probability = logits.log_softmax(1)
        # expm1 keeps the digits of 1 - p near p = 1; the floors keep gradients finite for exponents below 1.
        tiny = torch.finfo(logits.dtype).tiny
        complement = -torch.expm1(log_probability)
        positive = complement.clamp_min(tiny) ** self.gamma_pos * log_probability
        shifted = (log_probability.exp() - self.clip).clamp_min(tiny)
        negative = shifted**self.gamma_neg * (complement + self.clip).clamp(self.eps, 1).log()
        return -(rows * positive + (1 - rows) * negative).sum(1)
