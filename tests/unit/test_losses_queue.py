"""The memory of losses of the whole batch: the metric over more samples, resumed exactly."""

import copy

import pytest
import torch
from sklearn.metrics import f1_score, matthews_corrcoef

from imbalance_aware.losses.build import build_loss
from imbalance_aware.losses.soft_f1 import SoftF1Loss
from imbalance_aware.losses.soft_mcc import SoftMCCLoss

LOSSES = {
    "f1": lambda **kwargs: SoftF1Loss(**kwargs),
    "f1 micro": lambda **kwargs: SoftF1Loss("micro", **kwargs),
    "rk": lambda **kwargs: SoftMCCLoss("rk", **kwargs),
    "macro": lambda **kwargs: SoftMCCLoss("macro", **kwargs),
    "pearson": lambda **kwargs: SoftMCCLoss("pearson", **kwargs),
}
every_loss = pytest.mark.parametrize("make", LOSSES.values(), ids=LOSSES)


def stream(steps, samples, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        yield torch.randn(samples, 3, generator=generator), torch.randint(3, (samples,), generator=generator)


@every_loss
@pytest.mark.parametrize("samples", [1, 4, 7, 30])
def test_the_value_is_that_of_the_last_samples_and_the_batch_together(make, samples):
    queued, plain, seen = make(queue_size=20, num_classes=3), make(), []
    for logits, target in stream(9, samples):
        earlier = [torch.cat(parts)[-20:] for parts in zip(*seen, strict=True)] if seen else [logits[:0], target[:0]]
        together = plain(torch.cat((earlier[0], logits)), torch.cat((earlier[1], target)))
        torch.testing.assert_close(queued(logits, target), together)
        seen.append((logits, target))


@pytest.mark.parametrize(
    ("make", "metric"),
    [
        (LOSSES["rk"], matthews_corrcoef),
        (LOSSES["pearson"], matthews_corrcoef),
        (LOSSES["f1"], lambda target, predicted: f1_score(target, predicted, average="macro")),
    ],
)
def test_hard_predictions_in_small_batches_give_scikit_learns_metric_of_all(make, metric):
    generator = torch.Generator().manual_seed(1)
    target, predicted = torch.randint(3, (2, 60), generator=generator)
    loss = make(queue_size=60, num_classes=3)
    logits = 100 * torch.nn.functional.one_hot(predicted, 3).float()
    for start in range(0, 60, 2):
        value = loss(logits[start : start + 2], target[start : start + 2])
    assert 1 - value.item() == pytest.approx(metric(target, predicted), abs=1e-6)


@every_loss
def test_the_gradient_is_that_of_the_batch_with_the_rest_held_constant(make):
    queued, plain = make(queue_size=12, num_classes=3), make()
    (first, first_target), (second, second_target) = stream(2, 12)
    first.requires_grad_()
    second.requires_grad_()
    queued(first, first_target)
    queued(second, second_target).backward()
    assert first.grad is None
    both = torch.cat((first.detach(), second.detach())).requires_grad_()
    plain(both, torch.cat((first_target, second_target))).backward()
    torch.testing.assert_close(second.grad, both.grad[12:])


@every_loss
def test_evaluation_neither_reads_nor_fills_the_queue(make):
    queued, plain = make(queue_size=12, num_classes=3), make()
    (first, first_target), (second, second_target) = stream(2, 8)
    queued(first, first_target)
    before = copy.deepcopy(queued.state_dict())
    torch.testing.assert_close(queued.eval()(second, second_target), plain(second, second_target))
    assert all(torch.equal(value, before[name]) for name, value in queued.state_dict().items())


@every_loss
def test_a_resumed_queue_goes_on_exactly(make):
    batches = list(stream(8, 5))
    whole = make(queue_size=16, num_classes=3)
    expected = [whole(*batch) for batch in batches]
    first, second = make(queue_size=16, num_classes=3), make(queue_size=16, num_classes=3)
    for batch in batches[:4]:
        first(*batch)
    second.load_state_dict(first.state_dict())
    assert [second(*batch) for batch in batches[4:]] == expected[4:]


@every_loss
def test_sample_weights_in_counts_stay_with_their_samples(make):
    queued, plain = make(queue_size=12, num_classes=3, sample_weight_in="counts"), make(sample_weight_in="counts")
    (first, first_target), (second, second_target) = stream(2, 8)
    first_weight, second_weight = torch.linspace(0.1, 2, 16).chunk(2)
    queued(first, first_target, first_weight)
    torch.testing.assert_close(
        queued(second, second_target, second_weight),
        plain(
            torch.cat((first, second)),
            torch.cat((first_target, second_target)),
            torch.cat((first_weight, second_weight)),
        ),
    )


@every_loss
def test_one_class_batches_learn_from_the_queue(make):
    """Alone, a batch of one class has no gradient under MCC; beside samples of other classes it has."""
    queued = make(queue_size=12, num_classes=3)
    (first, first_target), (second, _) = stream(2, 12)
    queued(first, first_target)
    second.requires_grad_()
    queued(second, torch.ones(12, dtype=torch.long)).backward()
    assert second.grad.abs().max() > 1e-4


def test_the_queue_is_part_of_a_sum_and_of_its_state():
    loss = build_loss({"ce": 1, "soft_mcc": 1}, {"soft_mcc": {"queue_size": 16}}, class_counts=[8, 5, 3])
    loss(*next(stream(1, 4)))
    state = loss.state_dict()
    assert state["terms.soft_mcc.queue.sample_weight"].sum() == 4
    loss.eval()
    loss(*next(stream(1, 4)))
    assert loss.state_dict()["terms.soft_mcc.queue.sample_weight"].sum() == 4


def test_a_queue_needs_the_number_of_classes():
    with pytest.raises(ValueError, match="num_classes"):
        SoftMCCLoss(queue_size=10)
    with pytest.raises(ValueError, match="queue_size"):
        SoftF1Loss(queue_size=-1, num_classes=3)


@pytest.mark.slow
@every_loss
def test_a_queue_compiles_without_graph_breaks(make):
    torch.compiler.reset()
    compiled_loss, loss = make(queue_size=16, num_classes=3), make(queue_size=16, num_classes=3)
    compiled = torch.compile(compiled_loss, fullgraph=True, backend="aot_eager")
    for logits, target in stream(5, 6):
        mine, reference = logits.clone().requires_grad_(), logits.clone().requires_grad_()
        value, expected = compiled(mine, target), loss(reference, target)
        value.backward()
        expected.backward()
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(mine.grad, reference.grad)
    for name, buffer in loss.state_dict().items():
        torch.testing.assert_close(compiled_loss.state_dict()[name], buffer)
