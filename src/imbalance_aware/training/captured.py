"""A training step on a whole batch as one CUDA graph: augmentation, forward and backward pass, optimiser, sums.

A step is hundreds of kernels. Where they are short, a GPU waits for the CPU that launches them one by one. A CUDA graph
is recorded once; replaying it launches all of them at once. It repeats exactly the recorded operations on the recorded
addresses. So everything that differs between steps lies in memory that keeps its place:

- what was drawn for as many batches as memory allows, as a rule all of an epoch: look-up tables, places in the images,
  classes, shares and partners of mixup. It is overwritten when the next ones begin;
- the number of the batch, which the graph itself increases: it says which of these a step takes;
- the learning rate, a tensor (`imbalance_aware.training.optimisers.rate_on_device`);
- the state of torch's random numbers, from which a graph takes those of dropout. The caller of a step sets it.

The first steps are not recorded: they choose kernels and allocate the state of the optimiser. A batch of another size,
the last one of an epoch, is trained without the graph. All steps get the same images, classes and random numbers as
without it.
"""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from imbalance_aware.errors import UserError
from imbalance_aware.training.augment_device import DeviceImages, Prepared
from imbalance_aware.training.augmentation import AugmentationParameters
from imbalance_aware.training.drawn import Drawn
from imbalance_aware.training.mixup import Mixing
from imbalance_aware.training.optimisers import capturable

#: Steps before the recording, each on a batch of its own.
WARM_UP = 3

Step = Callable[[Tensor, Tensor, Mixing | None], None]


class CudaGraphs:
    """Records work on the current GPU.

    Warm-up and recording are on one stream beside the default one, where CUDA does not allow recordings.
    """

    def __init__(self) -> None:
        self.stream = torch.cuda.Stream()

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work."""
        current = torch.cuda.current_stream()
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            work()
        current.wait_stream(self.stream)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """What does the work, each time it is called; it is not done yet."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self.stream):
            work()
        return graph.replay


class CapturedSteps:
    """The steps of a run, those on whole batches as a graph.

    Args:
        step: called with a batch, its classes and its mixing; it waits for nothing from the device.
        images: makes batches.
        size: samples of a whole batch.
        unchanged: parameters that change nothing, of one epoch's whole batches: as many of them as there are.
        mixed: whether batches are mixed.
        optimiser: that of the step.
    """

    def __init__(
        self,
        step: Step,
        images: DeviceImages,
        size: int,
        unchanged: AugmentationParameters,
        mixed: bool,
        optimiser: torch.optim.Optimizer,
    ) -> None:
        self.step, self.images, self.size, self.optimiser = step, images, size, optimiser
        device = images.lines.device
        #: Whole batches in memory at once, and their images.
        self.count = min(len(unchanged.gamma) // size, max(1, images.at_once(unchanged) // size))
        places = torch.zeros(self.count * size, dtype=torch.int64)
        self.prepared = Prepared(images, places.numpy(), unchanged[: len(places)])
        self.targets, self.partners = (places.to(device, copy=True) for _ in range(2))
        self.rests = torch.zeros(self.count, device=device) if mixed else None
        self.within = torch.arange(size, device=device)
        #: Of the batch that is next, among those in memory.
        self.number = torch.zeros(1, dtype=torch.int64, device=device)
        self.graphs = CudaGraphs()
        self.done = 0
        self.replay: Callable[[], None] | None = None

    def of(self, drawn: Drawn) -> Iterator[Callable[[], None]]:
        """The steps on these batches, each to be called before the next one is asked for."""
        whole = next((place for place, rows in enumerate(drawn.rows) if len(rows) != self.size), len(drawn.rows))
        for first in range(0, whole, self.count):
            part = drawn[first : min(first + self.count, whole)]
            self._put(part)
            for _ in part.rows:
                yield self._next
        for batch, target, mixing in drawn[whole:].batches(self.images):
            yield partial(self.step, batch, target, mixing)

    def _put(self, drawn: Drawn) -> None:
        """Put what was drawn for some whole batches into the memory of the graph."""
        rows = torch.cat([torch.from_numpy(rows) for rows in drawn.rows]).numpy()
        self.prepared.take_over(Prepared(self.images, rows, drawn.parameters))
        self.targets.narrow(0, 0, len(rows)).copy_(torch.cat([*drawn.targets]))
        mixings = [mixing for mixing in drawn.mixings if mixing is not None]
        if self.rests is not None:
            self.rests.narrow(0, 0, len(mixings)).copy_(torch.stack([mixing.rest for mixing in mixings]))
            self.partners.narrow(0, 0, len(rows)).copy_(torch.cat([mixing.partner for mixing in mixings]))
        self.number.zero_()

    def _next(self) -> None:
        """Train on the next batch in memory."""
        if self.done < WARM_UP:
            self.graphs.warm_up(self._step)
        else:
            if self.replay is None:
                self.replay = self._record()
            self.replay()
        self.done += 1

    def _step(self) -> None:
        """What is recorded: nothing here is a number of the host that differs between steps."""
        places = self.number * self.size + self.within
        mixing = None
        if self.rests is not None:
            mixing = Mixing(self.rests.index_select(0, self.number)[0], self.partners.index_select(0, places))
        self.step(self.prepared.picked(places), self.targets.index_select(0, places), mixing)
        self.number += 1

    def _record(self) -> Callable[[], None]:
        try:
            with capturable(self.optimiser):
                return self.graphs.record(self._step)
        except RuntimeError as error:
            reason = _first(error)
            if isinstance(reason, torch.OutOfMemoryError):
                raise reason from None
            raise UserError(
                f"training.capture: a step of this network and loss cannot be recorded as a CUDA graph "
                f"({str(reason).strip().partition(chr(10))[0]}). It may wait for a value from the GPU, or have shapes "
                "that depend on values; set capture to false"
            ) from error


def _first(error: BaseException) -> BaseException:
    """The error that came first: a recording that fails ends with an error of its own."""
    while error.__context__ is not None:
        error = error.__context__
    return error
