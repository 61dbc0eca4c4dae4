"""Label-distribution-aware margins with deferred re-weighting."""

from collections.abc import Sequence

import torch
from torch import Tensor

from imbalance_aware.losses.class_frequency import counts_of_classes, effective_number_weight
from imbalance_aware.losses.inputs import one_hot
from imbalance_aware.losses.per_sample import PerSampleLoss, expected


class LDAMLoss(PerSampleLoss):
    r"""Cross-entropy in which a class must win by a margin that grows as the class gets rarer.

    .. math:: L_i = -v_{y_i} \log \frac{e^{s (z_{iy_i} - \Delta_{y_i})}}
              {e^{s (z_{iy_i} - \Delta_{y_i})} + \sum_{k \ne y_i} e^{s z_{ik}}}, \qquad
              \Delta_c = \Delta_{\max} \left(\frac{\min_k n_k}{n_c}\right)^{1/4}

    The class weights v are 1 at first and, from the share ``deferred_until`` of the epochs on, those of Cui et al. 2019
    (:class:`ClassBalancedCrossEntropyLoss`). The training loop reports its progress through :meth:`set_progress`;
    without it, v stays 1.

    Shapes: logits ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes; target integers ``(B,)`` or class probabilities
    ``(B, C)``; ``sample_weight`` ``(B,)``.
    With soft labels the margin of a class is scaled by its probability.

    The probabilities that it trains are softmax(s z): ``logit_scale`` is s; multiply z by it for predictions.

    Source: Cao et al., "Learning imbalanced datasets with label-distribution-aware margin loss", NeurIPS 2019. The
    mean divides by the number of samples (the authors' code divides by the batch's sum of weights).

    Fails when: logits are unbounded. The authors' logits are cosines, for which margin 0.5 and scale 30 were chosen;
    with a plain linear layer the network can grow its logits until the margin no longer counts.

    Args:
        class_counts: number of training samples of each class.
        max_margin: margin of the rarest class.
        scale: factor s of the logits.
        beta: of the effective number of samples, in [0, 1).
        deferred_until: share of the epochs without class weights, in [0, 1].
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example: the rarest class has the whole margin; class weights enter late in training:

    >>> import torch
    >>> from imbalance_aware.losses import LDAMLoss
    >>> loss = LDAMLoss([1600, 100], scale=1.0)
    >>> loss.margin.tolist()
    [0.25, 0.5]
    >>> logits, target = torch.zeros(1, 2), torch.tensor([1])
    >>> for epoch in (0, 9):
    ...     loss.set_progress(epoch, epochs=10)
    ...     print(round(loss(logits, target).item(), 4))
    0.9741
    1.8253
    """

    margin: Tensor
    late_weight: Tensor
    weight: Tensor

    def __init__(
        self,
        class_counts: Sequence[int],
        max_margin: float = 0.5,
        scale: float = 30.0,
        beta: float = 0.9999,
        deferred_until: float = 0.8,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        for argument, value in (("max_margin", max_margin), ("scale", scale)):
            if not 0 < value < float("inf"):
                raise ValueError(f"{argument} is {value}; expected a number above 0")
        if not 0 <= deferred_until <= 1:
            raise ValueError(f"deferred_until is {deferred_until}; expected a share of the epochs in [0, 1]")
        self.logit_scale, self.deferred_until = scale, deferred_until
        counts = counts_of_classes(class_counts)
        self.register_buffer("margin", (max_margin * (counts.min() / counts) ** 0.25).float(), persistent=False)
        self.register_buffer("late_weight", effective_number_weight(class_counts, beta).float(), persistent=False)
        self.register_buffer("weight", torch.ones(len(counts)))

    def set_progress(self, epoch: int, epochs: int) -> None:
        """Say that epoch ``epoch`` (from 0) of ``epochs`` starts."""
        if epoch >= self.deferred_until * epochs:
            self.weight.copy_(self.late_weight)
        else:
            self.weight.fill_(1)

    def sample_losses(self, logits: Tensor, target: Tensor) -> Tensor:
        rows = one_hot(target, logits) if target.ndim == 1 else target
        log_probability = (self.logit_scale * (logits - rows * self.margin.to(logits.dtype))).log_softmax(1)
        return expected(-log_probability * self.weight.to(logits.dtype), target)
