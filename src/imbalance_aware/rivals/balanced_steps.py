"""Steps of gradient descent on class-balanced batches, with which cRT and LWS learn.

Every place of a batch draws a class with the same chance, then a training sample of that class with the same chance:
the class-balanced sampling of Kang et al. (ICLR 2020, section 3). Momentum, batch size, learning rate (falling to 0 as
a cosine) and weight decay are those of their code for ImageNet-LT (github.com/facebookresearch/classifier-balancing,
``config/ImageNet_LT/cls_crt.yaml`` and ``cls_lws.yaml``). There the second stage takes 10 epochs for cRT and 5 for LWS,
of 115 846 images. On a small dataset as many epochs would be a few steps, so the number of steps is kept instead.
"""

from collections.abc import Callable, Iterator

import numpy as np

BATCH = 512
#: Steps of an epoch of ImageNet-LT.
EPOCH = 115_846 // BATCH
LEARNING_RATE = 0.2
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4

#: Of the current values and the positions of a batch in the training set, (B,): the gradient of the mean loss.
Gradient = Callable[[np.ndarray, np.ndarray], np.ndarray]


def stream(seed: int, rival: str) -> np.random.Generator:
    """The random numbers of a rival, which depend on the run's seed and on nothing else."""
    return np.random.default_rng(np.random.SeedSequence([seed, *rival.encode()]))


def balanced_batches(labels: np.ndarray, steps: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Positions in ``labels`` of the samples of each of ``steps`` batches, each shape (`BATCH`,)."""
    members = [np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)]
    sizes = np.array([len(of) for of in members])
    starts = np.cumsum(sizes) - sizes
    ordered = np.concatenate(members)
    for _ in range(steps):
        drawn = rng.integers(len(members), size=BATCH)
        yield ordered[starts[drawn] + rng.integers(sizes[drawn])]


def descend(
    values: np.ndarray, labels: np.ndarray, gradient: Gradient, steps: int, rng: np.random.Generator
) -> np.ndarray:
    """``values`` after all steps.

    Args:
        values: what is learned, in its first state.
        labels: of the training samples, (n,).
        gradient: called with the values and the positions of a batch; the gradient of the batch's mean loss, in the
            shape of the values.
        steps: how many.
        rng: draws the batches.
    """
    values, velocity = values.copy(), np.zeros_like(values)
    for step, batch in enumerate(balanced_batches(labels, steps, rng)):
        rate = LEARNING_RATE * (1 + np.cos(np.pi * step / steps)) / 2
        velocity = MOMENTUM * velocity + gradient(values, batch) + WEIGHT_DECAY * values
        values -= rate * velocity
    return values
