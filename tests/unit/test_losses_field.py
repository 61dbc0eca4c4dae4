"""The modern field against calculations of its own: NumPy, torch, and MONAI's AUC-margin loss."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.losses import AUCMLoss
from scipy.special import log_softmax, logsumexp, softmax
from torch.nn import functional

from imbalance_aware.conditions import read_conditions
from imbalance_aware.losses import LOSSES
from imbalance_aware.losses.asymmetric import AsymmetricLoss
from imbalance_aware.losses.auc_margin import AUCMarginLoss
from imbalance_aware.losses.balanced_softmax import BalancedSoftmaxLoss
from imbalance_aware.losses.build import build_loss
from imbalance_aware.losses.class_balanced_ce import ClassBalancedCrossEntropyLoss
from imbalance_aware.losses.label_smoothing_ce import LabelSmoothingCrossEntropyLoss
from imbalance_aware.losses.ldam import LDAMLoss
from imbalance_aware.losses.logit_adjustment import LogitAdjustmentLoss
from imbalance_aware.losses.vs import VSLoss

COUNTS = [939, 141, 94]


def random_batch(samples=30, classes=3, seed=0, scale=2.0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, scale, (samples, classes)), rng.integers(classes, size=samples)


def value(loss, logits, target):
    """Per-sample values in float64."""
    loss = loss.double()
    loss.reduction = "none"
    return loss(torch.from_numpy(logits), torch.from_numpy(target)).numpy()


def close(given_, expected):
    np.testing.assert_allclose(given_, expected, rtol=1e-5, atol=1e-7)


def test_label_smoothing_is_cross_entropy_against_smoothed_rows():
    logits, target = random_batch()
    smoothed = 0.8 * np.eye(3)[target] + 0.2 / 3
    close(value(LabelSmoothingCrossEntropyLoss(0.2), logits, target), -(smoothed * log_softmax(logits, 1)).sum(1))


def test_class_balanced_weights_are_inverse_effective_numbers():
    logits, target = random_batch()
    effective = np.array([sum(0.999**k for k in range(n)) for n in COUNTS])  # the geometric sum itself
    weight = 1 / effective / np.mean(1 / effective)
    expected = -weight[target] * log_softmax(logits, 1)[np.arange(30), target]
    close(value(ClassBalancedCrossEntropyLoss(COUNTS, 0.999), logits, target), expected)


def test_the_ends_of_beta_are_no_weights_and_inverse_frequencies():
    np.testing.assert_allclose(ClassBalancedCrossEntropyLoss(COUNTS, beta=0).weight, 1)
    weight = ClassBalancedCrossEntropyLoss(COUNTS, beta=1 - 1e-9).weight
    np.testing.assert_allclose(weight * torch.tensor(COUNTS), weight[0] * COUNTS[0], rtol=1e-4)


def test_balanced_softmax_is_a_softmax_over_every_training_sample():
    """With class c's logit standing n_c times, the share of its copies in a softmax over all of them."""
    logits, target = random_batch()
    counts = [5, 3, 2]
    owner = np.repeat(np.arange(3), counts)
    everyone = softmax(logits[:, owner], 1)
    expected = [-np.log(row[owner == label].sum()) for row, label in zip(everyone, target, strict=True)]
    close(value(BalancedSoftmaxLoss(counts), logits, target), expected)


@pytest.mark.parametrize("tau", [0, 1, 2.5])
def test_logit_adjustment_is_the_pairwise_form_of_its_source(tau):
    """log(1 + sum_k (pi_k / pi_y)^tau exp(z_k - z_y)) over the other classes."""
    logits, target = random_batch()
    prior = np.array(COUNTS) / sum(COUNTS)
    expected = [
        np.log1p(sum((prior[k] / prior[y]) ** tau * np.exp(z[k] - z[y]) for k in range(3) if k != y))
        for z, y in zip(logits, target, strict=True)
    ]
    close(value(LogitAdjustmentLoss(COUNTS, tau), logits, target), expected)


def test_special_cases_coincide():
    logits, target = random_batch()
    plain = functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(target), reduction="none")
    close(value(LogitAdjustmentLoss(COUNTS, 0), logits, target), plain)
    close(
        value(LogitAdjustmentLoss(COUNTS, 1), logits, target),
        value(BalancedSoftmaxLoss(COUNTS), logits, target),
    )
    close(
        value(VSLoss(COUNTS, gamma=0, tau=2), logits, target),
        value(LogitAdjustmentLoss(COUNTS, 2), logits, target),
    )


def test_vs_divides_logits_by_the_power_of_the_imbalance():
    logits, target = random_batch()
    counts = np.array(COUNTS)
    adjusted = logits / (counts.max() / counts) ** 0.3 + 1.5 * np.log(counts / counts.sum())
    expected = logsumexp(adjusted, 1) - adjusted[np.arange(30), target]
    close(value(VSLoss(COUNTS, gamma=0.3, tau=1.5), logits, target), expected)


@given(st.integers(1, 20), st.integers(2, 5), st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_ldam_is_cross_entropy_of_scaled_logits_with_a_margin(samples, classes, seed):
    logits, target = random_batch(samples, classes, seed, scale=0.5)
    counts = np.arange(1, classes + 1) ** 3 * 10
    margin = counts**-0.25
    margin *= 0.5 / margin.max()
    shifted = torch.from_numpy(logits)
    shifted[np.arange(samples), target] -= torch.from_numpy(margin[target])
    expected = functional.cross_entropy(30 * shifted, torch.from_numpy(target), reduction="none")
    logits[np.arange(samples), target] += margin[target]  # shifted shares the memory of logits
    close(value(LDAMLoss(counts), logits, target), expected)


def test_ldam_weights_classes_from_the_deferred_epoch_on():
    logits, target = random_batch(scale=0.5)
    loss = LDAMLoss(COUNTS, beta=0.99, deferred_until=0.8)
    plain = value(loss, logits, target)
    weight = 1 / (1 - 0.99 ** np.array(COUNTS))
    weight *= 3 / weight.sum()
    for epoch, expected in [(0, plain), (7, plain), (8, plain * weight[target]), (9, plain * weight[target])]:
        loss.set_progress(epoch, 10)
        close(value(loss, logits, target), expected)
    loss.set_progress(0, 10)
    close(value(loss, logits, target), plain)


def test_a_sum_passes_the_progress_on():
    loss = build_loss({"ce": 1, "ldam": 1}, {"ldam": {"beta": 0.99}}, class_counts=COUNTS)
    loss.set_progress(9, 10)
    assert loss.terms["ldam"].weight[2] > 1 > loss.terms["ldam"].weight[0]


@given(
    st.integers(1, 20), st.integers(2, 5), st.integers(0, 2**32), st.sampled_from([(4, 0, 0.05), (2, 1, 0), (0, 0, 0)])
)
@settings(deadline=None, max_examples=30)
def test_asymmetric_is_its_formula(samples, classes, seed, arguments):
    gamma_neg, gamma_pos, clip = arguments
    logits, target = random_batch(samples, classes, seed)
    expected = np.zeros(samples)
    for i, label in enumerate(target):
        for c, p in enumerate(softmax(logits[i])):
            shifted = max(p - clip, 0)
            if c == label:
                expected[i] -= (1 - p) ** gamma_pos * np.log(p)
            else:
                expected[i] -= shifted**gamma_neg * np.log(1 - shifted)
    close(value(AsymmetricLoss(gamma_neg, gamma_pos, clip), logits, target), expected)


def test_asymmetric_without_focusing_on_two_classes_is_twice_cross_entropy():
    logits, target = random_batch(classes=2)
    plain = functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(target), reduction="none")
    close(value(AsymmetricLoss(0, 0, 0), logits, target), 2 * plain)


@given(st.integers(3, 30), st.integers(2, 4), st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_auc_margin_is_the_mean_over_pairs(samples, classes, seed):
    """With margin 1 the hinge never closes, and L_c is the mean of (1 - p+ + p-)^2 over all pairs (+, -)."""
    logits, target = random_batch(samples, classes, seed)
    p, losses = softmax(logits, 1), []
    for c in range(classes):
        positive, negative = p[target == c, c], p[target != c, c]
        if len(positive) and len(negative):
            losses.append(np.mean((1 - positive[:, None] + negative[None]) ** 2))
    close(AUCMarginLoss()(torch.from_numpy(logits), torch.from_numpy(target)), np.mean(losses) if losses else 0)


@pytest.mark.parametrize("margin", [0.2, 1.0])
def test_auc_margin_is_monais_at_the_optimum_of_its_parameters(margin):
    logits, target = random_batch()
    p, losses, gradients = torch.from_numpy(logits).softmax(1), [], torch.zeros(30, 3, dtype=torch.float64)
    for c in range(3):
        theirs, score = AUCMLoss(margin, version="v2").double(), p[:, c].clone().requires_grad_()
        positive, negative = score[target == c].mean().item(), score[target != c].mean().item()
        theirs.a.data.fill_(positive)
        theirs.b.data.fill_(negative)
        theirs.alpha.data.fill_(max(0, margin - positive + negative))
        losses.append(theirs(score[:, None], torch.from_numpy(target == c)[:, None].double()))
        losses[-1].backward()
        gradients[:, c] = score.grad / 3
    ours = torch.from_numpy(logits).requires_grad_()
    loss = AUCMarginLoss(margin)(ours, torch.from_numpy(target))
    loss.backward()
    torch.testing.assert_close(loss, torch.stack(losses).mean())
    expected = p * (gradients - (p * gradients).sum(1, keepdim=True))
    torch.testing.assert_close(ours.grad, expected)


def test_auc_margin_weights_and_absent_classes():
    logits, target = random_batch()
    one_class = torch.from_numpy(logits).requires_grad_()
    loss = AUCMarginLoss()(one_class, torch.zeros(30, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0
    assert (one_class.grad == 0).all()

    logits, target = torch.from_numpy(logits), torch.from_numpy(target)
    weights = torch.randint(0, 4, (30,), generator=torch.Generator().manual_seed(0))
    repeated = torch.repeat_interleave(torch.arange(30), weights)
    counted = AUCMarginLoss(sample_weight_in="counts")(logits, target, weights)
    torch.testing.assert_close(counted, AUCMarginLoss()(logits[repeated], target[repeated]))


def test_auc_margin_with_a_queue_is_that_of_all_samples():
    logits, target = random_batch(40)
    logits, target = torch.from_numpy(logits).float(), torch.from_numpy(target)
    queued = AUCMarginLoss(queue_size=38, num_classes=3)
    for start in range(0, 40, 2):
        value_ = queued(logits[start : start + 2], target[start : start + 2])
    torch.testing.assert_close(value_, AUCMarginLoss()(logits, target))


@pytest.mark.parametrize("name", ["class_balanced_ce", "balanced_softmax", "logit_adjustment", "ldam", "vs"])
def test_a_class_without_training_samples_is_refused(name):
    cls = type(build_loss({name: 1}, class_counts=COUNTS))
    for counts in ([5, 0, 3], [5], []):
        with pytest.raises(ValueError, match="class_counts"):
            cls(class_counts=counts)


def test_asymmetric_without_clipping_is_finite_where_a_wrong_class_has_probability_1():
    logits = torch.tensor([[1e4, -1e4], [0.0, 40.0], [0.0, 0.0]], requires_grad=True)
    loss = AsymmetricLoss(gamma_neg=0.5, gamma_pos=0.5, clip=0)(logits, torch.tensor([1, 0, 1]))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_arguments_out_of_range_are_refused():
    for build in (
        lambda: LabelSmoothingCrossEntropyLoss(1.0),
        lambda: ClassBalancedCrossEntropyLoss(COUNTS, beta=1),
        lambda: LogitAdjustmentLoss(COUNTS, tau=-1),
        lambda: LDAMLoss(COUNTS, max_margin=0),
        lambda: LDAMLoss(COUNTS, deferred_until=2),
        lambda: VSLoss(COUNTS, gamma=-0.1),
        lambda: AsymmetricLoss(gamma_neg=-1),
        lambda: AsymmetricLoss(clip=1),
        lambda: AUCMarginLoss(margin=0),
    ):
        with pytest.raises(ValueError, match="expected"):
            build()


def test_every_row_of_the_extended_table_builds_and_every_loss_has_a_row(checkout: Path):
    samplings = ["uniform", "oversampling", "square_root", "effective_number"]
    conditions = {
        name: condition
        for table in ("conditions.tsv", "extended_conditions.tsv")
        for name, condition in read_conditions(checkout / "config" / table, list(LOSSES), samplings).items()
    }
    logits, target = torch.randn(6, 3), torch.arange(6) % 3
    for condition in conditions.values():
        loss = build_loss(condition.terms, condition.kwargs, class_counts=COUNTS)
        assert torch.isfinite(loss(logits, target))
    assert {name for condition in conditions.values() for name in condition.terms} == set(LOSSES)


def test_ldam_tells_the_scale_of_the_probabilities_it_trains():
    logits, target = torch.randn(40, 3) / 30, torch.arange(40) % 3
    loss = LDAMLoss([1, 1, 1], max_margin=1e-6, scale=7)
    torch.testing.assert_close(
        loss(logits, target), torch.nn.functional.cross_entropy(loss.logit_scale * logits, target)
    )
