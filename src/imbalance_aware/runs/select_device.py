"""Selection of a process's device, and errors where the settings ask for one that is not available."""

import logging

import torch

from imbalance_aware import gpus
from imbalance_aware.errors import UserError
from imbalance_aware.runs.settings import TrainingSettings
from imbalance_aware.training.device import BFLOAT16_SINCE, Device, has_bfloat16, on_cpu, on_gpu, set_up

log = logging.getLogger(__name__)


def select_device(settings: TrainingSettings, threads: int) -> Device:
    """Set up torch for this process and select its device.

    Of several GPUs, the one with the fewest jobs of this user is taken.

    Raises:
        UserError: a device or precision that is not there.
    """
    set_up(threads)
    available = torch.cuda.is_available()
    if settings.device == "cuda" and not available:
        raise UserError(
            f"the device is set to cuda, but {gpus.why_none()}. Use device auto or cpu, or a torch built for CUDA"
        )
    if settings.device == "auto" and not available:
        log.info("device auto: on the CPU, since %s", gpus.why_none())
    return _gpu(settings) if available and settings.device != "cpu" else _cpu(settings)


def _cpu(settings: TrainingSettings) -> Device:
    if settings.capture:
        raise UserError(
            f"training.capture needs a GPU, for CUDA graphs, but {gpus.why_none()}. Set capture to false to train on "
            "the CPU"
        )
    if settings.precision == "bfloat16":
        raise UserError(
            "training.precision is bfloat16, but this run is on the CPU, where the bfloat16 gradients of some "
            "convolutions are wrong. Use precision: auto or float32"
        )
    return on_cpu()


def _gpu(settings: TrainingSettings) -> Device:
    index = gpus.of_this_process().index
    if settings.precision == "bfloat16" and not has_bfloat16(index):
        gpu = torch.cuda.get_device_properties(index)
        raise UserError(
            f"training.precision is bfloat16, but the {gpu.name} has compute capability {gpu.major}.{gpu.minor}, and "
            f"bfloat16 convolutions need {'.'.join(map(str, BFLOAT16_SINCE))}. Use precision: auto or float32"
        )
    return on_gpu(index, settings.precision, settings.deterministic)
