"""Too little memory, said in one sentence."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from imbalance_aware.errors import UserError
from imbalance_aware.training.settings import RunSettings

#: What torch, CUDA and its libraries write in errors of no type of their own.
PHRASES = ("not enough memory", "can't allocate memory", "out of memory", "ALLOC_FAILED")
#: What cuDNN's convolutions end with if there is no memory for their workspace, or no kernel for card and precision.
NO_KERNEL = ("unable to find an engine", "Unable to find a valid cuDNN algorithm")


@contextmanager
def enough_memory(settings: RunSettings, shape: Sequence[int], device: torch.device) -> Iterator[None]:
    """While this context is entered, too little memory is a `UserError` that says what takes it and what to change.

    Args:
        settings: of the run.
        shape: of an image, ``(C, *spatial)``.
        device: that the run computes on.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        lacking = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if any(phrase in str(error) for phrase in NO_KERNEL):
            raise UserError(f"{_sentence(settings, shape, device)}. {_other_cause(settings)}") from error
        if not lacking and not any(phrase in str(error) for phrase in PHRASES):
            raise
        raise UserError(_sentence(settings, shape, device)) from error


def _other_cause(settings: RunSettings) -> str:
    return (
        "If memory is free, cuDNN has no kernel for this card and precision: set training.precision to float32 "
        f"(it is {settings.training.precision})"
    )


def _sentence(settings: RunSettings, shape: Sequence[int], device: torch.device) -> str:
    place = f"the GPU ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else "the computer"
    instead = "train on the CPU (training.device: cpu), " if device.type == "cuda" else ""
    batch, widths = settings.training.batch_size, list(settings.model.widths)
    return (
        f"{place} has too little free memory for batches of {batch} images of {' x '.join(map(str, shape))} and a "
        f"network of widths {widths}: make training.batch_size or model.widths smaller, {instead}or run fewer jobs at "
        f"once"
    )
