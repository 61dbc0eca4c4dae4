"""Optimisers are torch's, to the bit, and do not import its compiler; schedules are what they are called."""

import io
import subprocess
import sys

import numpy as np
import pytest
import torch

from imbalance_aware.training.optimisers import (
    OPTIMISERS,
    SCHEDULES,
    capturable,
    make_optimiser,
    rate_on_device,
    set_learning_rate,
)

RATES = (1e-2, 5e-3, 1e-3, 1e-3)


def weights():
    torch.manual_seed(0)
    return [torch.randn(4, 3, 3, 3).contiguous(memory_format=torch.channels_last).requires_grad_(), torch.ones(5)]


def step(parameters, optimiser, number):
    torch.manual_seed(number)
    for values in parameters:
        values.grad = torch.randn_like(values)
    optimiser.step()
    optimiser.zero_grad()
    assert all(values.grad is None for values in parameters)


def train(parameters, optimiser, numbers):
    for number in numbers:
        set_learning_rate(optimiser, RATES[number])
        step(parameters, optimiser, number)
    return parameters


def parameters():
    return [values.requires_grad_() for values in weights()]


@pytest.mark.parametrize("name", OPTIMISERS)
def test_an_optimiser_is_torchs(name):
    ours, theirs = parameters(), parameters()
    cls, arguments = OPTIMISERS[name]
    train(ours, make_optimiser(name, ours, RATES[0]), range(4))
    train(theirs, getattr(torch.optim, cls)(theirs, lr=RATES[0], **arguments), range(4))
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    assert not torch.equal(ours[0], parameters()[0])


@pytest.mark.parametrize("name", OPTIMISERS)
def test_an_optimiser_resumes_exactly_from_a_file(name):
    whole = parameters()
    train(whole, make_optimiser(name, whole, RATES[0]), range(4))
    parts = parameters()
    optimiser = make_optimiser(name, parts, RATES[0])
    train(parts, optimiser, range(2))
    buffer = io.BytesIO()
    torch.save(optimiser.state_dict(), buffer)
    buffer.seek(0)
    again = make_optimiser(name, parts, RATES[0])
    again.load_state_dict(torch.load(buffer, weights_only=True))
    train(parts, again, range(2, 4))
    assert all(torch.equal(one, other) for one, other in zip(parts, whole, strict=True))


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_rate_in_a_tensor_gives_the_same_bytes(name):
    """That of the optimiser itself, which changes in place, and does not become a number when a state is loaded."""
    number, tensor = parameters(), parameters()
    train(number, make_optimiser(name, number, RATES[0]), range(4))
    optimiser = make_optimiser(name, tensor, RATES[0])
    rate_on_device(optimiser, torch.device("cpu"))
    rate = optimiser.param_groups[0]["lr"]
    train(tensor, optimiser, range(2))
    assert rate is optimiser.param_groups[0]["lr"] and rate == RATES[1]
    again = make_optimiser(name, tensor, RATES[0])
    again.load_state_dict(optimiser.state_dict())
    rate_on_device(again, torch.device("cpu"))
    with capturable(again):
        train(tensor, again, range(2, 4))
    assert all(torch.equal(one, other) for one, other in zip(tensor, number, strict=True))
    assert rate == RATES[1], "a tensor of its own"


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_rate_of_a_gpu_is_the_nearest_float32(name):
    """The only type that fused optimisers read on a GPU; on the CPU it gives the bytes of that number."""
    number, tensor = parameters(), parameters()
    optimiser = make_optimiser(name, tensor, RATES[0])
    rate_on_device(optimiser, torch.device("meta"))
    assert (optimiser.param_groups[0]["lr"].dtype, optimiser.param_groups[0]["lr"].device.type) == (
        torch.float32,
        "meta",
    )
    optimiser.param_groups[0]["lr"] = torch.zeros((), dtype=torch.float32)
    rounded = make_optimiser(name, number, RATES[0])
    for place in range(4):
        set_learning_rate(optimiser, RATES[place])
        set_learning_rate(rounded, float(np.float32(RATES[place])))
        step(tensor, optimiser, place)
        step(number, rounded, place)
    assert all(torch.equal(one, other) for one, other in zip(tensor, number, strict=True))
    assert max(abs(float(np.float32(rate)) / rate - 1) for rate in RATES) < 6e-8


def test_making_and_using_one_does_not_import_torchs_compiler():
    code = (
        "import sys, torch\n"
        "from imbalance_aware.training.optimisers import OPTIMISERS, make_optimiser\n"
        "for name in OPTIMISERS:\n"
        "    weights = torch.ones(3, requires_grad=True)\n"
        "    optimiser = make_optimiser(name, [weights], 1.0)\n"
        "    weights.sum().backward()\n"
        "    optimiser.step()\n"
        "    optimiser.zero_grad()\n"
        "    optimiser.load_state_dict(optimiser.state_dict())\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_starts_at_the_rate_of_the_settings_and_never_exceeds_it(name):
    factors = [SCHEDULES[name](epoch, 30) for epoch in range(30)]
    assert factors[0] == 1
    assert factors == sorted(factors, reverse=True)
    assert factors[-1] > 0


def test_constant_is_constant():
    assert {SCHEDULES["constant"](epoch, 7) for epoch in range(7)} == {1.0}
