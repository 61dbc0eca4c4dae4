"""Too little memory ends in one sentence, and not in a traceback."""

import json
import resource
import subprocess
import sys

import pytest
import torch
from training_cases import arguments, settings, write_dataset

from imbalance_aware.errors import UserError
from imbalance_aware.runs import train
from imbalance_aware.runs.memory import enough_memory
from imbalance_aware.runs.settings import RunSettings
from imbalance_aware.training.augment_cpu import CpuImages

LIMIT_BYTES = 6 << 30
#: Many times the limit: refused at once, whatever else is in memory.
HUGE = {"blocks": [1, 1, 1, 1], "widths": [64, 128, 256, 100_000]}


def lacking(error):
    """A way of making batches that ends in an error."""

    def make(self, rows, parameters):
        raise error

    return make


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: not enough memory: you tried to …"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
    ids=["NumPy", "CUDA", "CPU", "cuBLAS"],
)
def test_one_sentence_says_what_to_change(tmp_path, monkeypatch, error):
    dataset = write_dataset(tmp_path / "data")
    monkeypatch.setattr(CpuImages, "_batch", lacking(error))
    with pytest.raises(UserError, match=r"batches of 8 images of 2 x 16 x 16 .* widths \[4, 4, 8, 8\]") as told:
        train.run(arguments(dataset, tmp_path / "run", json.dumps(settings())))
    assert "training.batch_size or model.widths" in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "message",
    [
        "GET was unable to find an engine to execute this computation",
        "Unable to find a valid cuDNN algorithm to run convolution",
    ],
)
def test_no_kernel_may_have_two_causes(message):
    options = RunSettings(condition={"loss": {"ce": 1}}, training={"precision": "bfloat16"})
    with pytest.raises(UserError) as told, enough_memory(options, (3, 8, 8), torch.device("cpu")):
        raise RuntimeError(message)
    assert "too little free memory" in str(told.value)
    assert "set training.precision to float32 (it is bfloat16)" in str(told.value)


def test_other_errors_stay_what_they_are():
    options = RunSettings(condition={"loss": {"ce": 1}})
    there = enough_memory(options, (3, 8, 8), torch.device("cpu"))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), there:
        torch.zeros(2, 3) @ torch.zeros(2, 3)


@pytest.mark.slow
def test_a_network_larger_than_memory(tmp_path):
    dataset = write_dataset(tmp_path / "data")
    command = [sys.executable, "-m", "imbalance_aware", "train", "--seed", "0", "--out", str(tmp_path / "run")]
    command += ["--images", str(dataset / "images.npy"), "--samples", str(dataset / "samples.csv")]
    done = subprocess.run(
        [*command, "--settings", json.dumps(settings(model=HUGE))],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "error: the computer has too little free memory" in done.stderr
    assert "Traceback" not in done.stderr
