"""What a run learns from its validation part: how good an epoch's weights are, and which epoch's weights are kept."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor

from imbalance_aware.training.data import Split


@dataclass(frozen=True)
class Score:
    """The metric that an epoch's weights are judged by.

    Attributes:
        name: of the metric.
        better: which values are better.
        function: called with labels ``(n,)`` and finite probabilities ``(n, K)``; None where it is undefined.
    """

    name: str
    better: Literal["higher", "lower"]
    function: Callable[[np.ndarray, np.ndarray], float | None]

    def of(self, labels: np.ndarray, probabilities: np.ndarray) -> float:
        """The value; NaN where it is undefined or a probability is not finite."""
        value = self.function(labels, probabilities) if np.isfinite(probabilities).all() else None
        return math.nan if value is None else value

    def improves(self, value: float, before: float) -> bool:
        """Whether ``value`` is better than ``before``; NaN never is, and anything is better than NaN."""
        if math.isnan(value) or math.isnan(before):
            return not math.isnan(value)
        return value > before if self.better == "higher" else value < before


@dataclass(frozen=True)
class Validation:
    """A validation part and how it is used.

    Attributes:
        split: its samples.
        score: judges them.
        every: epochs from one validation to the next.
    """

    split: Split
    score: Score
    every: int


@dataclass
class Best:
    """The weights of the best epoch so far.

    Attributes:
        epoch: counted from 1; 0 before any epoch had a value.
        value: its value; NaN before.
        weights: of that epoch, on the CPU.
    """

    epoch: int = 0
    value: float = math.nan
    weights: dict[str, Tensor] | None = None

    def offer(self, epoch: int, value: float, score: Score, weights: Mapping[str, Tensor]) -> None:
        """Keep a copy of ``weights`` if ``value`` is better than all before; of equals the earlier epoch stays."""
        if score.improves(value, self.value):
            copies = {name: tensor.detach().to("cpu", copy=True) for name, tensor in weights.items()}
            self.epoch, self.value, self.weights = epoch, value, copies

    def state(self) -> dict[str, Any]:
        """As plain values and tensors."""
        return {"epoch": self.epoch, "value": self.value, "weights": self.weights}
