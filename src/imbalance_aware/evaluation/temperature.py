"""Temperature scaling: one parameter, fitted on validation predictions, that sharpens or flattens probabilities.

Guo et al. 2017, "On calibration of modern neural networks", section 4.2. The most probable class stays the same.
"""

import numpy as np

from imbalance_aware.metrics.calibration import SMALLEST

#: Where the temperature is looked for; a validation part without a mistake would make it 0.
LOWEST, HIGHEST = 0.01, 100.0
#: Halvings of that interval of the logarithm of 1 / temperature: down to the rounding of numbers.
HALVINGS = 60


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The temperature T that minimises the log loss of ``p ** (1 / T) / sum``, in [`LOWEST`, `HIGHEST`].

    The log loss is convex in 1 / T; where its derivative is zero is found by bisection.

    Args:
        labels: true classes 0 … K-1 of a validation part, shape (n,), n > 0.
        probabilities: shape (n, K), finite.

    Raises:
        ValueError: there are no samples, or probabilities that are not finite.
    """
    if not len(labels) or not np.isfinite(probabilities).all():
        raise ValueError("a temperature needs validation samples with finite probabilities")
    logarithms = np.log(np.maximum(probabilities, SMALLEST))
    chosen = logarithms[np.arange(len(labels)), labels]

    def slope(inverse: float) -> float:
        """Of the log loss by 1 / T: mean over samples of the expected less the true class's log-probability."""
        return float(((scale(probabilities, 1 / inverse) * logarithms).sum(axis=1) - chosen).mean())

    low, high = np.log(1 / HIGHEST), np.log(1 / LOWEST)
    if slope(float(np.exp(high))) <= 0:
        return LOWEST
    if slope(float(np.exp(low))) >= 0:
        return HIGHEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(float(np.exp(middle))) < 0 else (low, middle)
    return float(np.exp(-(low + high) / 2))


def scale(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities at a temperature: ``p ** (1 / T)`` over its sum, shape (n, K). T = 1 changes nothing."""
    scores = np.log(np.maximum(probabilities, SMALLEST)) / temperature
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)
