"""Optimisers and schedules of the learning rate, by name.

To add an optimiser of torch, add a row to `OPTIMISERS`; to add a schedule, add a function and a row to `SCHEDULES`. The
settings take their names from here. torch is imported only where an optimiser is made, so that settings can be read
without it.
"""

import inspect
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

#: Key of a group of weights: factor of the learning rate for it; a group without it has 1.
FACTOR = "lr_factor"
#: Name -> class of ``torch.optim`` and its arguments, all but the learning rate. Fused: one call updates all weights.
OPTIMISERS: dict[str, tuple[str, dict[str, Any]]] = {
    # Kingma & Ba 2015.
    "adam": ("Adam", {"betas": (0.9, 0.999), "eps": 1e-8, "fused": True}),
    # Loshchilov & Hutter 2019.
    "adamw": ("AdamW", {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01, "fused": True}),
    "sgd": ("SGD", {"momentum": 0.9, "fused": True}),
}
#: Methods of ``torch.optim.Optimizer`` that torch wraps for its compiler.
WRAPPED = ("add_param_group", "state_dict", "load_state_dict", "zero_grad")


def make_optimiser(
    name: str, parameters: "Iterable[torch.Tensor] | Iterable[dict[str, Any]]", learning_rate: float
) -> "torch.optim.Optimizer":
    """An optimiser of the table.

    Args:
        name: a name in `OPTIMISERS`.
        parameters: weights, or groups of them (see `imbalance_aware.training.parameter_groups`), whose own arguments
            replace those of the table; the weights' device and memory layout must not change afterwards.
        learning_rate: of the first step; `set_learning_rate` changes it.
    """
    import torch

    cls, arguments = OPTIMISERS[name]
    return _without_compiler(getattr(torch.optim, cls))(parameters, lr=learning_rate, **arguments)


def set_learning_rate(optimiser: "torch.optim.Optimizer", learning_rate: float) -> None:
    """Use ``learning_rate`` for all weights from the next step on, times the factor of a group that has one."""
    import torch

    for group in optimiser.param_groups:
        rate = learning_rate * group.get(FACTOR, 1.0)
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def rate_on_device(optimiser: "torch.optim.Optimizer", device: "torch.device") -> None:
    """Keep the learning rate of each group in a tensor on the device of the weights, for a recorded step to read.

    On a GPU fused optimisers read it as float32, which rounds it (by a relative 6e-8 at most); on a CPU as float64, so
    that a step gives the same bytes as with a number.
    """
    import torch

    dtype = torch.float64 if device.type == "cpu" else torch.float32
    for group in optimiser.param_groups:
        group["lr"] = torch.as_tensor(group["lr"]).to(device, dtype, copy=True)


@contextmanager
def capturable(optimiser: "torch.optim.Optimizer") -> "Iterator[None]":
    """While this context is entered, a step may be recorded as a CUDA graph.

    Fused steps always can be, but Adam asks for this mark; outside of a recording it would warn of it.
    """
    groups = [group for group in optimiser.param_groups if "capturable" in group]
    for group in groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group in groups:
            group["capturable"] = False


def _without_compiler(cls: "type[torch.optim.Optimizer]") -> "Callable[..., torch.optim.Optimizer]":
    """``cls`` without the wrappers that import torch's compiler at the first call.

    They are only needed for optimisers inside ``torch.compile``, which this project does not use. The import takes as
    much processor time as that of torch itself (docs/architecture.md), of every run.
    """
    import torch

    plain = {name: inspect.unwrap(getattr(cls, name)) for name in WRAPPED}
    return type(cls.__name__, (cls,), plain | {"step": torch.no_grad()(inspect.unwrap(cls.step))})


def cosine(epoch: int, epochs: int) -> float:
    """Cosine annealing towards 0 without warm-up (Loshchilov & Hutter 2017)."""
    return (1 + math.cos(math.pi * epoch / epochs)) / 2


def constant(epoch: int, epochs: int) -> float:
    """The same rate in all epochs."""
    return 1.0


#: Name -> factor of the learning rate from an epoch, counted from 0, and the number of epochs.
SCHEDULES: dict[str, Callable[[int, int], float]] = {"cosine": cosine, "constant": constant}


def rate_factor(schedule: str, epoch: int, epochs: int, warmup: int = 0) -> float:
    """Factor of the learning rate in an epoch: first ``(epoch + 1) / (warmup + 1)``, then the schedule.

    The warm-up is linear and reaches 1 in the first epoch of the schedule, which is that of ``epochs - warmup`` epochs.

    Source: gradual warm-up, Goyal et al., "Accurate, large minibatch SGD", arXiv 1706.02677, by epochs.

    Args:
        schedule: a name in `SCHEDULES`.
        epoch: counted from 0.
        epochs: of the run.
        warmup: epochs of the warm-up, fewer than ``epochs``.
    """
    if epoch < warmup:
        return (epoch + 1) / (warmup + 1)
    return SCHEDULES[schedule](epoch - warmup, epochs - warmup)
