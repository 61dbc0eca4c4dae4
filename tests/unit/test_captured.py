"""Steps as one recorded graph: the steps that they replace, byte for byte, on a CPU that imitates the recording."""

import json

import numpy as np
import pytest
import torch
from recorded_work import CpuGraphs
from test_accumulation import CONDITIONS
from toy_network import ToyNetwork
from training_cases import SIZES, settings, write_dataset

from imbalance_aware.runs.dataset import open_dataset
from imbalance_aware.runs.settings import RunSettings
from imbalance_aware.training import augment_device, captured, loop
from imbalance_aware.training.augment_device import DeviceImages
from imbalance_aware.training.device import on_cpu

N = sum(SIZES["train"].values())
STEPS, WHOLE = -(-N // 8), N // 8


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(autouse=True)
def on_this_cpu(monkeypatch):
    """The path for GPUs, on the CPU."""
    monkeypatch.setattr(loop, "on_device", lambda images, device: DeviceImages(images, device.torch_device))
    monkeypatch.setattr(captured, "CudaGraphs", CpuGraphs)


@pytest.fixture
def graphs(monkeypatch):
    """Those that a run makes."""
    made = []
    monkeypatch.setattr(captured, "CudaGraphs", lambda: made.append(CpuGraphs()) or made[-1])
    return made


def options(capture, **changes):
    training = {"device": "auto", "capture": capture} | changes.pop("training", {})
    return RunSettings(**settings(training=training, **changes))


def trained(dataset, capture, **changes):
    """State and history of a run."""
    folder = open_dataset(dataset / "images.npy", dataset / "samples.csv")
    training = loop.begin(options(capture, **changes), 3, folder, on_cpu())
    training.run(lambda: None, lambda: None)
    return training


def assert_same(ours, plain):
    """Weights, running means, moments of the optimiser, queue, sums and history, to the bit."""
    for (name, mine), theirs in zip(flat(ours.state()), flat(plain.state()).values(), strict=True):
        assert torch.equal(mine, theirs), name
    assert [epoch.train_loss for epoch in ours.history] == [epoch.train_loss for epoch in plain.history]
