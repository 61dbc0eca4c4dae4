"""Studies with known truth: conditions, seeds, and patients with several images, whose balanced accuracy is exact.

A run is right about an image if a normal number is above 0:

    mean[c, k] + seed[c, s, k] + subject[i] + patient[g] + liking[c, i] + liking[c, g] + noise[c, s, i] > 0.

Hence the recall of a trained model over all patients is ``Phi((mean + seed) / tau)``, and that of the procedure over
all patients and seeds ``Phi(mean / sqrt(tau^2 + seed_sd^2))``, with tau the standard deviation of the other terms.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from imbalance_aware.metrics.catalogue import RESAMPLED
from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.statistics.design import Design
from imbalance_aware.statistics.influence import Measured, measure

SUBJECT, PATIENT, LIKED_SUBJECT, LIKED_PATIENT, NOISE = 0.7, 0.6, 0.3, 0.3, 0.5
TAU = np.sqrt(SUBJECT**2 + PATIENT**2 + LIKED_SUBJECT**2 + LIKED_PATIENT**2 + NOISE**2)
#: Recall of a class at the mean of a condition, if it is not said otherwise.
RECALLS = (0.85, 0.7, 0.75)


@dataclass(frozen=True, eq=False)
class SimulatedStudy:
    """Predictions and the true balanced accuracies.

    Attributes:
        design: conditions, replicates, images and patients.
        outcomes: by condition and replicate.
        correct: whether a run is right, shape (C, S, n).
        models: true balanced accuracy of every trained model, shape (C, S).
        procedure: of every condition, over seeds, shape (C,).
    """

    design: Design
    outcomes: dict[tuple[str, str], Outcome]
    correct: np.ndarray
    models: np.ndarray
    procedure: np.ndarray

    def measured(self, metric: str = "balanced_accuracy", design: Design | None = None) -> Measured:
        """The metric of every run; of other patients if another design is given."""
        form = RESAMPLED[metric].resampled
        assert form is not None
        return measure(design or self.design, self.outcomes, {metric: form})[metric]


def simulated_study(
    rng: np.random.Generator,
    patients: Sequence[int],
    conditions: int,
    seeds: int,
    images: int = 1,
    seed_sd: float | np.ndarray = 0.1,
    means: np.ndarray | None = None,
    mixed: bool = False,
) -> SimulatedStudy:
    """One study.

    Args:
        rng: source of chance.
        patients: of each class.
        conditions: C.
        seeds: S.
        images: a patient has 1 to so many.
        seed_sd: standard deviation of ``seed``, a number or of each condition, shape (C,).
        means: shape (C, K); all conditions are as good as each other if it is not given.
        mixed: give a third of the patients' images another class, so that patients have images of several classes.
    """
    K, G = len(patients), sum(patients)
    size = rng.integers(1, images + 1, size=G)
    group = np.repeat(np.arange(G), size)
    labels = np.repeat(np.arange(K), patients)[group]
    if mixed:
        labels = np.where(rng.random(len(labels)) < 1 / 3, rng.integers(0, K, len(labels)), labels)
    if means is None:
        means = np.broadcast_to(TAU * ndtri(np.resize(RECALLS, K)), (conditions, K))
    n, sd = len(labels), np.broadcast_to(seed_sd, (conditions,))
    seed = sd[:, None, None] * rng.normal(size=(conditions, seeds, K))
    shared = SUBJECT * rng.normal(size=n) + PATIENT * rng.normal(size=G)[group]
    liked = (
        LIKED_SUBJECT * rng.normal(size=(conditions, n)) + LIKED_PATIENT * rng.normal(size=(conditions, G))[:, group]
    )
    latent = (means[:, None] + seed)[:, :, labels] + (shared + liked)[:, None]
    correct = latent + NOISE * rng.normal(size=(conditions, seeds, n)) > 0
    wrong = (labels + rng.integers(1, K, size=(conditions, seeds, n))) % K
    predicted = np.where(correct, labels, wrong)
    names = tuple(f"c{c}" for c in range(conditions)), tuple(f"seed-{s}" for s in range(seeds))
    return SimulatedStudy(
        Design(*names, labels, group),
        {
            (condition, replicate): Outcome(labels, np.eye(K)[predicted[c, s]])
            for c, condition in enumerate(names[0])
            for s, replicate in enumerate(names[1])
        },
        correct,
        ndtr((means[:, None] + seed) / TAU).mean(axis=-1),
        ndtr(means / np.sqrt(TAU**2 + sd[:, None] ** 2)).mean(axis=-1),
    )


def first_replicates(measured: Measured, n: int) -> Measured:
    """The study with its first n replicates alone."""
    design = measured.design
    return Measured(
        Design(design.conditions, design.replicates[:n], design.labels, design.groups, design.unstable),
        measured.values[:, :n],
        measured.influence[:, :, :n],
    )
