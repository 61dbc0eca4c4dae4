"""Class-balanced cross-entropy."""

from collections.abc import Sequence

from torch import Tensor

from imbalance_aware.losses.class_frequency import effective_number_weight
from imbalance_aware.losses.per_sample import PerSampleLoss, expected


class ClassBalancedCrossEntropyLoss(PerSampleLoss):
    r"""Cross-entropy weighted by the inverse effective number of samples of the class.

    .. math:: L_i = -\sum_c y_{ic}\, v_c \log p_{ic}, \qquad
              v_c \propto \frac{1 - \beta}{1 - \beta^{n_c}}, \quad \sum_c v_c = C

    Shapes: logits ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes; target integers ``(B,)`` or class probabilities
    ``(B, C)``; ``sample_weight`` ``(B,)``.

    Source: Cui et al., "Class-balanced loss based on effective number of samples", CVPR 2019. The mean divides by the
    number of samples.

    Fails when: ``beta`` does not fit the counts. With 1 / (1 - beta) far above them the weights are inverse
    frequencies, far below them all weights are 1; in between lies the useful range. Like all weights, these fade once
    the network fits its training set.

    Args:
        class_counts: number of training samples of each class.
        beta: in [0, 1); 1 / (1 - beta) is the number of samples beyond which more of them add little.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example: the same logits cost more for the rare class:

    >>> import torch
    >>> from imbalance_aware.losses import ClassBalancedCrossEntropyLoss
    >>> logits, target = torch.zeros(2, 2), torch.tensor([0, 1])
    >>> losses = ClassBalancedCrossEntropyLoss([900, 100], reduction="none")(logits, target)
    >>> [round(value, 4) for value in losses.tolist()]
    [0.1916, 1.1947]
    """

    weight: Tensor

    def __init__(self, class_counts: Sequence[int], beta: float = 0.999, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", effective_number_weight(class_counts, beta).float(), persistent=False)

    def sample_losses(self, logits: Tensor, target: Tensor) -> Tensor:
        return expected(-logits.log_softmax(1) * self.weight.to(logits.dtype), target)
