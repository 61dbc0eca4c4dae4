"""Class weights and priors from the number of training samples of each class."""

from collections.abc import Sequence

import torch
from torch import Tensor


def counts_of_classes(class_counts: Sequence[int]) -> Tensor:
    """Class counts as float64 ``(C,)``.

    Raises:
        ValueError: fewer than two classes, or a class without samples.
    """
    counts = torch.as_tensor(class_counts, dtype=torch.float64)
    if counts.ndim != 1 or len(counts) < 2 or not bool((counts > 0).all()):
        raise ValueError(
            f"class_counts is {list(class_counts)}; expected the number of training samples of each of at least two "
            "classes, none of them 0"
        )
    return counts


def log_prior(class_counts: Sequence[int]) -> Tensor:
    """Logarithm of each class's share of the training samples, float64 ``(C,)``."""
    counts = counts_of_classes(class_counts)
    return (counts / counts.sum()).log()


def effective_number_weight(class_counts: Sequence[int], beta: float) -> Tensor:
    """Weights (1 - beta) / (1 - beta^n_c), scaled to sum to the number of classes, float64 ``(C,)``.

    Source: Cui et al., "Class-balanced loss based on effective number of samples", CVPR 2019.

    Args:
        class_counts: number of training samples of each class.
        beta: in [0, 1): 0 weights all classes alike, towards 1 the weights become inverse frequencies.

    Raises:
        ValueError: ``beta`` or ``class_counts`` out of range.
    """
    if not 0 <= beta < 1:
        raise ValueError(f"beta is {beta}; expected a number in [0, 1)")
    weight = 1 / (1 - beta ** counts_of_classes(class_counts))
    return weight * (len(weight) / weight.sum())
