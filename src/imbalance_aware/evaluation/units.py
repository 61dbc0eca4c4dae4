"""Units of the metrics: samples (images), or groups (patients) by the mean probabilities of their samples.

A patient with eight images weighs eight times as much as one with a single image in metrics of samples, and as much in
metrics of groups. A group with samples of several classes, such as a healthy and a diseased eye, is one unit for each
of these classes, since no single class would be true of it. Of pooled predictions a group has a unit for each fold that
tests it, which is one unless a table of the user's own splits it.
"""

from dataclasses import dataclass

import numpy as np

from imbalance_aware.tables.predictions import Predictions

#: Values of the column ``unit``, and of the setting ``evaluation.unit``.
SAMPLE, GROUP = "sample", "group"


@dataclass(frozen=True, eq=False)
class Units:
    """Predictions for n units.

    Attributes:
        labels: true class 0 … K-1, shape (n,).
        probabilities: shape (n, K).
        groups: whose they are, shape (n,).
        fold: which fold tested each, shape (n,); None unless they are pooled from several folds.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    groups: np.ndarray
    fold: np.ndarray | None = None

    def where(self, members: np.ndarray) -> "Units":
        """Those at ``members``: places, or a mask."""
        fold = None if self.fold is None else self.fold[members]
        return Units(self.labels[members], self.probabilities[members], self.groups[members], fold)


def samples_of(predictions: Predictions, probabilities: np.ndarray | None = None) -> Units:
    """Every sample of a table; with other probabilities of the same shape, such as adjusted ones, if they are given."""
    given = predictions.probabilities if probabilities is None else probabilities
    return Units(predictions.labels, given, predictions.groups, predictions.fold)


def groups_of(samples: Units) -> Units:
    """A unit for each group and class (and fold), in the order of their first samples."""
    folds = [0] * len(samples.labels) if samples.fold is None else samples.fold.tolist()
    keys = list(zip(samples.groups.tolist(), samples.labels.tolist(), folds, strict=True))
    place = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    of = np.array([place[key] for key in keys])
    sums = np.zeros((len(place), samples.probabilities.shape[1]))
    np.add.at(sums, of, samples.probabilities)
    first = np.unique(of, return_index=True)[1]
    fold = None if samples.fold is None else samples.fold[first]
    means = sums / np.bincount(of)[:, None]
    return Units(samples.labels[first], means, samples.groups[first], fold)


def units_of(predictions: Predictions) -> tuple[str, ...]:
    """``sample``, and ``group`` where a group has more than one sample; elsewhere they are the same."""
    several = len(np.unique(predictions.groups)) < len(predictions.groups)
    return (SAMPLE, GROUP) if several else (SAMPLE,)


def take(unit: str, samples: Units) -> Units:
    """The units called ``unit`` that these samples make."""
    return groups_of(samples) if unit == GROUP else samples
