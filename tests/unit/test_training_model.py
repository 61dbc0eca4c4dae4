"""The network of a run: made from a seed, optimised, and the file it is kept in."""

import pytest
import torch

from imbalance_aware.errors import UserError
from imbalance_aware.models.make import InputSpec, make_model
from imbalance_aware.models.model_file import load_model, save_model
from imbalance_aware.training.adam import Adam

SMALL = {"blocks": (1, 2, 1, 1), "widths": (4, 6, 6, 8), "stem_kernel": 3}
SPEC = InputSpec(channels=2, shape=(16, 16), dtype="uint8", crop=None, classes=("a", "b", "c"))


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


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


def test_adam_is_torchs():
    ours, theirs = make_model(SMALL, SPEC, 0), make_model(SMALL, SPEC, 0)
    mine = Adam(ours.parameters())
    other = torch.optim.Adam(theirs.parameters(), lr=1e-3, fused=True)
    steps(ours, lambda: mine.step(1e-3))
    steps(theirs, lambda: (other.step(), other.zero_grad()))
    for (name, weights), expected in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.equal(weights, expected), name


def test_a_model_file_gives_the_same_network_and_the_same_bytes(tmp_path):
    model = make_model(SMALL, SPEC, 0)
    optimiser = Adam(model.parameters())
    steps(model, lambda: optimiser.step(1e-3))
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


def test_no_model(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        load_model(tmp_path / "model.pt")


def test_a_model_of_another_format(tmp_path):
    path = tmp_path / "model.pt"
    torch.save({"format": 99}, path)
    with pytest.raises(UserError, match="written in format 99"):
        load_model(path)
