"""Base class of losses that are a mean over samples: input handling, sample weights, reduction."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from imbalance_aware.losses.inputs import class_logits, class_target, one_of, weights_of_samples

REDUCTIONS = ("mean", "sum", "none")


class PerSampleLoss(nn.Module, ABC):
    """Base of losses with one value per sample; a subclass writes :meth:`sample_losses`.

    Sample weights multiply each sample's loss and the mean divides by the number of samples, not by the sum of the
    weights: mean_i w_i l_i (the semantics of Keras).

    Args:
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = one_of("reduction", reduction, REDUCTIONS)

    def forward(self, logits: Tensor, target: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """Value of the loss: a scalar, or ``(B,)`` with ``reduction="none"``.

        Args:
            logits: ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes.
            target: integers ``(B,)``, or one-hot or soft labels ``(B, C)``.
            sample_weight: ``(B,)``.

        Raises:
            ValueError: shapes that do not fit each other.
        """
        logits = class_logits(logits)
        losses = self.sample_losses(logits, class_target(target, logits))
        if sample_weight is not None:
            losses = losses * weights_of_samples(sample_weight, logits)
        if self.reduction == "none":
            return losses
        return losses.mean() if self.reduction == "mean" else losses.sum()

    @abstractmethod
    def sample_losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of each sample, ``(B,)``.

        Args:
            logits: ``(B, C)``, float32 or float64.
            target: class indices ``(B,)``, or class probabilities ``(B, C)``.
        """


def expected(values: Tensor, target: Tensor) -> Tensor:
    """Each sample's value at its class, ``(B,)``: ``values`` ``(B, C)`` picked by index or averaged by probability."""
    if target.ndim == 1:
        return values.gather(1, target.unsqueeze(1)).squeeze(1)
    return (values * target).sum(1)
