"""Random streams that depend only on a seed and a purpose, not on what ran before."""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """Purposes of streams. Streams of different purposes are independent: using one leaves the others alone."""

    WEIGHTS = 0
    ORDER = 1
    AUGMENTATION = 2
    DROPOUT = 3
    MIXUP = 4


def generator(seed: int, purpose: Purpose, epoch: int = 0) -> np.random.Generator:
    """A generator for one purpose in one epoch of the run with this seed."""
    return np.random.default_rng(np.random.SeedSequence([seed, purpose, epoch]))


def torch_seed(seed: int, purpose: Purpose, *place: int) -> int:
    """A seed for torch's own generator; ``place`` tells streams of one purpose apart, such as by epoch and step."""
    return int(np.random.SeedSequence([seed, purpose, *place]).generate_state(1, np.uint32)[0])
