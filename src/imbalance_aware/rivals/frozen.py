"""What rivals are fitted to, and the interface of a rival."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: Features, shape (n, F), to probabilities, shape (n, K).
Classifier = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Frozen:
    """A trained network that is not changed any more, as far as rivals see it.

    Attributes:
        features: of the training samples without augmentation, float64 (n, F).
        labels: of the training samples, 0 … K-1, (n,); every class occurs.
        weight: of the last layer, float64 (K, F).
        bias: of the last layer, float64 (K,).
    """

    features: np.ndarray
    labels: np.ndarray
    weight: np.ndarray
    bias: np.ndarray

    @property
    def classes(self) -> int:
        """K."""
        return len(self.bias)


@dataclass(frozen=True)
class Method:
    """How a rival is fitted.

    Attributes:
        fit: called as ``fit(frozen, value, seed)``, with the value of its hyperparameter (None if it has none) and the
            run's seed. Equal arguments give equal classifiers.
        parameter: name of the hyperparameter; empty if there is none.
        default: its value where there is no validation part.
        grid: the values that are tried where there is one; of equally good ones the first is taken.
    """

    fit: Callable[[Frozen, float | None, int], Classifier]
    parameter: str = ""
    default: float | None = None
    grid: tuple[float, ...] = ()


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits, shape (n, K), without overflow."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def linear(weight: np.ndarray, bias: np.ndarray) -> Classifier:
    """The softmax of ``features @ weight.T + bias``."""
    return lambda features: softmax(features @ weight.T + bias)
