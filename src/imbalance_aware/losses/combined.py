"""Weighted sum of losses."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from imbalance_aware.losses.make import one_loss


class CombinedLoss(nn.Module):
    r"""Weighted sum of losses: ``CombinedLoss({"ce": 1, "soft_mcc": 1})``.

    .. math:: L = \sum_j \lambda_j L_j

    Sample weights go to every term, so that with cross-entropy (a mean over samples) and a loss of the whole batch the
    sum is mean_i w_i (CE_i + L_batch).

    Shapes: logits ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes; target integers ``(B,)`` or class probabilities
    ``(B, C)``; ``sample_weight`` ``(B,)``.

    Fails when: its terms differ in size. A loss of the whole batch lies between 0 and 2, cross-entropy has no bound;
    the factors decide which of them leads.

    Source: the plain sums CE + F1 and CE + MCC are those of Scholz et al., MIDL 2024.

    Args:
        terms: name of a loss -> its factor.
        kwargs: name of a loss -> arguments of its class.
        class_counts: number of training samples of each class, for losses that need it.

    Raises:
        TypeError, ValueError: no terms, an unknown name, or arguments that a term does not take.

    Example: the sum of its terms:

    >>> import torch
    >>> from imbalance_aware.losses import CombinedLoss, CrossEntropyLoss, SoftMCCLoss
    >>> logits, target = torch.tensor([[4.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    >>> loss = CombinedLoss({"ce": 1, "soft_mcc": 0.5})
    >>> value = CrossEntropyLoss()(logits, target) + 0.5 * SoftMCCLoss()(logits, target)
    >>> torch.equal(loss(logits, target), value)
    True
    """

    def __init__(
        self,
        terms: Mapping[str, float],
        kwargs: Mapping[str, Mapping[str, Any]] | None = None,
        class_counts: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if not terms:
            raise ValueError("a combined loss needs at least one term")
        kwargs = kwargs or {}
        self.factors = {name: float(factor) for name, factor in terms.items()}
        self.terms = nn.ModuleDict({name: one_loss(name, kwargs.get(name, {}), class_counts) for name in terms})
        scales = {getattr(term, "logit_scale", 1.0) for term in self.terms.values()}
        #: What the logits are multiplied by in the probabilities that are trained; 1 if the terms do not agree.
        self.logit_scale = scales.pop() if len(scales) == 1 else 1.0

    def forward(self, logits: Tensor, target: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """Value of the sum; see the class."""
        return sum(factor * self.terms[name](logits, target, sample_weight) for name, factor in self.factors.items())

    def set_progress(self, epoch: int, epochs: int) -> None:
        """Tell the terms that have a schedule that epoch ``epoch`` (from 0) of ``epochs`` starts."""
        for term in self.terms.values():
            set_progress: Callable[[int, int], None] | None = getattr(term, "set_progress", None)
            if set_progress is not None:
                set_progress(epoch, epochs)
