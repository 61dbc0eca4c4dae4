"""Cross-entropy with smoothed labels."""

from torch import Tensor
from torch.nn import functional

from imbalance_aware.losses.per_sample import PerSampleLoss


class LabelSmoothingCrossEntropyLoss(PerSampleLoss):
    r"""Cross-entropy with labels smoothed by a share that is spread evenly over all classes.

    .. math:: L_i = -\sum_c \Big((1 - \varepsilon)\, y_{ic} + \frac{\varepsilon}{C}\Big) \log p_{ic}

    Shapes: logits ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes; target integers ``(B,)`` or class probabilities
    ``(B, C)``; ``sample_weight`` ``(B,)``.

    Source: Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016.

    Fails when: the ranking of uncertain samples matters: smoothing pulls features of a class together and blurs how far
    a sample is from the other classes. It treats rare and frequent classes alike and corrects no imbalance; it is
    included as a plain regulariser for comparison.

    Args:
        label_smoothing: share epsilon that is spread, in [0, 1).
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example: the more certain prediction is the worse one from some point on:

    >>> import torch
    >>> from imbalance_aware.losses import LabelSmoothingCrossEntropyLoss
    >>> target, loss = torch.tensor([0]), LabelSmoothingCrossEntropyLoss(0.1)
    >>> [round(loss(torch.tensor([[z, 0.0]]), target).item(), 4) for z in (1.0, 3.0, 9.0)]
    [0.3633, 0.1986, 0.4501]
    """

    def __init__(self, label_smoothing: float = 0.1, reduction: str = "mean") -> None:
        super().__init__(reduction)
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing is {label_smoothing}; expected a number in [0, 1)")
        self.label_smoothing = label_smoothing

    def sample_losses(self, logits: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(logits, target, reduction="none", label_smoothing=self.label_smoothing)
