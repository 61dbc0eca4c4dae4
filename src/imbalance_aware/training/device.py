"""Where and in which precision a run computes."""

import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch

from imbalance_aware import gpus
from imbalance_aware.errors import UserError
from imbalance_aware.runs.settings import TrainingSettings

log = logging.getLogger(__name__)

#: Compute capability from which on cuDNN has bfloat16 convolutions (Ampere).
BFLOAT16_SINCE = (8, 0)


@dataclass(frozen=True)
class Compute:
    """A device and how to use it.

    Attributes:
        device: ``cpu``, or ``cuda`` with its index.
        precision: ``float32`` or ``bfloat16`` (autocast: weights stay float32) of the training.
    """

    device: torch.device
    precision: str

    def autocast(self) -> AbstractContextManager:
        """Context in which the network is trained."""
        enabled = self.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)

    def processor(self) -> str:
        """What computes: the GPU's name, or the instructions that the CPU's kernels use."""
        on_gpu = self.device.type == "cuda"
        return torch.cuda.get_device_name(self.device) if on_gpu else torch.backends.cpu.get_cpu_capability()


def choose(settings: TrainingSettings, threads: int) -> Compute:
    """Set up torch for this process and say where to compute.

    Of several GPUs, the one with the fewest jobs of this user is taken.

    Raises:
        UserError: a device or precision that is not there.
    """
    torch.set_num_threads(threads)
    if torch.get_num_interop_threads() != 1:
        torch.set_num_interop_threads(1)
    # Numbers near zero, which late training is full of, are otherwise many times slower on a CPU.
    torch.set_flush_denormal(True)
    available = torch.cuda.is_available()
    if settings.device == "cuda" and not available:
        raise UserError(
            f"the device is to be cuda, but {gpus.why_none()}. Use device auto or cpu, or a torch built for CUDA"
        )
    if settings.device == "auto" and not available:
        log.info("device auto: on the CPU, since %s", gpus.why_none())
    return _gpu(settings) if available and settings.device != "cpu" else _cpu(settings)


@contextmanager
def single_pass() -> Iterator[None]:
    """While this context is entered, a GPU's float32 is float32 (no TF32), and no kernels are tuned.

    Tuning tries all kernels on the first batch of each shape, which pays where many batches follow.
    """
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.benchmark
    cudnn.allow_tf32, cudnn.benchmark = False, False
    try:
        yield
    finally:
        cudnn.allow_tf32, cudnn.benchmark = before


def _cpu(settings: TrainingSettings) -> Compute:
    if settings.precision == "bfloat16":
        raise UserError(
            "training.precision is bfloat16, but this run is on the CPU, where the bfloat16 gradients of some "
            "convolutions are wrong. Use precision: auto or float32"
        )
    return Compute(torch.device("cpu"), "float32")


def _gpu(settings: TrainingSettings) -> Compute:
    index = gpus.of_this_process().index
    gpu = torch.cuda.get_device_properties(index)
    able = (gpu.major, gpu.minor) >= BFLOAT16_SINCE
    if settings.precision == "bfloat16" and not able:
        raise UserError(
            f"training.precision is bfloat16, but the {gpu.name} has compute capability {gpu.major}.{gpu.minor}, and "
            f"bfloat16 convolutions need {'.'.join(map(str, BFLOAT16_SINCE))}. Use precision: auto or float32"
        )
    precision = settings.precision
    if precision == "auto":
        precision = "bfloat16" if able else "float32"
    _set_up_cuda(settings.deterministic)
    return Compute(torch.device("cuda", index), precision)


def _set_up_cuda(deterministic: bool) -> None:
    # Where something computes in float32 it is meant to keep float32's digits.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = not deterministic
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
