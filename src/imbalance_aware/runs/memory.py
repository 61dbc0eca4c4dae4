"""Errors of too little memory as a `UserError` of one sentence."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import torch

from imbalance_aware.errors import UserError
from imbalance_aware.models import DEFAULT
from imbalance_aware.runs.settings import RunSettings

#: What torch, CUDA and its libraries write in errors of no type of their own.
PHRASES = ("not enough memory", "can't allocate memory", "out of memory", "ALLOC_FAILED")
#: What cuDNN's convolutions end with if there is no memory for their workspace, or no kernel for card and precision.
NO_KERNEL = ("unable to find an engine", "Unable to find a valid cuDNN algorithm")


def enough_memory(settings: RunSettings, shape: Sequence[int], device: torch.device) -> AbstractContextManager:
    """While this context is entered, too little memory is a `UserError` that says what takes it and what to change.

    Args:
        settings: of the run.
        shape: of an image, ``(C, *spatial)``.
        device: that the run computes on.
    """
    batch, model = settings.training.batch_size // settings.training.accumulate, settings.model
    own = model.network == DEFAULT
    network = f"a network of widths {list(model.widths)}" if own else f'the network "{model.network}"'
    smaller = "training.batch_size or model.widths smaller" if own else "training.batch_size smaller"
    parts = "compute batches in parts (training.accumulate), "
    instead = "train on the CPU (training.device: cpu), " if device.type == "cuda" else ""
    return _explained(
        device,
        needs=f"batches of {batch} images of {_size(shape)} and {network}",
        change=f"make {smaller}, {parts}{instead}or run fewer jobs at once",
        kernels=f"set training.precision to float32 (it is {settings.training.precision})",
    )


def enough_memory_to_classify(batch_size: int, shape: Sequence[int], device: torch.device) -> AbstractContextManager:
    """The same for the classification of new images."""
    instead = "classify on the CPU (--device cpu), " if device.type == "cuda" else ""
    return _explained(
        device,
        needs=f"batches of {batch_size} images of {_size(shape)}",
        change=f"make --batch-size smaller, {instead}or run fewer jobs at once",
        kernels="use --device cpu",
    )


@contextmanager
def _explained(device: torch.device, needs: str, change: str, kernels: str) -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        place = f"the GPU ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else "the computer"
        sentence = f"{place} has too little free memory for {needs}: {change}"
        if any(phrase in str(error) for phrase in NO_KERNEL):
            other = f"If memory is free, cuDNN has no kernel for this card and precision: {kernels}"
            raise UserError(f"{sentence}. {other}") from error
        lacking = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not lacking and not any(phrase in str(error) for phrase in PHRASES):
            raise
        raise UserError(sentence) from error


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
