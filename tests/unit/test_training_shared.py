"""What runs of one process share: opened, checked and copied once, and again when a file has changed."""

import os

import numpy as np
import pytest
import torch
from training_cases import write_dataset

from imbalance_aware.errors import UserError
from imbalance_aware.runs import dataset as datasets
from imbalance_aware.runs import shared as module
from imbalance_aware.runs.shared import Shared
from imbalance_aware.training.augment_device import DeviceImages
from imbalance_aware.training.device import on_cpu


@pytest.fixture
def folder(tmp_path):
    return write_dataset(tmp_path)


@pytest.fixture
def digested(monkeypatch):
    """The images that were read."""
    seen = []
    original = datasets.image_digest
    monkeypatch.setattr(datasets, "image_digest", lambda image: seen.append(image) or original(image))
    return seen


def open_again(shared, folder):
    return shared.dataset(folder / "images.npy", folder / "samples.csv")


def test_images_are_read_once(folder, digested):
    shared = Shared()
    first, second = open_again(shared, folder), open_again(shared, folder)
    assert len(digested) == len(first.images)
    assert first.digest == second.digest == datasets.open_dataset(folder / "images.npy", folder / "samples.csv").digest


def test_changed_files_are_read_again(folder, digested):
    shared = Shared()
    before = open_again(shared, folder)
    text = (folder / "samples.csv").read_text()
    (folder / "samples.csv").write_text(text.replace("phantoms", "patients"))
    after = open_again(shared, folder)
    assert after.digest != before.digest
    assert len(digested) == 2 * len(after.images)


@pytest.mark.parametrize("keeps_its_size", [False, True])
def test_images_that_are_not_those_of_the_table_any_more_are_refused(folder, keeps_its_size):
    shared = Shared()
    images = np.array(open_again(shared, folder).images)
    changed = images[::-1] if keeps_its_size else images[:-1]
    np.save(folder / "images.npy", changed)
    os.utime(folder / "images.npy", ns=(1, 1))
    with pytest.raises(UserError):
        open_again(shared, folder)
    np.save(folder / "images.npy", images)
    assert len(open_again(shared, folder).images) == len(images)


def test_no_file_is_told_as_ever(tmp_path):
    with pytest.raises(UserError, match=r"images\.npy"):
        open_again(Shared(), tmp_path)


def test_images_are_copied_to_the_device_once(folder, monkeypatch):
    copied = []

    def copy(images, device):
        copied.append(device)
        return DeviceImages(images, device.torch_device)

    monkeypatch.setattr(module, "on_device", copy)
    shared, device = Shared(), on_cpu()
    first, second = (shared.images(open_again(shared, folder), device) for _ in range(2))
    assert first is second and len(copied) == 1
    elsewhere = type(device)(torch.device("meta"), "float32")
    assert shared.images(open_again(shared, folder), elsewhere).lines.device.type == "meta"
    os.utime(folder / "images.npy", ns=(1, 1))
    shared.images(open_again(shared, folder), elsewhere)
    assert len(copied) == 3
