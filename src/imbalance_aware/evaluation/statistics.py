"""Uncertainty of metrics from the test set's size: a stratified bootstrap over subjects, the same for every run.

A replicate draws as many subjects of each class as the test set has, with replacement. Drawn subjects are counted, not
copied: metrics of all replicates follow from the counts by matrix products. Runs that are compared see the same
replicates, so that their differences are paired (Efron and Tibshirani 1993, "An introduction to the bootstrap").
"""

import numpy as np

METRICS = ("balanced_accuracy", "f1_macro", "auroc_macro", "mcc")
#: Counts held at a time: replicates are worked through in blocks of so many numbers.
BLOCK = 2_000_000


def bootstrap_metrics(labels: np.ndarray, probabilities: list[np.ndarray], replicates: int, seed: int) -> np.ndarray:
    """`METRICS` of each run on the test set and on its bootstrap replicates.

    Args:
        labels: true classes 0 … K-1, shape (n,).
        probabilities: one array per run, shape (n, K), finite.
        replicates: number of bootstrap replicates.
        seed: of the replicates.

    Returns:
        Shape (runs, 1 + replicates, metrics); ``[:, 0]`` is the test set itself. The macro AUROC is NaN where a class
        has no subject.
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
    classes = probabilities.shape[1]
    cells = labels * classes + probabilities.argmax(axis=1)
    confusion = (counts @ np.eye(classes**2)[cells]).reshape(-1, classes, classes)
    values = {**confusion_metrics(confusion), "auroc_macro": macro_auroc(labels, probabilities, counts)}
    return np.stack([values[name] for name in METRICS], axis=1)


def confusion_metrics(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Balanced accuracy, macro F1 and MCC of confusion matrices of shape (…, K, K), rows true, as in scikit-learn.

    Balanced accuracy is over the classes that occur, macro F1 over those that occur or are predicted; MCC is 0 where
    one class is predicted or occurs alone.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    true, predicted = confusion.sum(axis=-1), confusion.sum(axis=-2)
    total = confusion.sum(axis=(-2, -1))
    covariance = hits.sum(axis=-1) * total - (true * predicted).sum(axis=-1)
    spread = (total**2 - (true**2).sum(axis=-1)) * (total**2 - (predicted**2).sum(axis=-1))
    return {
        "balanced_accuracy": _mean_ratio(hits, true),
        "f1_macro": _mean_ratio(2 * hits, true + predicted),
        "mcc": np.divide(covariance, np.sqrt(spread), out=np.zeros_like(total), where=spread > 0),
    }


def _mean_ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Mean over the last axis of the ratios that are defined."""
    defined = denominator > 0
    ratios = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=defined)
    return ratios.sum(axis=-1) / defined.sum(axis=-1)


def macro_auroc(labels: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean over classes of the area under the ROC curve of the class against the rest, per row of ``counts``."""
    areas = [
        weighted_auroc(labels == label, probabilities[:, label], counts) for label in range(probabilities.shape[1])
    ]
    return np.mean(areas, axis=0)


def weighted_auroc(positive: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Share of (positive, negative) pairs in which the positive scores higher, ties counting half.

    Args:
        positive: shape (n,).
        scores: shape (n,).
        counts: times that each subject counts, shape (replicates, n).

    Returns:
        Shape (replicates,); NaN without positives or negatives.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    first_of_equals = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    counts, positive = counts[:, order], positive[order]
    positives = np.add.reduceat(counts * positive, first_of_equals, axis=1)
    negatives = np.add.reduceat(counts * ~positive, first_of_equals, axis=1)
    below = negatives.cumsum(axis=1) - negatives / 2
    with np.errstate(invalid="ignore"):
        return (positives * below).sum(axis=1) / (positives.sum(axis=1) * negatives.sum(axis=1))
