"""Uncertainty of metrics from the test set's size: a stratified bootstrap over subjects, the same for every run.

A replicate draws as many subjects of each class as the test set has, with replacement. Drawn subjects are counted, not
copied: metrics of all replicates follow from the counts by matrix products. Runs that are compared see the same
replicates, so that their differences are paired (Efron and Tibshirani 1993, "An introduction to the bootstrap").
"""

import numpy as np

from imbalance_aware.metrics.catalogue import RESAMPLED
from imbalance_aware.metrics.declaration import Outcome, Resamples

#: Counts held at a time: replicates are worked through in blocks of so many numbers.
BLOCK = 2_000_000


def bootstrap_metrics(labels: np.ndarray, probabilities: list[np.ndarray], replicates: int, seed: int) -> np.ndarray:
    """The metrics of `RESAMPLED`, for each run, on the test set and on its bootstrap replicates.

    Args:
        labels: true classes 0 … K-1, shape (n,).
        probabilities: one array per run, shape (n, K), finite.
        replicates: number of bootstrap replicates.
        seed: of the replicates.

    Returns:
        Shape (runs, 1 + replicates, metrics); ``[:, 0]`` is the test set itself. NaN where a metric is undefined.
    """
    streams = class_streams(labels, seed)
    size = max(1, BLOCK // len(labels))
    blocks = [np.ones((1, len(labels)))]
    results = [np.stack([_metrics(labels, run, blocks[0]) for run in probabilities])]
    for start in range(0, replicates, size):
        counts = stratified_counts(labels, min(size, replicates - start), streams)
        results.append(np.stack([_metrics(labels, run, counts) for run in probabilities]))
    return np.concatenate(results, axis=1)


def class_streams(labels: np.ndarray, seed: int) -> dict[int, np.random.Generator]:
    """A random stream for each class, so that replicates do not depend on how many are drawn at a time."""
    return {int(label): np.random.default_rng([seed, int(label)]) for label in np.unique(labels)}


def stratified_counts(labels: np.ndarray, replicates: int, streams: dict[int, np.random.Generator]) -> np.ndarray:
    """How often each subject is drawn: shape (replicates, n), each class adding up to its size."""
    counts = np.empty((replicates, len(labels)))
    for label, stream in streams.items():
        members = np.flatnonzero(labels == label)
        share = np.full(len(members), 1 / len(members))
        counts[:, members] = stream.multinomial(len(members), share, size=replicates)
    return counts


def _metrics(labels: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Shape (replicates, metrics)."""
    resamples = Resamples(Outcome(labels, probabilities), counts)
    return np.stack([metric.resampled(resamples) for metric in RESAMPLED.values() if metric.resampled], axis=1)
