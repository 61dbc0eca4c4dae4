"""LWS, learnable weight scaling: a factor for each class, learned on class-balanced batches of the features.

The weights w_c and biases b_c of the last layer stay as they are; the logit of class c becomes s_c (w_c · f + b_c), as
in the authors' code, with s_c = 1 at the beginning. Only the K factors are trained, by cross-entropy, as
`imbalance_aware.rivals.balanced_steps` says. During training the logits are divided by the root of their mean square
over the training set, and the factors multiplied by it, so that the learning rate means the same for every network.

Source: Kang et al., "Decoupling representation and classifier for long-tailed recognition", ICLR 2020, section 4.3.
"""

import numpy as np

from imbalance_aware.rivals.balanced_steps import EPOCH, descend, stream
from imbalance_aware.rivals.frozen import Classifier, Frozen, Method, linear, softmax

STEPS = 5 * EPOCH


def fit(frozen: Frozen, value: float | None, seed: int) -> Classifier:
    """The network with scaled logits."""
    scales = learned_scales(frozen, seed)
    return linear(scales[:, None] * frozen.weight, scales * frozen.bias)


def learned_scales(frozen: Frozen, seed: int) -> np.ndarray:
    """s, shape (K,)."""
    logits = frozen.features @ frozen.weight.T + frozen.bias
    size = np.sqrt(np.mean(logits**2)) or 1.0
    inputs, wanted = logits / size, np.eye(frozen.classes)[frozen.labels]

    def gradient(values: np.ndarray, batch: np.ndarray) -> np.ndarray:
        seen = inputs[batch]
        return np.mean((softmax(seen * values) - wanted[batch]) * seen, axis=0)

    return descend(np.full(frozen.classes, size), frozen.labels, gradient, STEPS, stream(seed, "lws")) / size


METHOD = Method(fit)
