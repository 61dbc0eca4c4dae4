"""Where and in which precision a run computes."""

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from imbalance_aware.errors import UserError
from imbalance_aware.training.settings import TrainingSettings


@dataclass(frozen=True)
class Compute:
    """A device and how to use it.

    Attributes:
        device: ``cpu`` or ``cuda``.
        precision: ``float32`` or ``bfloat16`` (autocast: weights stay float32).
    """

    device: torch.device
    precision: str

    def autocast(self) -> AbstractContextManager:
        """Context in which the network runs."""
        enabled = self.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)

    def processor(self) -> str:
        """What computes: the GPU's name, or the instructions that the CPU's kernels use."""
        on_gpu = self.device.type == "cuda"
        return torch.cuda.get_device_name() if on_gpu else torch.backends.cpu.get_cpu_capability()


def choose(settings: TrainingSettings, threads: int) -> Compute:
    """Set up torch for this process and say where to compute.

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
            "training.device is cuda, but torch finds no GPU here. Use device: auto or cpu, or a torch built for CUDA"
        )
    kind = "cuda" if available and settings.device != "cpu" else "cpu"
    if kind == "cpu" and settings.precision == "bfloat16":
        raise UserError(
            "training.precision is bfloat16, but this run is on the CPU, where the bfloat16 gradients of some "
            "convolutions are wrong. Use precision: auto or float32"
        )
    precision = settings.precision if settings.precision != "auto" else {"cuda": "bfloat16", "cpu": "float32"}[kind]
    if kind == "cuda":
        _set_up_cuda(settings.deterministic, precision)
    return Compute(torch.device(kind), precision)


def _set_up_cuda(deterministic: bool, precision: str) -> None:
    # The blur is a matrix product that must keep float32's digits; convolutions must where float32 was asked for.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = precision != "float32"
    torch.backends.cudnn.benchmark = not deterministic
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
