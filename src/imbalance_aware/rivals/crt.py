"""cRT, classifier re-training: a new last layer, trained on class-balanced batches of the features.

The weights and biases of the last layer are drawn again, uniformly from ±1/sqrt(F) (as ``torch.nn.Linear`` does), and
trained by cross-entropy as `imbalance_aware.rivals.balanced_steps` says. During training the features are divided by
the root of their mean squared norm over the training set, so that the learning rate means the same for every network;
afterwards the weights take the factor in.

Source: Kang et al., "Decoupling representation and classifier for long-tailed recognition", ICLR 2020, section 4.1.
"""

import numpy as np

from imbalance_aware.rivals.balanced_steps import EPOCH, descend, stream
from imbalance_aware.rivals.frozen import Classifier, Frozen, Method, linear, softmax

STEPS = 10 * EPOCH


def fit(frozen: Frozen, value: float | None, seed: int) -> Classifier:
    """The network with a new last layer."""
    return linear(*retrained(frozen, seed))


def retrained(frozen: Frozen, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (K, F) and biases (K,) of the new last layer."""
    rng = stream(seed, "crt")
    size = np.sqrt(np.mean(np.sum(frozen.features**2, axis=1))) or 1.0
    inputs = np.hstack([frozen.features / size, np.ones((len(frozen.features), 1))])
    wanted = np.eye(frozen.classes)[frozen.labels]
    limit = 1 / np.sqrt(frozen.features.shape[1])
    first = rng.uniform(-limit, limit, (frozen.classes, inputs.shape[1]))

    def gradient(values: np.ndarray, batch: np.ndarray) -> np.ndarray:
        seen = inputs[batch]
        return (softmax(seen @ values.T) - wanted[batch]).T @ seen / len(batch)

    last = descend(first, frozen.labels, gradient, STEPS, rng)
    return last[:, :-1] / size, last[:, -1]


METHOD = Method(fit)
