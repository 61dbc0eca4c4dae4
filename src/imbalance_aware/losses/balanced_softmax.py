"""Balanced softmax."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from imbalance_aware.losses.class_frequency import counts_of_classes
from imbalance_aware.losses.per_sample import PerSampleLoss


class BalancedSoftmaxLoss(PerSampleLoss):
    r"""Cross-entropy of a softmax whose terms are weighted by the class counts of the training set.

    .. math:: L_i = -\sum_c y_{ic} \log \frac{n_c\, e^{z_{ic}}}{\sum_k n_k\, e^{z_{ik}}}

    The counts are used in training only: the plain softmax of the logits then estimates class probabilities under equal
    priors, which is what balanced accuracy rewards. :class:`LogitAdjustmentLoss` with ``tau=1`` is the same loss.

    Shapes: logits ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes; target integers ``(B,)`` or class probabilities
    ``(B, C)``; ``sample_weight`` ``(B,)``.

    Source: Ren et al., "Balanced meta-softmax for long-tailed visual recognition", NeurIPS 2020.

    Fails when: batches are already balanced. Oversampling and balanced softmax each correct for the prior, together
    they correct twice. The softmax of its logits is no calibrated probability where frequencies matter.

    Args:
        class_counts: number of training samples of each class.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example: the same logits cost more for the rare class, log(1000 / 900) and log(1000 / 100):

    >>> import torch
    >>> from imbalance_aware.losses import BalancedSoftmaxLoss
    >>> logits, target = torch.zeros(2, 2), torch.tensor([0, 1])
    >>> losses = BalancedSoftmaxLoss([900, 100], reduction="none")(logits, target)
    >>> [round(value, 4) for value in losses.tolist()]
    [0.1054, 2.3026]
    """

    log_counts: Tensor

    def __init__(self, class_counts: Sequence[int], reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("log_counts", counts_of_classes(class_counts).log().float(), persistent=False)

    def sample_losses(self, logits: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(logits + self.log_counts.to(logits.dtype), target, reduction="none")
