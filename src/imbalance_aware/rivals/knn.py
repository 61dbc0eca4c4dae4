"""k-NN: a vote of the k training samples whose features are most like those of a sample.

Features are divided by their norm. With s_i the cosine between a sample and training sample i, N the k training
samples of the largest s_i, and v_i = exp(s_i / T) with T = 0.07, the probability of class c is

    p_c = (k * sum of v_i over i in N of class c / sum of v_i over i in N  +  1/K) / (k + 1)

The weights v_i are those of Wu et al.; the term 1/K, one further vote that is shared by all classes, keeps every
probability above 0, so that the log loss is finite. k = 5 where there is no validation part (the default of
scikit-learn), else it is chosen from 1, 3, 5, 9, 15, 25 and 49. A training sample is among its own neighbours, so the
metrics of the training samples say little. Class frequencies are not corrected.

Source: Wu, Xiong, Yu, Lin, "Unsupervised feature learning via non-parametric instance discrimination", CVPR 2018,
section 3.4.
"""

import numpy as np

from imbalance_aware.rivals.frozen import Classifier, Frozen, Method

TEMPERATURE = 0.07


def fit(frozen: Frozen, value: float | None, seed: int) -> Classifier:
    """The vote of the neighbours; of all training samples where there are fewer than k."""
    assert value is not None, "a value of k"
    known, wanted = unit(frozen.features), np.eye(frozen.classes)[frozen.labels]
    k = min(int(value), len(known))

    def vote(features: np.ndarray) -> np.ndarray:
        similarity = unit(features) @ known.T
        near = np.argsort(-similarity, axis=1, kind="stable")[:, :k]  # of equals, those that come first
        nearest = np.take_along_axis(similarity, near, axis=1)
        votes = np.exp((nearest - nearest[:, :1]) / TEMPERATURE)
        share = np.einsum("nk,nkc->nc", votes / votes.sum(axis=1, keepdims=True), wanted[near])
        return (k * share + 1 / frozen.classes) / (k + 1)

    return vote


def unit(features: np.ndarray) -> np.ndarray:
    """Features (n, F) divided by their norm; rows of zeros stay as they are."""
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(norms > 0, norms, 1)


METHOD = Method(fit, "k", 5.0, (1.0, 3.0, 5.0, 9.0, 15.0, 25.0, 49.0))
