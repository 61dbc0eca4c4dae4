"""The network of a run: made from a seed, optimised, and the file it is kept in."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from imbalance_aware.errors import UserError
from imbalance_aware.models.make import InputSpec, make_model
from imbalance_aware.runs.model_file import load_model, save_model
from imbalance_aware.training.optimisers import make_optimiser

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {"blocks": (1, 2, 1, 1), "widths": (4, 6, 6, 8), "stem_kernel": 3}
SPEC = InputSpec(channels=2, shape=(16, 16), dtype="uint8", crop=None, classes=("a", "b", "c"))


def steps(model, optimise, count=3):
    """A few steps of a model on fixed batches."""
    stream = torch.Generator().manual_seed(1)
    for _ in range(count):
        images = torch.rand(5, 2, 16, 16, generator=stream).contiguous(memory_format=torch.channels_last)
        target = torch.randint(0, 3, (5,), generator=stream)
        torch.nn.functional.cross_entropy(model(images), target).backward()
        optimise()
    return model


def test_initial_weights_depend_on_the_seed_alone():
    def weights(seed, spec=SPEC):
        return make_model(SMALL, spec, seed).state_dict()

    first = weights(0)
    torch.rand(3)
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    again = weights(0)
    assert torch.equal(before, torch.random.get_rng_state()), "the caller's stream is left alone"
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], weights(1)["conv1.weight"])


def test_a_model_file_gives_the_same_network_and_the_same_bytes(tmp_path):
    model = make_model(SMALL, SPEC, 0)
    optimiser = make_optimiser("adam", model.parameters(), 1e-3)
    steps(model, optimiser.step)
    config = {"model": SMALL, "note": "kept"}
    for name in ("model.pt", "other-name.pt"):
        save_model(tmp_path / name, model, SPEC, config)
    assert (tmp_path / "model.pt").read_bytes() == (tmp_path / "other-name.pt").read_bytes()
    loaded, spec, kept = load_model(tmp_path / "model.pt")
    assert (spec, kept) == (SPEC, config)
    images = torch.rand(4, 2, 16, 16)
    assert torch.equal(loaded(images), model.eval()(images))
    assert not loaded.training


@pytest.mark.parametrize("content", [b"", b"not a model", "half"])
def test_files_that_are_no_model(tmp_path, content):
    path = tmp_path / "model.pt"
    if content == "half":
        save_model(path, make_model(SMALL, SPEC, 0), SPEC, {"model": SMALL})
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a model written by the train step, or damaged"):
        load_model(path)


def test_no_flipped_bit_of_a_weight_passes_unnoticed(tmp_path):
    """torch itself reads such a file without a word."""
    path = tmp_path / "model.pt"
    save_model(path, make_model(SMALL, SPEC, 0), SPEC, {"model": SMALL})
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        weights = [part for part in archive.infolist() if "/data/" in part.filename]
    weight = max(weights, key=lambda part: part.file_size)
    for place in np.linspace(weight.header_offset + 200, weight.header_offset + weight.file_size, 10, dtype=int):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(place) % 8
        path.write_bytes(damaged)
        torch.load(path, weights_only=True)
        with pytest.raises(UserError, match=f"damaged .the checksum of its part {weight.filename}"):
            load_model(path)


def test_a_model_that_would_be_unpacked_is_refused(tmp_path):
    """torch writes no compressed part, and one of a few bytes could take all memory."""
    save_model(tmp_path / "model.pt", make_model(SMALL, SPEC, 0), SPEC, {"model": SMALL})
    path = tmp_path / "packed.pt"
    with zipfile.ZipFile(tmp_path / "model.pt") as plain, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for part in plain.infolist():
            packed.writestr(part.filename, plain.read(part))
    with pytest.raises(UserError, match=r"its part \S+ is compressed"):
        load_model(path)


class Attack:
    """An object that writes a file when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def test_a_model_that_would_run_code_is_refused(tmp_path):
    path, sign = tmp_path / "model.pt", tmp_path / "ran"
    torch.save({"format": 1, "weights": Attack(sign)}, path)
    torch.load(path, weights_only=False)
    assert sign.exists(), "the attack works on a reader that allows it"
    sign.unlink()
    with pytest.raises(UserError, match="not a model written by the train step"):
        load_model(path)
    assert not sign.exists()


def test_no_model(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        load_model(tmp_path / "model.pt")


def test_a_model_of_another_format(tmp_path):
    path = tmp_path / "model.pt"
    torch.save({"format": 99}, path)
    with pytest.raises(UserError, match="written in format 99"):
        load_model(path)
