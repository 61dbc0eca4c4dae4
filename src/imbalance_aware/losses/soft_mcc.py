"""Soft Matthews correlation loss."""

from collections.abc import Sequence

import torch
from torch import Tensor

from imbalance_aware.losses.closed_form import loss_of_probabilities
from imbalance_aware.losses.counts import (
    ONE_HOT_LIMIT,
    LossOfCounts,
    SoftCounts,
    by_probability,
    loss_of_counts,
    soft_counts,
)
from imbalance_aware.losses.inputs import one_hot, one_of
from imbalance_aware.losses.per_batch import PerBatchLoss
from imbalance_aware.losses.sample_queue import SampleQueue, join

#: Used instead of s^2 if all sample weights are 0; its square is still finite in float32.
NO_SAMPLES = 1e-18


class SoftMCCLoss(PerBatchLoss):
    r"""One minus the Matthews correlation of the batch, with probabilities in place of predictions.

    With s samples, t_k = sum_i y_ik, p_k = sum_i p_ik and TP_k = sum_i y_ik p_ik, the default is the multi-class R_K:

    .. math:: R_K = \frac{\sum_k (s\,\mathrm{TP}_k - p_k t_k)}
                         {\sqrt{\sum_k p_k (s - p_k)}\,\sqrt{\sum_k t_k (s - t_k)}}, \qquad L = 1 - R_K

    ``form="macro"`` is the mean over classes of the binary coefficient of each class against the rest, the same
    fraction without the sums. ``form="pearson"`` is Gorodkin's correlation of the two B x K matrices: its roots hold
    their variances, sum_ik (p_ik - p_k/s)^2, where R_K has those of predictions drawn from the probabilities. On hard
    predictions it equals R_K; on soft ones it does not see confidence: halving the distance of all probabilities from
    their mean leaves it unchanged.

    Shapes: logits ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes; target integers ``(B,)`` or class probabilities
    ``(B, C)``; ``sample_weight`` ``(B,)``. The value is a scalar in [0, 2]: a batch has one coefficient, so there is no
    ``reduction``. Where the coefficient is undefined (all targets of one class) it is 0, as in scikit-learn, and its
    gradient is 0.

    Source: Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", Comput. Biol.
    Chem. 2004; as a loss Abhishek and Hamarneh, ISBI 2021; in this form Scholz et al., MIDL 2024.

    Fails when: batches are small or all predictions agree. A batch of one class has no gradient, and from a collapsed
    prediction the gradient is close to 0 in every direction, so training on it alone can stay where it starts. Add
    cross-entropy, draw balanced batches, or keep a queue.

    Args:
        form: ``"rk"``, ``"macro"`` or ``"pearson"``.
        weight: one weight per class in the sums over k (in the mean for ``"macro"``).
        eps: floor of the two variances under the roots, as shares of s^2.
        sample_weight_in, queue_size, num_classes: see :class:`PerBatchLoss`.

    Example: perfect predictions give 0, predictions that are all the same 1, exchanged classes 2:

    >>> import torch
    >>> from imbalance_aware.losses import SoftMCCLoss
    >>> target = torch.tensor([0, 0, 1])
    >>> right = 99 * torch.eye(2)[target]
    >>> [round(abs(SoftMCCLoss()(logits, target).item()), 4) for logits in (right, 0 * right, -right)]
    [0.0, 1.0, 2.0]
    """

    def __init__(
        self,
        form: str = "rk",
        weight: Sequence[float] | Tensor | None = None,
        eps: float = 1e-8,
        sample_weight_in: str = "loss",
        queue_size: int = 0,
        num_classes: int | None = None,
    ) -> None:
        super().__init__(weight, sample_weight_in, queue_size, num_classes)
        self.form = one_of("form", form, ("rk", "macro", "pearson"))
        self.eps = eps

    def batch_loss(
        self, logits: Tensor, target: Tensor, sample_weight: Tensor | None, queue: SampleQueue | None
    ) -> Tensor:
        if self.form != "pearson":
            memory = None if queue is None else queue.counts(self.sample_weight_in == "counts")
            return loss_of_counts(logits, target, self._loss, sample_weight, memory)
        kept = queue.rows() if queue else ()
        return loss_of_probabilities(logits, self._pearson, target, sample_weight, *kept)

    def _loss(self, counts: SoftCounts) -> LossOfCounts:
        """L = 1 - N / sqrt(V_p V_t) =: 1 - N v; by TP_k it is -s v, by p_k it is v (t_k - (p_k - s / 2) N / V_p)."""
        true_positive, predicted, actual = counts
        # As a sum of `actual`, so that with targets of one class the two are equal to the last digit.
        total = actual.sum()
        not_predicted = total - predicted
        # s TP - p t as TP (s - p) - p FN: of whole numbers exact, where s TP and p t nearly cancel.
        minus_covariance = self._product(predicted, actual - true_positive)
        minus_covariance -= self._product(true_positive, not_predicted)
        variance_predicted = self._product(predicted, not_predicted)
        variance_actual = self._product(actual, total - actual)
        floor = (total * total).mul_(self.eps).clamp_min_(NO_SAMPLES)
        limited = torch.maximum(variance_predicted, floor)
        known = variance_predicted.gt_(floor)
        # The sign is 0 where all targets are of one class: there the coefficient is 0 by definition.
        inverse = torch.maximum(variance_actual, floor).mul_(limited).rsqrt_().mul_(variance_actual.sign())
        slope = (minus_covariance / limited).mul_(known)
        weight = self.class_weight(actual)
        if self.form == "macro":
            inverse = inverse / len(actual) if weight is None else inverse * (weight / weight.sum())
            value = torch.dot(minus_covariance, inverse) + 1
        else:
            value = minus_covariance * inverse + 1
            inverse = inverse if weight is None else inverse * weight
        by_predicted = torch.addcmul(actual, torch.sub(predicted, total, alpha=0.5), slope).mul_(inverse)
        return LossOfCounts(value, (total * inverse).neg_(), by_predicted)

    def _product(self, first: Tensor, second: Tensor) -> Tensor:
        """Products of each class; for R_K their (weighted) sum over classes."""
        if self.form == "macro":
            return first * second
        weight = self.class_weight(first)
        return torch.dot(first if weight is None else first * weight, second)

    def _pearson(
        self, probabilities: Tensor, target: Tensor, sample_weight: Tensor | None, *kept: Tensor
    ) -> tuple[Tensor, Tensor]:
        """L = 1 - N / sqrt(V_p V_t) =: 1 - N v; by p_ik it is v (p'_ik N / V_p - y'_ik) / s. A dash: centred."""
        samples = len(probabilities)
        if kept:
            probabilities, target, sample_weight = join(kept, probabilities, target, sample_weight)
        if target.ndim == 1 and probabilities.numel() <= ONE_HOT_LIMIT:
            target = one_hot(target, probabilities)
        centred = probabilities - _mean(probabilities, sample_weight)
        moments = _moments_of_rows if target.ndim == 2 else _moments_of_indices
        share_of_class, covariance, variance_actual = moments(centred, target, sample_weight)
        covariance, variance_actual = self._over_classes(covariance), self._over_classes(variance_actual)
        variance_predicted = self._over_classes(_mean(centred.square(), sample_weight))
        limited = variance_predicted.clamp_min(self.eps)
        inverse = (limited * variance_actual.clamp_min(self.eps)).rsqrt_().mul_(variance_actual > 0)
        slope = (covariance / limited).mul_(variance_predicted > self.eps)
        weight = self.class_weight(inverse)
        factor = inverse if weight is None else inverse * weight
        factor = (factor / samples if sample_weight is None else factor).expand_as(share_of_class)
        loss = LossOfCounts(1 - covariance * inverse, -factor, factor * share_of_class)
        gradient = by_probability(loss, probabilities, target, None).addcmul_(centred, factor * slope)
        if sample_weight is not None:
            gradient.mul_(_share(sample_weight).unsqueeze(1))
        return loss.value, gradient[-samples:]

    def _over_classes(self, values: Tensor) -> Tensor:
        """The (weighted) sum over classes."""
        weight = self.class_weight(values)
        return values.sum() if weight is None else torch.dot(values, weight)


def _share(sample_weight: Tensor) -> Tensor:
    """Each sample's share of a mean, ``(B,)``."""
    return sample_weight / sample_weight.sum().clamp_min(torch.finfo(sample_weight.dtype).tiny)


def _mean(rows: Tensor, sample_weight: Tensor | None) -> Tensor:
    """Mean over samples of ``(B, C)``."""
    # No matrix product: autocast on a GPU would round it to half precision.
    return rows.mean(0) if sample_weight is None else (rows * _share(sample_weight).unsqueeze(1)).sum(0)


def _moments_of_rows(centred: Tensor, target: Tensor, sample_weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Share of each class, covariance of centred predictions with it, and its variance; each ``(C,)``."""
    share_of_class = _mean(target, sample_weight)
    # Both sides are centred, so that the rounding of one mean meets no mean of the other.
    of_actual = target - share_of_class
    return share_of_class, _mean(centred * of_actual, sample_weight), _mean(of_actual.square(), sample_weight)


def _moments_of_indices(centred: Tensor, target: Tensor, sample_weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """The same for class indices ``(B,)``, without a row per sample.

    What the rounding of the predictions' mean has left in `predicted` is taken out of the covariance.
    """
    true_positive, predicted, actual = soft_counts(centred, target, sample_weight)
    # As a sum of `actual`, so that with targets of one class the two are equal to the last digit.
    total = actual.sum().clamp_min(torch.finfo(actual.dtype).tiny)
    share_of_class = actual / total
    covariance = (true_positive - predicted * share_of_class) / total
    return share_of_class, covariance, share_of_class * ((total - actual) / total)
