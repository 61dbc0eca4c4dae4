"""Seconds of a training, from a few real steps on made-up images of the right shape."""

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from imbalance_aware.overview.known_samples import KnownDataset
from imbalance_aware.runs.settings import RunSettings
from imbalance_aware.schema import validate
from imbalance_aware.training.data import Dataset, Split

#: Steps that are timed after a first one, which also allocates memory; fewer if they take longer than this.
STEPS, ENOUGH_S = 3, 10.0
#: Different images among those of the steps.
IMAGES = 4


class Enough(Exception):
    """The steps that were wanted are done."""


@dataclass(frozen=True)
class TimedStep:
    """What a step takes.

    Attributes:
        seconds: of the fastest step, on a whole batch.
        device: ``cpu``, or the GPU.
        batch: samples of it.
    """

    seconds: float
    device: str
    batch: int

    def of_run(self, samples: int, epochs: int) -> float:
        """Seconds of all steps of a run; the start of the process and the predictions at the end come on top."""
        return math.ceil(samples / self.batch) * epochs * self.seconds


def read_settings(written: Mapping[str, Any]) -> RunSettings:
    """The settings of a run, from those of its job."""
    return validate(RunSettings, written, "settings of a run")


def time_step(settings: RunSettings, dataset: KnownDataset) -> TimedStep:
    """Train a few steps with the real network, loss, augmentation and batch size, on one thread.

    Raises:
        UserError: the device that the settings ask for is not there, or memory does not suffice.
    """
    from imbalance_aware.runs.memory import enough_memory
    from imbalance_aware.runs.select_device import select_device
    from imbalance_aware.training.loop import begin

    size = settings.training.batch_size
    steps = STEPS
    if settings.training.capture:
        from imbalance_aware.training.captured import WARM_UP

        steps += WARM_UP  # which are slower than all that follow
    made_up = _made_up(dataset, size, steps + 1)
    device = select_device(settings.training, 1)
    times: list[float] = []
    last = started = time.perf_counter()

    def after_step() -> None:
        nonlocal last
        if device.torch_device.type == "cuda":
            import torch

            torch.cuda.synchronize(device.torch_device)
        now = time.perf_counter()
        times.append(now - last)
        last = now
        if len(times) > steps or (len(times) > 1 and now - started > ENOUGH_S):
            raise Enough

    with enough_memory(settings, dataset.shape, device.torch_device):
        training = begin(settings, 0, made_up, device)
        last = time.perf_counter()
        with suppress(Enough):
            training.run(after_step, lambda: None)
    return TimedStep(min(times[1:] or times), device.torch_device.type, size)


def _made_up(dataset: KnownDataset, batch: int, steps: int) -> Dataset:
    """Samples enough for so many steps, of all classes; they share a few images of noise, whose values cost no time."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (IMAGES, *dataset.shape), dtype=np.uint8)
    images = noise if dataset.dtype == "uint8" else (noise / 255).astype(np.float16)
    places = np.arange(max(batch, len(dataset.classes)) * steps)
    none = Split(places[:0], places[:0], ())
    train = Split(places % IMAGES, places % len(dataset.classes), ())
    return Dataset(images, dataset.classes, train, none, none, "")
