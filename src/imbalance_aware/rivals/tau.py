"""τ-normalisation: the weights of each class in the last layer are divided by a power of their norm.

w_c becomes w_c (g / |w_c|)^τ, with g the geometric mean of all |w_c|; biases are left out, as Kang et al. do. They have
no g. It is one factor for all classes, which changes no predicted class, but keeps the logits in the range for which
the network was trained, so that probabilities stay usable.

τ = 0 leaves the weights as they are; τ = 1 gives all the same norm (L2-normalisation), which is the default, since
every value between is a choice. With a validation part, τ is chosen from 0, 0.1, …, 1: "τ in (0, 1)" in the paper.

Source: Kang et al., "Decoupling representation and classifier for long-tailed recognition", ICLR 2020, section 4.2.
"""

import numpy as np

from imbalance_aware.rivals.frozen import Classifier, Frozen, Method, linear


def fit(frozen: Frozen, value: float | None, seed: int) -> Classifier:
    """The network with normalised weights and without biases."""
    assert value is not None, "a value of tau"
    return linear(normalised(frozen.weight, value), np.zeros(frozen.classes))


def normalised(weight: np.ndarray, tau: float) -> np.ndarray:
    """Weights (K, F) after τ-normalisation; rows of zeros stay as they are."""
    norms = np.linalg.norm(weight, axis=1)
    logarithms = np.log(norms, out=np.zeros_like(norms), where=norms > 0)
    mean = logarithms[norms > 0].mean() if (norms > 0).any() else 0.0
    return weight * np.exp(tau * (mean - logarithms))[:, None]


METHOD = Method(fit, "tau", 1.0, tuple(tenths / 10 for tenths in range(11)))
