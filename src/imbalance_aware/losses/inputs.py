"""Conversion of logits, targets and sample weights of all accepted shapes to one form."""

from typing import Any

import torch
from torch import Tensor


def class_logits(logits: Tensor) -> Tensor:
    """Logits as ``(B, C)`` in float32 (float64 stays float64).

    A single logit z per sample, ``(B,)`` or ``(B, 1)``, becomes the two logits (0, z), because
    softmax(0, z) = (1 - sigmoid(z), sigmoid(z)).

    Raises:
        ValueError: no such shape, or an empty batch.
    """
    if logits.ndim == 2 and logits.shape[1] == 1:
        logits = logits[:, 0]
    if logits.ndim not in (1, 2) or logits.shape[0] == 0:
        raise ValueError(f"logits have shape {tuple(logits.shape)}; expected (B, C), or (B,) or (B, 1) for two classes")
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    return torch.stack((torch.zeros_like(logits), logits), dim=1) if logits.ndim == 1 else logits


def class_target(target: Tensor, logits: Tensor) -> Tensor:
    """Targets as class indices ``(B,)`` (int64) or as class probabilities ``(B, C)`` (the dtype of the logits).

    Args:
        target: integers ``(B,)`` or ``(B, 1)``; one-hot or soft labels ``(B, C)``; with two classes also floats
            ``(B,)`` or ``(B, 1)``, the probability of class 1.
        logits: what :func:`class_logits` returned, ``(B, C)``.

    Raises:
        ValueError: the shape does not fit the logits.
    """
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    if target.shape == logits.shape:
        return target.to(logits.dtype)
    if target.shape == logits.shape[:1]:
        if not target.is_floating_point():
            return target.long()
        if logits.shape[1] == 2:
            target = target.to(logits.dtype)
            return torch.stack((1 - target, target), dim=1)
    raise ValueError(
        f"a target of shape {tuple(target.shape)} and type {target.dtype} does not fit logits of shape "
        f"{tuple(logits.shape)}; expected integers (B,) or one row of class probabilities per sample"
    )


def one_hot(target: Tensor, logits: Tensor) -> Tensor:
    """One-hot rows ``(B, C)`` of class indices ``(B,)``, in the dtype of the logits."""
    return torch.zeros_like(logits).scatter_(1, target.unsqueeze(1), 1)


def weights_of_samples(sample_weight: Tensor, logits: Tensor) -> Tensor:
    """Sample weights as ``(B,)`` in the dtype of the logits.

    Raises:
        ValueError: not one weight per sample.
    """
    if sample_weight.shape != logits.shape[:1]:
        raise ValueError(
            f"sample_weight has shape {tuple(sample_weight.shape)}; expected one weight for each of the "
            f"{logits.shape[0]} samples"
        )
    return sample_weight.to(logits.dtype)


def check_per_class(argument: str, values: Tensor | None, logits: Tensor) -> None:
    """Refuse ``values`` (one per class, or None) that do not fit logits ``(B, C)``.

    Raises:
        ValueError: another number than C.
    """
    if values is not None and len(values) != logits.shape[1]:
        raise ValueError(f"{argument} has {len(values)} values; expected one for each of the {logits.shape[1]} classes")


def one_of(argument: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    """``value`` if it is allowed.

    Raises:
        ValueError: it is not; the message lists what is.
    """
    if value not in allowed:
        raise ValueError(f"{argument} is {value!r}; expected one of {', '.join(map(repr, allowed))}")
    return value
