"""Soft F1 loss."""

from collections.abc import Sequence

import torch
from torch import Tensor

from imbalance_aware.losses.counts import LossOfCounts, SoftCounts, loss_of_counts
from imbalance_aware.losses.inputs import one_of
from imbalance_aware.losses.per_batch import PerBatchLoss
from imbalance_aware.losses.sample_queue import SampleQueue


class SoftF1Loss(PerBatchLoss):
    r"""One minus the F1 score of the batch, with probabilities in place of predictions.

    .. math:: \mathrm{TP}_c = \sum_i y_{ic} p_{ic}, \quad
              F_c = \frac{2\,\mathrm{TP}_c}{\sum_i p_{ic} + \sum_i y_{ic}}, \quad
              L = 1 - \frac{\sum_c v_c F_c}{\sum_c v_c}

    This is 2PR/(P+R) written without the quotients P and R, which are 0/0 for a class that is absent. The weights v_c
    are 1 (``average="macro"``) or the number of samples of class c (``"weighted"``); with ``"micro"`` the sums over
    samples run over the classes too, which for one label per sample is the mean probability of the true class.

    Shapes: logits ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes; target integers ``(B,)`` or class probabilities
    ``(B, C)``; ``sample_weight`` ``(B,)``. The value is a scalar in [0, 1]: a batch has one F1, so there is no
    ``reduction``.

    Source: Scholz et al., MIDL 2024, who follow Bénédict et al., "sigmoidF1", TMLR 2022; on one-hot targets the macro
    form is the soft Dice loss taken over the batch.

    Fails when: batches are small. A class without targets in the batch has F_c = 0 and no gradient, so the expected
    gradient is not that of the whole training set's F1; and the macro mean is flat once a class is lost. Add
    cross-entropy, draw balanced batches, or keep a queue.

    Args:
        average: ``"macro"``, ``"weighted"`` or ``"micro"``.
        absent_class: what a class without targets in the batch adds to the mean: ``"zero"``, an F1 of 0 and thus a
            constant in the loss; ``"ignore"``, nothing: the mean runs over the classes that are present, so their
            gradient is larger.
        weight: one weight per class in the mean (in the sums over classes for ``"micro"``).
        eps: floor of the denominators, in samples.
        sample_weight_in, queue_size, num_classes: see :class:`PerBatchLoss`.

    Example: certain predictions give one minus the F1 score; these are the same, less certain:

    >>> import torch
    >>> from imbalance_aware.losses import SoftF1Loss
    >>> target = torch.tensor([0, 0, 1])
    >>> hard = torch.tensor([[99.0, 0.0], [0.0, 99.0], [0.0, 99.0]])
    >>> round(SoftF1Loss()(hard, target).item(), 4)  # both classes have an F1 of 2/3
    0.3333
    >>> round(SoftF1Loss()(hard / 99, target).item(), 4)
    0.4264
    """

    def __init__(
        self,
        average: str = "macro",
        absent_class: str = "zero",
        weight: Sequence[float] | Tensor | None = None,
        eps: float = 1e-8,
        sample_weight_in: str = "loss",
        queue_size: int = 0,
        num_classes: int | None = None,
    ) -> None:
        super().__init__(weight, sample_weight_in, queue_size, num_classes)
        self.average = one_of("average", average, ("macro", "weighted", "micro"))
        self.absent_class = one_of("absent_class", absent_class, ("zero", "ignore"))
        self.eps = eps

    def batch_loss(
        self, logits: Tensor, target: Tensor, sample_weight: Tensor | None, queue: SampleQueue | None
    ) -> Tensor:
        formula = self._micro if self.average == "micro" else self._mean_over_classes
        memory = None if queue is None else queue.counts(self.sample_weight_in == "counts")
        return loss_of_counts(logits, target, formula, sample_weight, memory)

    def _mean_over_classes(self, counts: SoftCounts) -> LossOfCounts:
        """L = 1 - sum_c v_c 2 TP_c / D_c, D = predicted + actual; by TP_c -2 v_c / D_c, by D_c 2 v_c TP_c / D_c^2."""
        denominator = (counts.predicted + counts.actual).clamp_min_(self.eps)
        by_true_positive = self._factor(counts.actual) / denominator
        parts = by_true_positive * counts.true_positive
        return LossOfCounts(parts.sum().add_(1), by_true_positive, parts.div_(denominator).neg_())

    def _factor(self, actual: Tensor) -> Tensor:
        """Minus twice the share of each class in the mean; ``(C,)``, or ``(1,)`` if all are alike."""
        weight = self.class_weight(actual)
        if self.average == "weighted":
            weight = actual if weight is None else weight * actual
        elif self.absent_class == "ignore":
            weight = (actual > 0) * (torch.ones_like(actual) if weight is None else weight)
        if weight is None:
            return actual.new_full((1,), -2 / len(actual))
        return weight * (-2 / weight.sum().clamp_min(self.eps))

    def _micro(self, counts: SoftCounts) -> LossOfCounts:
        """L = 1 - F, F = 2 sum_c v_c TP_c / D, D = sum_c v_c D_c; by TP_c -2 v_c / D, by predicted_c v_c F / D."""
        weight = self.class_weight(counts.actual)
        weight = torch.ones_like(counts.actual) if weight is None else weight
        share = weight / (weight * (counts.predicted + counts.actual)).sum().clamp_min(self.eps)
        f1 = 2 * (share * counts.true_positive).sum()
        return LossOfCounts(1 - f1, -2 * share, f1 * share)
