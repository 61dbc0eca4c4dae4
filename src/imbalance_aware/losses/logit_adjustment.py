"""Logit-adjusted cross-entropy."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from imbalance_aware.losses.class_frequency import log_prior
from imbalance_aware.losses.per_sample import PerSampleLoss


class LogitAdjustmentLoss(PerSampleLoss):
    r"""Cross-entropy of logits to which tau times the log prior is added during training.

    .. math:: L_i = -\sum_c y_{ic} \log \frac{e^{z_{ic} + \tau \log \pi_c}}{\sum_k e^{z_{ik} + \tau \log \pi_k}},
              \qquad \pi_c = \frac{n_c}{\sum_k n_k}

    With ``tau=0`` it is cross-entropy, with ``tau=1`` it is :class:`BalancedSoftmaxLoss`, whose minimum over all
    functions has the least balanced error.

    Shapes: logits ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes; target integers ``(B,)`` or class probabilities
    ``(B, C)``; ``sample_weight`` ``(B,)``.

    Source: Menon et al., "Long-tail learning via logit adjustment", ICLR 2021.

    Fails when: batches are already balanced (the prior is then corrected twice), or ``tau`` is chosen on the test set.

    Args:
        class_counts: number of training samples of each class.
        tau: strength of the adjustment, at least 0.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example: the same logits cost more for the rare class, the more so the larger ``tau``:

    >>> import torch
    >>> from imbalance_aware.losses import LogitAdjustmentLoss
    >>> logits, target = torch.zeros(2, 2), torch.tensor([0, 1])
    >>> for tau in (0, 1, 2):
    ...     losses = LogitAdjustmentLoss([900, 100], tau, reduction="none")(logits, target)
    ...     print([round(value, 4) for value in losses.tolist()])
    [0.6931, 0.6931]
    [0.1054, 2.3026]
    [0.0123, 4.4067]
    """

    adjustment: Tensor

    def __init__(self, class_counts: Sequence[int], tau: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        if not 0 <= tau < float("inf"):
            raise ValueError(f"tau is {tau}; expected a number of at least 0")
        self.register_buffer("adjustment", (tau * log_prior(class_counts)).float(), persistent=False)

    def sample_losses(self, logits: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(logits + self.adjustment.to(logits.dtype), target, reduction="none")
