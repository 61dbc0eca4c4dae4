"""Sampling modes: which samples each batch of an epoch holds.

Batches are a pure function of labels, batch size, seed and epoch, so that two conditions with the same sampling mode
and seed see the same batches. The last batch of an epoch:

- ``uniform``: it holds what is left over, every sample having been drawn once. A single sample left over joins the
  batch before it, since batch normalisation cannot work on one sample.
- the others draw whole batches, as many as ``uniform`` has.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from imbalance_aware.training.streams import Purpose, generator

#: Cui et al. 2019 tried 0.9, 0.99, 0.999 and 0.9999.
BETA = 0.999


def epoch_batches(
    sampling: str, labels: np.ndarray | Sequence[int], batch_size: int, seed: int, epoch: int
) -> list[np.ndarray]:
    """Batches of one epoch.

    Args:
        sampling: a name in `SAMPLERS`.
        labels: class of each training sample, 0 … K-1, shape (n,), n >= 2; every class occurs.
        batch_size: samples in a batch, at least 2.
        seed: the run's seed.
        epoch: counted from 0.

    Returns:
        Positions in ``labels``, one array for each step.
    """
    labels = np.asarray(labels)
    if len(labels) < 2 or batch_size < 2:
        raise ValueError("batch normalisation needs at least two samples in a batch")
    return SAMPLERS[sampling].batches(labels, batch_size, generator(seed, Purpose.ORDER, epoch), epoch)


def step_count(n: int, batch_size: int) -> int:
    """Steps in an epoch over ``n`` samples: the same for every sampling mode."""
    whole, rest = divmod(n, batch_size)
    return max(1, whole + (rest > 1))


def uniform(labels: np.ndarray, batch_size: int, rng: np.random.Generator, epoch: int) -> list[np.ndarray]:
    """Every sample once, in random order."""
    order = rng.permutation(len(labels))
    return np.split(order, batch_size * np.arange(1, step_count(len(labels), batch_size)))


def oversampling(labels: np.ndarray, batch_size: int, rng: np.random.Generator, epoch: int) -> list[np.ndarray]:
    """Equal portions of each class in every batch.

    What a batch size leaves over after division by the number of classes goes to the classes in turn (50 = 17 + 17 +
    16), and the turn continues from epoch to epoch.
    """
    classes, steps = int(labels.max()) + 1, step_count(len(labels), batch_size)
    portion, rest = divmod(batch_size, classes)
    turn = (epoch * steps + np.arange(steps))[:, None] * rest + np.arange(rest)
    drawn = np.concatenate([np.tile(np.arange(classes), (steps, portion)), turn % classes], axis=1)
    return _fill(drawn, labels, rng)


def in_proportion(share: Callable[[np.ndarray], np.ndarray]) -> Callable[..., list[np.ndarray]]:
    """A sampler that draws each place's class at random, a class in proportion to ``share(class_counts)``."""

    def sample(labels: np.ndarray, batch_size: int, rng: np.random.Generator, epoch: int) -> list[np.ndarray]:
        shares = share(np.bincount(labels).astype(np.float64))
        shape = (step_count(len(labels), batch_size), batch_size)
        return _fill(rng.choice(len(shares), size=shape, p=shares / shares.sum()), labels, rng)

    return sample


def effective_number(class_counts: np.ndarray) -> np.ndarray:
    """n / E with the effective number E = (1 - beta^n) / (1 - beta): each sample counts 1 / E (Cui et al. 2019).

    Large classes end up with nearly equal shares, classes much smaller than 1 / (1 - beta) in proportion to their size.

    Source: Cui, Jia, Lin, Song, Belongie, "Class-balanced loss based on effective number of samples", CVPR 2019.
    """
    return class_counts * (1 - BETA) / -np.expm1(class_counts * np.log(BETA))


def _fill(drawn: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Replace drawn classes, shape (steps, batch size), by samples of them.

    The samples of a class come in random order; all are used before any is used again.
    """
    places = drawn.ravel()
    filled = np.empty(places.size, dtype=np.int64)
    for label in range(int(labels.max()) + 1):
        here, members = np.flatnonzero(places == label), np.flatnonzero(labels == label)
        rounds = -(-here.size // members.size)
        filled[here] = np.concatenate([rng.permutation(members) for _ in range(rounds)] or [members])[: here.size]
    return list(filled.reshape(drawn.shape))


class Sampler(NamedTuple):
    """A sampling mode.

    Attributes:
        batches: called as ``batches(labels, batch_size, rng, epoch)``; positions in ``labels``, one array for each of
            `step_count` steps.
        meaning: for the manual.
    """

    batches: Callable[[np.ndarray, int, np.random.Generator, int], list[np.ndarray]]
    meaning: str


#: Name in a table of conditions -> sampling mode. To add a mode, add a function and a row here.
SAMPLERS = {
    "uniform": Sampler(uniform, "every sample once an epoch"),
    "oversampling": Sampler(oversampling, "equal portions of each class"),
    "square_root": Sampler(in_proportion(np.sqrt), "classes in proportion to the square root of their size"),
    "effective_number": Sampler(
        in_proportion(effective_number), "each sample in inverse proportion to the effective number of its class"
    ),
}


def class_weights(class_counts: np.ndarray | Sequence[int]) -> np.ndarray:
    """Normalised inverse class frequency n / (K n_c): its mean over the training samples is 1."""
    counts = np.asarray(class_counts, dtype=np.float64)
    return counts.sum() / (len(counts) * counts)
