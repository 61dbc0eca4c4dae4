"""Mixup: averages of pairs, with labels that every loss takes as it is meant."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st
from scipy.stats import beta, kstest

from imbalance_aware.losses import LOSSES
from imbalance_aware.losses.make import loss_of
from imbalance_aware.training.mixup import Mixing, mixings

CLASSES, COUNTS = 3, [20, 9, 4]
#: Losses that are linear in the labels: with mixed labels they are the mix of the two losses. Soft F1 and soft MCC are
#: where the mass of each class stays what it was, which a permutation sees to.
LINEAR = (
    "ce",
    "focal",
    "label_smoothing_ce",
    "class_balanced_ce",
    "balanced_softmax",
    "logit_adjustment",
    "vs",
    "asymmetric",
    "soft_f1",
    "soft_mcc",
)
WEIGHTS = {"ce": {"weight": [1.0, 2.0, 5.0]}}
CONDITIONS = [(name, {}) for name in LOSSES] + [("ce", WEIGHTS)]
CONDITIONS += [(name, {name: {"queue_size": 5}}) for name in ("soft_f1", "soft_mcc", "auc_margin")]


def labelled(samples, seed):
    stream = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(samples, CLASSES, generator=stream, dtype=torch.float64)
    target = torch.randint(CLASSES, (samples,), generator=stream)
    return logits, target, torch.rand(samples, generator=stream, dtype=torch.float64)


def mixing(samples, rest, seed=0):
    return Mixing(torch.tensor(rest), torch.from_numpy(np.random.default_rng(seed).permutation(samples)))


def rows(target):
    return torch.eye(CLASSES, dtype=torch.float64)[target]


def drawn(alpha, sizes, seed=0, epoch=0):
    found = [*mixings(alpha, sizes, seed, epoch, torch.device("cpu"))]
    return [float(each.rest) for each in found], [each.partner.tolist() for each in found]


def test_images_are_averages_of_pairs_and_keep_their_layout():
    images = torch.rand(6, 2, 5, 5).contiguous(memory_format=torch.channels_last)
    mixed = mixing(6, 0.3)
    found = mixed.of(images)
    np.testing.assert_allclose(found, 0.7 * images.numpy() + 0.3 * images.numpy()[mixed.partner.numpy()], atol=1e-6)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(mixing(6, 0.0).of(images), images)


@given(st.integers(2, 40), st.floats(0, 0.5), st.integers(0, 99))
def test_class_counts_and_the_largest_label_are_those_of_the_batch(samples, rest, seed):
    _, target, weight = labelled(samples, seed)
    mixed = mixing(samples, rest, seed)
    labels = mixed.of(rows(target))
    torch.testing.assert_close(labels.sum(0), rows(target).sum(0))
    torch.testing.assert_close(labels.sum(1), torch.ones(samples, dtype=torch.float64))
    torch.testing.assert_close(mixed.of(weight).mean(), weight.mean())
    assert (labels.gather(1, target[:, None])[:, 0] >= labels.amax(1) - 1e-6).all()


def test_shares_are_of_a_beta_distribution_and_orders_are_permutations():
    alpha, sizes = 0.4, [4, 3] * 1000
    rests, partners = drawn(alpha, sizes)
    assert min(rests) >= 0 and max(rests) <= 0.5
    # The smaller of b and 1 - b, b ~ Beta(alpha, alpha), is at most x with probability 2 P(b <= x).
    assert kstest(rests, lambda x: 2 * beta.cdf(np.minimum(x, 0.5), alpha, alpha)).pvalue > 1e-3
    assert all(sorted(order) == [*range(size)] for order, size in zip(partners, sizes, strict=True))
    assert len({tuple(order) for order in partners if len(order) == 4}) == 24


def test_draws_depend_on_seed_and_epoch_alone():
    np.random.default_rng(5)
    torch.manual_seed(9)
    assert drawn(0.2, [8, 8, 5]) == drawn(0.2, [8, 8, 5])
    assert drawn(0.2, [8, 8, 5]) != drawn(0.2, [8, 8, 5], seed=1) != drawn(0.2, [8, 8, 5], epoch=1)


@pytest.mark.parametrize(("name", "kwargs"), CONDITIONS, ids=str)
@trials(deadline=None, max_examples=8)
@given(samples=st.integers(1, 20), seed=st.integers(0, 99), whole=st.booleans(), weighted=st.booleans())
def test_unmixed_labels_give_the_unmixed_loss(name, kwargs, samples, seed, whole, weighted):
    """At a share of 1 the labels are the batch's own, at 0 those of the partners, for every loss."""
    logits, target, weight = labelled(samples, seed)
    order = mixing(samples, 0.0, seed).partner
    mixed = Mixing(torch.tensor(0.0 if whole else 1.0), order)
    own, own_weight = (target, weight) if whole else (target[order], weight[order])
    value, expected = (
        loss_of({name: 1.0}, kwargs, COUNTS).double()(logits, labels, sample_weight=given_ if weighted else None)
        for labels, given_ in ((mixed.of(rows(target)), mixed.of(weight)), (own, own_weight))
    )
    torch.testing.assert_close(value, expected)


@pytest.mark.parametrize(("name", "kwargs"), [*((name, {}) for name in LOSSES), ("ce", WEIGHTS)], ids=str)
def test_losses_linear_in_the_labels_are_the_mix_of_both_losses(name, kwargs):
    """The form of Zhang et al. Of LDAM's margins and AUC margin's variances it is the loss of mixed labels."""
    logits, target, _ = labelled(20, 1)
    mixed, loss = mixing(20, 0.3), loss_of({name: 1.0}, kwargs, COUNTS).double()
    value = loss(logits, mixed.of(rows(target)))
    mix = 0.7 * loss(logits, target) + 0.3 * loss(logits, target[mixed.partner])
    if name in LINEAR:
        torch.testing.assert_close(value, mix, rtol=1e-6, atol=1e-6)
    else:
        assert abs(float(value - mix)) > 1e-4


@trials(deadline=None, max_examples=30)
@given(st.integers(2, 30), st.floats(0, 0.5), st.integers(0, 99))
def test_losses_of_the_batch_take_the_confusion_matrix_of_mixed_labels(samples, rest, seed):
    """M_ck = sum_i y_ic p_ik of the mixed labels; F1 and R_K as scikit-learn has them of such a matrix."""
    logits, target, _ = labelled(samples, seed)
    labels = mixing(samples, rest, seed).of(rows(target))
    matrix = labels.numpy().T @ logits.softmax(1).numpy()
    right, actual, predicted, total = np.diag(matrix), matrix.sum(1), matrix.sum(0), matrix.sum()
    f1 = np.mean(2 * right / (actual + predicted))
    spread = (total**2 - (actual**2).sum()) * (total**2 - (predicted**2).sum())
    covariance = right.sum() * total - actual @ predicted
    mcc = covariance / np.sqrt(spread) if total**2 - (actual**2).sum() > 1e-6 else 0.0
    for name, score in (("soft_f1", f1), ("soft_mcc", mcc)):
        value = loss_of({name: 1.0}, {}, COUNTS).double()(logits, labels)
        assert float(value) == pytest.approx(1 - score, abs=1e-6)
