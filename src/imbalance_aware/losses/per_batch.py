"""Base class of losses of a whole batch: input handling, sample weights, queue of earlier samples."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from imbalance_aware.losses.inputs import (
    check_per_class,
    class_logits,
    class_target,
    one_hot,
    one_of,
    weights_of_samples,
)
from imbalance_aware.losses.sample_queue import SampleQueue


class PerBatchLoss(nn.Module, ABC):
    """Base of losses with one value per batch; a subclass writes :meth:`batch_loss`.

    Args:
        weight: one weight per class.
        sample_weight_in: ``"loss"``: weights multiply the value, mean_i(w_i) L, which is what Keras does with a loss of
            the whole batch; ``"counts"``: weights count samples, as ``sample_weight`` does in scikit-learn.
        queue_size: number of earlier samples that the value is taken over together with the batch. They are constants:
            the gradient is that of the value by the batch's logits alone. Samples enter in training mode only, and in
            evaluation mode the value is that of the batch alone.
        num_classes: number of classes; needed with a queue.
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Sequence[float] | Tensor | None = None,
        sample_weight_in: str = "loss",
        queue_size: int = 0,
        num_classes: int | None = None,
    ) -> None:
        super().__init__()
        self.sample_weight_in = one_of("sample_weight_in", sample_weight_in, ("loss", "counts"))
        if weight is None:
            self.weight = None  # not a buffer that is None: each access to a buffer costs as much as an operation
        else:
            self.register_buffer("weight", torch.as_tensor(weight, dtype=torch.float32), persistent=False)
        if queue_size < 0:
            raise ValueError(f"queue_size is {queue_size}; expected a number of samples")
        self.queue = None
        if queue_size:
            if num_classes is None:
                raise ValueError("a loss with queue_size needs num_classes")
            self.queue = SampleQueue(queue_size, num_classes)

    def forward(self, logits: Tensor, target: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """Value of the loss, a scalar.

        Args:
            logits: ``(B, C)``, or ``(B,)`` / ``(B, 1)`` for two classes.
            target: integers ``(B,)``, or one-hot or soft labels ``(B, C)``.
            sample_weight: ``(B,)``.

        Raises:
            ValueError: shapes that do not fit each other.
        """
        logits = class_logits(logits)
        target = class_target(target, logits)
        check_per_class("weight", self.weight, logits)
        if sample_weight is not None:
            sample_weight = weights_of_samples(sample_weight, logits)
        in_counts = sample_weight if self.sample_weight_in == "counts" else None
        if self.queue is None or not self.training:
            loss = self.batch_loss(logits, target, in_counts, None)
        else:
            target = one_hot(target, logits) if target.ndim == 1 else target
            loss = self.batch_loss(logits, target, in_counts, self.queue)
            self.queue.push(logits.detach().softmax(1), target, in_counts)
        return loss if sample_weight is None or in_counts is not None else loss * sample_weight.mean()

    @abstractmethod
    def batch_loss(
        self, logits: Tensor, target: Tensor, sample_weight: Tensor | None, queue: SampleQueue | None
    ) -> Tensor:
        """Loss of a batch and of the samples in the queue, a scalar.

        Args:
            logits: ``(B, C)``, float32 or float64.
            target: class indices ``(B,)``, or class probabilities ``(B, C)`` (always these with a queue).
            sample_weight: ``(B,)``, weights of the samples in the counts.
            queue: earlier samples.
        """

    def class_weight(self, values: Tensor) -> Tensor | None:
        """``weight`` in the dtype of ``values``."""
        return None if self.weight is None else self.weight.to(values.dtype)
