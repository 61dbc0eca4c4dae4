"""Optimisers are torch's, to the bit, and do not import its compiler; schedules are what they are called."""

import io
import subprocess
import sys

import pytest
import torch

from imbalance_aware.training.optimisers import OPTIMISERS, SCHEDULES, make_optimiser, set_learning_rate

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
