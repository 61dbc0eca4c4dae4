"""`Device`, the device and precision of a run, and the set-up of torch for it."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch

#: Compute capability from which on cuDNN has bfloat16 convolutions (Ampere).
BFLOAT16_SINCE = (8, 0)


@dataclass(frozen=True)
class Device:
    """A device and how to use it.

    Attributes:
        torch_device: ``cpu``, or ``cuda`` with its index.
        precision: ``float32`` or ``bfloat16`` (autocast: weights stay float32) of the training.
    """

    torch_device: torch.device
    precision: str

    def autocast(self) -> AbstractContextManager:
        """Context in which the network is trained."""
        enabled = self.precision == "bfloat16"
        # Each weight is used once in a pass. A recorded step must not read copies of weights made before it.
        return torch.autocast(self.torch_device.type, torch.bfloat16, enabled, cache_enabled=False)

    def processor(self) -> str:
        """What computes: the GPU's name, or the instructions that the CPU's kernels use."""
        on_gpu = self.torch_device.type == "cuda"
        return torch.cuda.get_device_name(self.torch_device) if on_gpu else torch.backends.cpu.get_cpu_capability()


def set_up(threads: int) -> None:
    """Set up torch for this process."""
    torch.set_num_threads(threads)
    if torch.get_num_interop_threads() != 1:
        torch.set_num_interop_threads(1)
    # Numbers near zero, which late training is full of, are otherwise many times slower on a CPU.
    torch.set_flush_denormal(True)


def on_cpu() -> Device:
    """The CPU, in float32: the bfloat16 gradients of some of its convolutions are wrong."""
    return Device(torch.device("cpu"), "float32")


def has_bfloat16(index: int) -> bool:
    """Whether the GPU of this index has bfloat16 convolutions."""
    gpu = torch.cuda.get_device_properties(index)
    return (gpu.major, gpu.minor) >= BFLOAT16_SINCE


def on_gpu(index: int, precision: str, deterministic: bool) -> Device:
    """The GPU of this index, set up.

    Args:
        index: as torch counts.
        precision: ``float32``, ``bfloat16``, or ``auto``: bfloat16 where the GPU has it.
        deterministic: only operations that give the same bytes in every run.
    """
    if precision == "auto":
        precision = "bfloat16" if has_bfloat16(index) else "float32"
    # Where something computes in float32 it is meant to keep float32's digits.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = not deterministic
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(deterministic)
    return Device(torch.device("cuda", index), precision)


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
