"""What the benchmark of training measures: batches of this project, and steps of its network."""

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from imbalance_aware.losses.ce import CrossEntropyLoss
from imbalance_aware.models.make import InputSpec, make_model
from imbalance_aware.runs.select_device import select_device
from imbalance_aware.runs.settings import (
    Augmentation2D,
    Augmentation3D,
    ConditionSettings,
    ModelSettings,
    RunSettings,
    TrainingSettings,
)
from imbalance_aware.training.augmentation import sample_parameters
from imbalance_aware.training.batches import on_device
from imbalance_aware.training.data import Split
from imbalance_aware.training.loop import Training
from imbalance_aware.training.optimisers import make_optimiser

DEVICE = select_device(TrainingSettings(device="cpu"), threads=1)
#: In an epoch of the rivals, and measured in each round.
BATCHES = 10


class Case:
    """One kind of images and how many are handled at a time."""

    def __init__(self, name: str, shape: tuple[int, ...], batch_size: int, steps: int, augmentation) -> None:
        self.name, self.shape, self.batch_size, self.steps = name, shape, batch_size, steps
        self.augmentation = augmentation
        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 256, (BATCHES * batch_size, *shape), dtype=np.uint8)
        self.crop = augmentation.crop

    def ours(self) -> Iterator[Tensor]:
        """Batches of the training engine, without an end."""
        images, epoch = on_device(self.images, DEVICE), 0
        while True:
            order = np.random.default_rng(epoch).permutation(len(self.images))
            rows = [order[: self.batch_size]]
            yield from images.batches(
                rows, sample_parameters(self.augmentation, self.batch_size, self.shape[1:], 0, epoch)
            )
            epoch += 1

    def model(self):
        """The paper's network for these images."""
        spec = InputSpec(self.shape[0], self.shape[1:], "uint8", self.crop, ("a", "b", "c"))
        return make_model(ModelSettings().model_dump(), spec, 0).train()


CASES = [
    Case("2D, 96 x 96, batch 50", (3, 96, 96), 50, 4, Augmentation2D()),
    Case("2D, 240 x 240, batch 50", (3, 240, 240), 50, 1, Augmentation2D()),
    Case("3D, 64³ from 96³, 4 channels, batch 10", (4, 96, 96, 96), 10, 2, Augmentation3D()),
]


class Enough(Exception):
    """The steps to be measured are done."""


def our_steps(case: Case) -> Callable[[int], None]:
    """The training loop itself, stopped after some steps."""
    settings = RunSettings(
        condition=ConditionSettings(loss={"ce": 1}),
        training=TrainingSettings(batch_size=case.batch_size, device="cpu"),
        augmentation=case.augmentation,
    )
    rows = np.arange(len(case.images))
    split = Split(rows, rows % 3, ())
    images = on_device(case.images, DEVICE)
    training = Training(settings, 0, split, images, case.model(), CrossEntropyLoss(), DEVICE)

    def steps(count: int) -> None:
        left = iter(range(count - 1))

        def after_step() -> None:
            if next(left, None) is None:
                raise Enough

        training.position.step = 0
        while True:
            try:
                training.run(after_step, lambda: None)
            except Enough:
                return

    return steps


def plain_steps(case: Case, batches: Iterator[Tensor]) -> Callable[[int], None]:
    """Forward, backward and Adam on given batches."""
    model = case.model()
    optimiser, target = make_optimiser("adam", model.parameters(), 1e-3), torch.arange(case.batch_size) % 3
    layout = torch.channels_last if len(case.shape) == 3 else torch.channels_last_3d

    def steps(count: int) -> None:
        for batch in islice(batches, count):
            torch.nn.functional.cross_entropy(model(batch.contiguous(memory_format=layout)), target).backward()
            optimiser.step()
            optimiser.zero_grad()

    return steps


def fixed(case: Case) -> Iterator[Tensor]:
    batch = next(case.ours())
    while True:
        yield batch
