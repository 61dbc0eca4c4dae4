"""A batch in parts: the gradient of the loss over the whole batch, whatever the loss; nothing happens twice."""

import pytest
import torch
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st
from torch import nn

from imbalance_aware.losses import LOSSES
from imbalance_aware.losses.make import loss_of
from imbalance_aware.training.accumulation import accumulate, part_sizes

CLASSES = 3
#: Terms and arguments: every loss of the table, those with a queue or class weights, and a sum.
CONDITIONS = [({name: 1.0}, {}) for name in LOSSES]
CONDITIONS += [({name: 1.0}, {name: {"queue_size": 7}}) for name in ("soft_f1", "soft_mcc", "auc_margin")]
CONDITIONS += [({"ce": 1.0}, {"ce": {"weight": [1, 2, 5]}}), ({"ce": 0.5, "soft_mcc": 1.0}, {})]
every_loss = pytest.mark.parametrize(("terms", "kwargs"), CONDITIONS, ids=str)


def network(*layers):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), *layers, nn.Tanh(), nn.Linear(6, CLASSES)).double()


def batch(samples, seed=0):
    stream = torch.Generator().manual_seed(seed)
    images = torch.randn(samples, 4, generator=stream, dtype=torch.float64)
    return images, torch.arange(samples) % CLASSES, torch.rand(samples, generator=stream, dtype=torch.float64)


def gradients(model):
    return [weights.grad for weights in model.parameters()]


@every_loss
@trials(deadline=None, max_examples=8)
@given(samples=st.integers(4, 23), size=st.integers(2, 9), seed=st.integers(0, 99), weighted=st.booleans())
def test_the_gradient_is_that_of_the_whole_batch(terms, kwargs, samples, size, seed, weighted):
    """To float64's digits, for a network without batch normalisation, and of a second batch too (queues)."""
    whole, parts = network(), network()
    losses = [loss_of(terms, kwargs, [20, 9, 4]).double() for _ in range(2)]
    for number in (seed, seed + 1):
        images, target, weight = batch(samples, number)
        weight = weight if weighted else None
        expected = losses[0](whole(images), target, sample_weight=weight)
        expected.backward()
        logits, value = accumulate(
            parts,
            lambda _, part: parts(part),
            lambda logits, target=target, weight=weight: losses[1](logits, target, sample_weight=weight),
            images.split(part_sizes(samples, size)),
        )
        torch.testing.assert_close(value, expected.detach())
        torch.testing.assert_close(logits, whole(images).detach())
    for one, other in zip(gradients(parts), gradients(whole), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-12)
    for one, other in zip(losses[0].state_dict().values(), losses[1].state_dict().values(), strict=True):
        torch.testing.assert_close(one, other)


def test_the_mean_over_parts_of_a_loss_of_the_whole_batch_is_something_else():
    images, target, _ = batch(12)
    loss, model = loss_of({"soft_mcc": 1.0}, {}, [20, 9, 4]), network()
    parts = zip(images.split(4), target.split(4), strict=True)
    mean = torch.stack([loss(model(part), labels) for part, labels in parts]).mean()
    assert abs(float(mean - loss(model(images), target))) > 1e-3


def test_running_means_are_those_of_one_pass_over_the_parts():
    images, target, _ = batch(12)
    once, model = (network(nn.BatchNorm1d(6)).train() for _ in range(2))
    for part in images.split(4):
        once(part)
    accumulate(
        model, lambda _, part: model(part), lambda logits: nn.functional.cross_entropy(logits, target), images.split(4)
    )
    for one, other in zip(model.buffers(), once.buffers(), strict=True):
        assert torch.equal(one, other)
    assert int(model[1].num_batches_tracked) == 3


def test_both_passes_see_the_same_network():
    """Dropout draws the same numbers, and what a pass leaves behind does not reach the other one."""
    images, target, _ = batch(12)
    model, seen = network(nn.BatchNorm1d(6), nn.Dropout(0.5)).train(), []

    def forward(number, part):
        torch.manual_seed(number)
        logits = model(part)
        seen.append((logits.detach().clone(), [values.clone() for values in model.buffers()]))
        return logits

    accumulate(model, forward, lambda logits: nn.functional.cross_entropy(logits, target), images.split(4))
    for first, second in zip(seen[:3], seen[3:], strict=True):
        assert torch.equal(first[0], second[0])
        assert all(torch.equal(one, other) for one, other in zip(first[1], second[1], strict=True))


@given(count=st.integers(2, 300), size=st.integers(2, 60))
def test_parts_make_up_the_batch_and_none_has_one_sample(count, size):
    sizes = part_sizes(count, size)
    assert sum(sizes) == count
    assert set(sizes[:-1]) <= {size}
    assert 2 <= sizes[-1] <= size + 1
