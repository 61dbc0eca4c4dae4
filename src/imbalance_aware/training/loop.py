"""A run from its settings to its results: the network, the loss and the optimiser, epochs, validation, and the test.

All that decides the numbers of a run starts here. What a process needs beside it, such as files, checkpoints, signals
and messages, is in `imbalance_aware.runs`, which calls `begin`, then `Training.run`, `finish` and `predict`.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from imbalance_aware.losses.make import loss_of
from imbalance_aware.models.make import InputSpec, make_model
from imbalance_aware.models.network import Network
from imbalance_aware.training.accumulation import accumulate, part_sizes
from imbalance_aware.training.augment_device import DeviceImages
from imbalance_aware.training.augmentation import sample_parameters, unchanged, widest_blur
from imbalance_aware.training.batches import Images, on_device
from imbalance_aware.training.captured import CapturedSteps
from imbalance_aware.training.data import Dataset, Split
from imbalance_aware.training.device import Device
from imbalance_aware.training.drawn import Drawn
from imbalance_aware.training.epoch import Epoch
from imbalance_aware.training.inference import evaluate, predict
from imbalance_aware.training.mixup import Mixing, mixings
from imbalance_aware.training.optimisers import make_optimiser, rate_factor, rate_on_device, set_learning_rate
from imbalance_aware.training.parameter_groups import parameter_groups
from imbalance_aware.training.sampling import class_weights, epoch_batches
from imbalance_aware.training.streams import Purpose, torch_seed
from imbalance_aware.training.validation import Best, Score, Validation
from imbalance_aware.training.weight_average import WeightAverage

if TYPE_CHECKING:
    from imbalance_aware.runs.settings import RunSettings


def begin(
    settings: "RunSettings",
    seed: int,
    dataset: Dataset,
    device: Device,
    score: Score | None = None,
    model: Network | None = None,
    *,
    images: Images | None = None,
) -> "Training":
    """A run before its first step.

    Args:
        settings: of the run, checked (see `imbalance_aware.losses.build.check_losses`).
        seed: of initial weights, batches and augmentation.
        dataset: of the run.
        device: where, and in which precision, it is trained.
        score: the metric of the validation part; None where the dataset has no such part.
        model: the network, in channels-last format, with the weights that it begins with; None: random ones.
        images: of the dataset, on the device; None: they are copied there.
    """
    condition = settings.condition
    if model is None:
        model = make_model(settings.model.model_dump(), input_of(settings, dataset), seed)
    model = model.to(device.torch_device)
    loss = loss_of(condition.loss, condition.kwargs, dataset.class_counts)
    validation = None if score is None else Validation(dataset.validation, score, settings.training.validate_every)
    images = on_device(dataset.images, device) if images is None else images
    return Training(settings, seed, dataset.train, images, model, loss, device, validation)


def input_of(settings: "RunSettings", dataset: Dataset) -> InputSpec:
    """What the network of a run takes."""
    return InputSpec(
        channels=dataset.images.shape[1],
        shape=dataset.images.shape[2:],
        dtype=dataset.images.dtype.name,
        crop=settings.augmentation.crop,
        classes=dataset.classes,
        max_value=settings.max_value,
    )


#: From what was drawn for the batches of an epoch to its steps.
StepsOf = Callable[[Drawn], Iterator[Callable[[], None]]]


@dataclass
class Position:
    """How far a run has come.

    Attributes:
        epoch: epochs that are done.
        step: steps of the following epoch that are done.
        seconds: spent on them.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0


class Training:
    """One run's state and how it moves on.

    Args:
        settings: of the run.
        seed: of the run.
        split: the training samples.
        images: makes batches.
        model: the network, on the device.
        loss: called as ``loss(logits, target, sample_weight=None)``.
        device: where, and in which precision, it is trained.
        validation: the validation part, if there is one.
    """

    def __init__(
        self,
        settings: "RunSettings",
        seed: int,
        split: Split,
        images: Images,
        model: Network,
        loss: nn.Module,
        device: Device,
        validation: Validation | None = None,
    ) -> None:
        self.settings, self.seed, self.split, self.images, self.device = settings, seed, split, images, device
        self.model, self.validation = model, validation
        #: None where the last epoch's weights are kept.
        self.best = Best() if validation is not None and settings.training.select == "best" else None
        self.loss = loss.to(device.torch_device)
        training = settings.training
        own_rate = training.head_learning_rate
        head_factor = None if own_rate is None else own_rate / training.learning_rate
        groups = parameter_groups(model, training.weight_decay, head_factor)
        self.optimiser = make_optimiser(training.optimiser, groups, training.learning_rate)
        #: None where the trained weights themselves are judged and kept.
        self.average = None if training.ema is None else WeightAverage(model, training.ema)
        # One graph, for the size of whole batches: with `dynamic` at its default, the short last batch of an epoch
        # would have a second one compiled, which then takes the whole batches as well.
        self.network = torch.compile(model, dynamic=False) if training.compile else model
        #: Samples that the network holds at once, at most (but for a single one left over), and of a whole batch.
        self.part = training.batch_size // training.accumulate
        self.whole = part_sizes(len(self._rows(0)[0]), self.part)[0]
        classes = int(split.labels.max()) + 1
        weights = torch.from_numpy(class_weights(np.bincount(split.labels))).float().to(device.torch_device)
        self.weights = weights if settings.condition.weighted else None
        self.position = Position()
        self.history: list[Epoch] = []
        #: Of the current epoch: sum of the loss over samples, and per class the samples drawn and classified rightly.
        self.sums = torch.zeros(1 + 2 * classes, dtype=torch.float64, device=device.torch_device)
        self.identity = torch.eye(classes, dtype=torch.float64, device=device.torch_device)

    def state(self) -> dict[str, Any]:
        """All that is needed to continue exactly from here."""
        return {
            "model": self.model.state_dict(),
            "loss": self.loss.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "position": asdict(self.position),
            "history": [asdict(epoch) for epoch in self.history],
            "sums": self.sums,
            "best": None if self.best is None else self.best.state(),
            "average": None if self.average is None else self.average.model.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state."""
        self.model.load_state_dict(state["model"])
        self.loss.load_state_dict(state["loss"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.position = Position(**state["position"])
        self.history = [Epoch(**epoch) for epoch in state["history"]]
        self.sums.copy_(state["sums"])
        self.best = None if state["best"] is None else Best(**state["best"])
        if self.average is not None:
            self.average.model.load_state_dict(state["average"])

    def run(self, after_step: Callable[[], None], after_epoch: Callable[[], None]) -> None:
        """Train to the end.

        Args:
            after_step: called when a step is done; may raise to stop.
            after_epoch: called when an epoch is done and in the history.
        """
        steps_of = self._captured() if self.settings.training.capture else self._one_by_one
        while self.position.epoch < self.settings.training.epochs and not self.diverged() and not self.settled():
            self._epoch(steps_of, after_step)
            after_epoch()

    def finish(self) -> None:
        """Take the weights that are kept; a scale that the loss trained with becomes part of them."""
        if self.best is not None and self.best.weights is not None:
            self.model.load_state_dict(self.best.weights)
        elif self.average is not None:
            self.model.load_state_dict(self.average.model.state_dict())
        self.model.scale_logits(getattr(self.loss, "logit_scale", 1.0))

    @property
    def judged(self) -> Network:
        """The network whose weights are validated and kept: the trained one, or the average of its weights."""
        return self.model if self.average is None else self.average.model

    def predict(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities float64 ``(n, K)`` and features float32 ``(n, F)`` of images, once the run is finished.

        Args:
            rows: which images of the dataset, shape (n,).
        """
        settings = self.settings
        return predict(self.model, self.images, rows, settings.augmentation.crop, settings.training.batch_size)

    def diverged(self) -> bool:
        """Whether the last epoch's loss and the weights are no finite numbers any more, which no step can change."""
        if not self.history or math.isfinite(self.history[-1].train_loss):
            return False
        return not all(bool(torch.isfinite(weights).all()) for weights in self.model.parameters())

    def settled(self) -> bool:
        """Whether the last validation says that the best epoch is too far back to continue."""
        patience, epoch = self.settings.training.patience, self.position.epoch
        if self.best is None or patience is None or not self._validates(epoch):
            return False
        return epoch - self.best.epoch >= patience

    def _validates(self, epoch: int) -> bool:
        """Whether the validation part is looked at after this epoch, counted from 1."""
        if self.validation is None or epoch == 0:
            return False
        return epoch % self.validation.every == 0 or epoch == self.settings.training.epochs

    def _epoch(self, steps_of: StepsOf, after_step: Callable[[], None]) -> None:
        training, number = self.settings.training, self.position.epoch
        rate = training.learning_rate * rate_factor(training.schedule, number, training.epochs, training.warmup_epochs)
        set_learning_rate(self.optimiser, rate)
        set_progress: Callable[[int, int], None] | None = getattr(self.loss, "set_progress", None)
        if set_progress is not None:
            set_progress(number, training.epochs)
        self.model.train()
        start = time.perf_counter() - self.position.seconds
        for step in steps_of(self._drawn(number)):
            self._seed()
            step()
            self.position.step += 1
            self.position.seconds = time.perf_counter() - start
            after_step()
        loss, accuracy = self._summary()
        epoch = Epoch(number + 1, rate, loss, accuracy, round(time.perf_counter() - start, 3))
        if self.validation is not None and self._validates(epoch.epoch):
            value, metric = self._validate(self.validation, after_step)
            epoch = replace(epoch, validation_loss=value, validation_metric=metric)
            if self.best is not None:
                self.best.offer(epoch.epoch, metric, self.validation.score, self.judged.state_dict())
        self.history.append(epoch)
        self.position = Position(epoch=number + 1)
        self.sums.zero_()

    def _validate(self, validation: Validation, after_batch: Callable[[], None]) -> tuple[float, float]:
        """Loss and metric of the validation part by the weights as they are now, without augmentation.

        The loss is that of the training, sample weights included, of the whole part as one batch: for a mean over
        samples that changes nothing, and a loss of the whole batch depends on no division into batches.
        """
        crop, size = self.settings.augmentation.crop, self.settings.training.batch_size
        logits, _ = evaluate(self.judged, self.images, validation.split.rows, crop, size, after_batch)
        target = torch.from_numpy(validation.split.labels).to(logits.device)
        self.loss.eval()  # what a loss remembers of earlier batches neither counts nor changes
        with torch.no_grad():
            loss = self.loss(logits, target, sample_weight=None if self.weights is None else self.weights[target])
        self.loss.train()
        scaled = logits.double() * getattr(self.loss, "logit_scale", 1.0)
        metric = validation.score.of(validation.split.labels, scaled.softmax(1).cpu().numpy())
        return float(loss), metric

    def _one_by_one(self, drawn: Drawn) -> Iterator[Callable[[], None]]:
        """The steps on these batches, each to be called before the next one is asked for."""
        for batch, target, mixing in drawn.batches(self.images):
            yield partial(self._step, batch, target, mixing)

    def _captured(self) -> StepsOf:
        """The same, those on whole batches as one CUDA graph."""
        training, augmentation, images = self.settings.training, self.settings.augmentation, self.images
        rate_on_device(self.optimiser, self.device.torch_device)
        batches = self._rows(0)
        size = len(batches[0])
        count = sum(len(rows) == size for rows in batches)
        plain = unchanged(count * size, augmentation.crop, images.shape, widest_blur(augmentation))
        mixed, on_device = training.mixup is not None, cast(DeviceImages, images)
        return CapturedSteps(self._step, on_device, size, plain, mixed, self.optimiser).of

    def _drawn(self, epoch: int) -> Drawn:
        """What is drawn for the batches of an epoch that are still to do."""
        split, batches = self.split, self._rows(epoch)
        sizes = [len(batch) for batch in batches]
        parameters = sample_parameters(self.settings.augmentation, sum(sizes), self.images.shape, self.seed, epoch)
        targets = torch.from_numpy(split.labels[np.concatenate(batches)]).to(self.device.torch_device)
        rows = [split.rows[batch] for batch in batches]
        drawn = Drawn(rows, parameters, targets.split(sizes), self._mixings(epoch, sizes))
        return drawn[self.position.step :]

    def _mixings(self, epoch: int, sizes: list[int]) -> list[Mixing | None]:
        """How each batch of an epoch is mixed; None: not at all."""
        alpha = self.settings.training.mixup
        if alpha is None:
            return [None] * len(sizes)
        return [*mixings(alpha, sizes, self.seed, epoch, self.device.torch_device)]

    def _rows(self, epoch: int) -> list[np.ndarray]:
        """Which training samples each batch of an epoch holds."""
        sampling, size = self.settings.condition.sampling, self.settings.training.batch_size
        return epoch_batches(sampling, self.split.labels, size, self.seed, epoch)

    def _step(self, batch: Tensor, target: Tensor, mixing: Mixing | None) -> None:
        """One step of the optimiser; nothing here waits for the device."""
        labels, weights = target, None if self.weights is None else self.weights[target]
        if mixing is not None:
            batch, labels = mixing.of(batch), mixing.of(self.identity[target].float())
            weights = None if weights is None else mixing.of(weights)
        logits, loss = self._backward(batch, labels, weights)
        clip_norm = self.settings.training.clip_norm
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), clip_norm)
        self.optimiser.step()
        self.optimiser.zero_grad()
        if self.average is not None:
            self.average.update(self.model)
        drawn = self.identity[target]
        right = drawn * (logits.argmax(1) == target)[:, None]
        self.sums += torch.cat([loss.double()[None] * len(target), drawn.sum(0), right.sum(0)])

    def _backward(self, batch: Tensor, labels: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
        """Add the gradient of the loss of a batch to that of the weights; its logits and its value, detached."""
        parts = batch.split(part_sizes(len(batch), self.part))
        if len(parts) > 1:
            return accumulate(
                self.model, self._logits_of_part, lambda logits: self.loss(logits, labels, sample_weight=weights), parts
            )
        logits = self._logits(batch)
        loss = self.loss(logits, labels, sample_weight=weights)
        loss.backward()
        return logits.detach(), loss.detach()

    def _logits(self, images: Tensor) -> Tensor:
        network = self.network if len(images) == self.whole else self.model
        with self.device.autocast():
            return network(images)

    def _logits_of_part(self, part: int, images: Tensor) -> Tensor:
        """Logits of a part of the current step's batch; dropout draws the same numbers whenever it is called for it."""
        self._seed(part)
        return self._logits(images)

    def _seed(self, part: int = 0) -> None:
        """Begin the random numbers of the current step, or of a part of its batch: those of dropout.

        So they are the same in a run that was stopped before this step and continued.
        """
        place = (self.position.epoch, self.position.step, *([part] if part else []))
        torch.manual_seed(torch_seed(self.seed, Purpose.DROPOUT, *place))

    def _summary(self) -> tuple[float, float]:
        """Mean loss and balanced accuracy of the epoch; the only place of an epoch that waits for the device."""
        total, *counts = self.sums.tolist()
        drawn, right = np.split(np.array(counts), 2)
        present = drawn > 0
        return total / float(drawn.sum()), float(np.mean(right[present] / drawn[present]))
