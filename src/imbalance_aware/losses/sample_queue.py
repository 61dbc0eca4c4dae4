"""A queue of earlier samples for losses of the whole batch."""

import torch
from torch import Tensor, nn

from imbalance_aware.losses.counts import SoftCounts, soft_counts


class SampleQueue(nn.Module):
    """The last ``size`` samples: detached probabilities, targets and weights, as buffers that a checkpoint keeps.

    A slot that is not filled yet has weight 0, so that counts over the whole queue are right from the first step and no
    code depends on how full it is.

    Args:
        size: number of samples kept.
        num_classes: number of classes.
    """

    probabilities: Tensor
    target: Tensor
    sample_weight: Tensor
    position: Tensor

    def __init__(self, size: int, num_classes: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("probabilities", torch.zeros(size, num_classes))
        self.register_buffer("target", torch.zeros(size, num_classes))
        self.register_buffer("sample_weight", torch.zeros(size))
        self.register_buffer("position", torch.zeros((), dtype=torch.long))

    def counts(self, weighted: bool) -> SoftCounts:
        """Soft counts of the samples in the queue.

        Args:
            weighted: whether there are weights but 1. Without, none need be multiplied: what is not filled yet is 0.
        """
        return soft_counts(self.probabilities, self.target, self.sample_weight if weighted else None)

    def rows(self) -> tuple[Tensor, Tensor, Tensor]:
        """Probabilities and targets ``(size, C)``, and weights ``(size,)``, of the samples in the queue."""
        return self.probabilities, self.target, self.sample_weight

    @torch.no_grad()
    def push(self, probabilities: Tensor, target: Tensor, sample_weight: Tensor | None) -> None:
        """Put the samples of a batch in place of the oldest.

        Args:
            probabilities: ``(B, C)``.
            target: class probabilities ``(B, C)``.
            sample_weight: ``(B,)``; ones by default.
        """
        sample_weight = probabilities.new_ones(len(probabilities)) if sample_weight is None else sample_weight
        batch: tuple[Tensor, ...] = (probabilities, target, sample_weight)
        if len(probabilities) > self.size:
            batch = tuple(rows[-self.size :] for rows in batch)
        position = self.position
        slots = torch.arange(len(batch[0]), device=position.device).add_(position).remainder_(self.size)
        for buffer, rows in zip((self.probabilities, self.target, self.sample_weight), batch, strict=True):
            buffer.index_copy_(0, slots, rows.to(buffer.dtype))
        position.add_(len(slots)).remainder_(self.size)


def join(
    kept: tuple[Tensor, ...], probabilities: Tensor, target: Tensor, sample_weight: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of a queue, then those of a batch: probabilities and targets ``(size + B, C)``, and weights."""
    sample_weight = probabilities.new_ones(len(probabilities)) if sample_weight is None else sample_weight
    batch = (probabilities, target, sample_weight)
    rows, targets, weights = (torch.cat((old.to(new.dtype), new)) for old, new in zip(kept, batch, strict=True))
    return rows, targets, weights
