"""Logistic probe: scikit-learn's logistic regression on the features, with balanced class weights.

Features are standardised by the mean and standard deviation of the training samples; one that does not vary is left
out. ``LogisticRegression(C=C, class_weight="balanced")`` weights the samples of class c by n / (K n_c) and penalises
the squared norm of the weights. C = 1 where there is no validation part (the default of scikit-learn), else it is
chosen from 10^-4 to 10^2 in powers of 10.

Source of probes: Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016
(arXiv 1610.01644).
"""

import logging

import numpy as np

from imbalance_aware.rivals.frozen import Classifier, Frozen, Method

log = logging.getLogger(__name__)

MAX_ITERATIONS = 10_000


def fit(frozen: Frozen, value: float | None, seed: int) -> Classifier:
    """The probe."""
    from sklearn.linear_model import LogisticRegression

    assert value is not None, "a value of C"
    mean, spread = frozen.features.mean(axis=0), frozen.features.std(axis=0)
    # What does not vary may have a spread of rounding errors.
    varies = spread > 1e-6 * np.abs(mean)
    if not varies.any():
        return lambda features: np.full((len(features), frozen.classes), 1 / frozen.classes)

    def standardised(features: np.ndarray) -> np.ndarray:
        return (features[:, varies] - mean[varies]) / spread[varies]

    model = LogisticRegression(C=value, class_weight="balanced", max_iter=MAX_ITERATIONS)
    model.fit(standardised(frozen.features), frozen.labels)
    if model.n_iter_.max() >= MAX_ITERATIONS:
        log.warning("C = %g: not converged after %d iterations", value, MAX_ITERATIONS)
    return lambda features: np.asarray(model.predict_proba(standardised(features)))


METHOD = Method(fit, "C", 1.0, tuple(10.0**power for power in range(-4, 3)))
