"""Soft MCC against scikit-learn, MONAI, and Gorodkin's definition."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.losses import MCCLoss
from sklearn.metrics import matthews_corrcoef

from imbalance_aware.losses.soft_mcc import SoftMCCLoss

pytestmark = pytest.mark.filterwarnings("ignore:A single label was found")
every_form = pytest.mark.parametrize("form", ["rk", "macro", "pearson"])


def hard_logits(predicted, classes):
    return 100 * torch.nn.functional.one_hot(predicted, classes).float()


def random_batch(samples, classes, seed, scale=2.0):
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(samples, classes, generator=generator)
    return logits, torch.randint(classes, (samples,), generator=generator)


@st.composite
def hard_predictions(draw):
    classes, samples = draw(st.integers(2, 6)), draw(st.integers(1, 200))
    labels = st.lists(st.integers(0, classes - 1), min_size=samples, max_size=samples)
    return classes, torch.tensor(draw(labels)), torch.tensor(draw(labels))


@pytest.mark.parametrize("form", ["rk", "pearson"])
@given(hard_predictions())
@settings(max_examples=40, deadline=None)
def test_hard_predictions_equal_scikit_learn(form, case):
    classes, target, predicted = case
    expected = matthews_corrcoef(target, predicted)
    assert 1 - SoftMCCLoss(form)(hard_logits(predicted, classes), target).item() == pytest.approx(expected, abs=1e-6)


@given(hard_predictions())
@settings(max_examples=40, deadline=None)
def test_macro_is_the_mean_of_scikit_learns_binary_coefficients(case):
    classes, target, predicted = case
    expected = np.mean([matthews_corrcoef(target == c, predicted == c) for c in range(classes)])
    assert 1 - SoftMCCLoss("macro")(hard_logits(predicted, classes), target).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("form", ["rk", "pearson"])
@given(hard_predictions())
@settings(max_examples=40, deadline=None)
def test_sample_weights_in_counts_equal_scikit_learn(form, case):
    classes, target, predicted = case
    weight = np.random.default_rng(0).uniform(0.1, 3, len(target))
    expected = matthews_corrcoef(target, predicted, sample_weight=weight)
    loss = SoftMCCLoss(form, sample_weight_in="counts").double()
    value = loss(hard_logits(predicted, classes).double(), target, torch.from_numpy(weight))
    assert 1 - value.item() == pytest.approx(expected, abs=1e-6)


@every_form
def test_one_error_in_a_million_samples_counts(form):
    """s TP - p t of 2^20 samples would lose every digit of this difference in float32."""
    target = torch.zeros(2**20, dtype=torch.long)
    target[:3] = torch.tensor([1, 1, 2])
    predicted = target.clone()
    predicted[0] = 0
    value = 1 - SoftMCCLoss(form)(hard_logits(predicted, 3), target).item()
    if form == "macro":
        expected = np.mean([matthews_corrcoef(target == c, predicted == c) for c in range(3)])
    else:
        expected = matthews_corrcoef(target, predicted)
    assert value == pytest.approx(expected, abs=1e-6)


@given(st.integers(2, 60), st.integers(2, 6), st.integers(0, 2**32))
@settings(deadline=None)
def test_soft_macro_equals_monai(samples, classes, seed):
    logits, target = random_batch(samples, classes, seed)
    one_hot = torch.nn.functional.one_hot(target, classes).double()
    reference = MCCLoss(softmax=True, batch=True, smooth_dr=1e-12)(logits.double(), one_hot)
    assert SoftMCCLoss("macro")(logits.double(), target).item() == pytest.approx(reference.item(), abs=1e-6)


def test_rk_of_soft_predictions_is_the_formula_of_the_study():
    rng = np.random.default_rng(2)
    p, t = rng.dirichlet([1, 1, 1], 40), np.arange(40) % 3
    s, c, t_k, p_k = 40, p[np.arange(40), t].sum(), np.bincount(t), p.sum(0)
    rk = (c * s - p_k @ t_k) / np.sqrt((s**2 - p_k @ p_k) * (s**2 - t_k @ t_k))
    assert SoftMCCLoss()(torch.from_numpy(p).log(), torch.from_numpy(t)).item() == pytest.approx(1 - rk, abs=1e-12)


@pytest.mark.parametrize(("samples", "classes"), [(20, 3), (200, 3), (200, 100), (9000, 3), (9000, 20)])
def test_large_batches_take_other_paths_to_the_same_value_and_gradient(samples, classes):
    logits, target = random_batch(samples, classes, 0)
    ours, plain = logits.double().requires_grad_(), logits.double().requires_grad_()
    p, y = plain.softmax(1), torch.nn.functional.one_hot(target, classes).double()
    p_k, t_k = p.sum(0), y.sum(0)
    numerator = (p * y).sum() * samples - (p_k * t_k).sum()
    reference = 1 - numerator / ((samples**2 - (p_k**2).sum()) * (samples**2 - (t_k**2).sum())).sqrt()
    loss = SoftMCCLoss()(ours, target)
    loss.backward()
    reference.backward()
    torch.testing.assert_close(loss, reference)
    torch.testing.assert_close(ours.grad, plain.grad)


def test_a_second_derivative_is_refused_and_not_silently_0():
    logits, target = random_batch(8, 3, 0)
    logits.requires_grad_()
    with pytest.raises(NotImplementedError, match="first derivative only"):
        torch.autograd.grad(SoftMCCLoss()(logits, target), logits, create_graph=True)


def test_pearson_of_soft_predictions_is_gorodkins_correlation():
    rng = np.random.default_rng(3)
    p, t, weight = rng.dirichlet([1, 1, 1], 40), np.arange(40) % 3, np.array([1, 2, 5])

    def covariance(a, b):
        return sum(weight[k] * np.cov(a[:, k], b[:, k])[0, 1] for k in range(3))

    y = np.eye(3)[t]
    expected = covariance(p, y) / np.sqrt(covariance(p, p) * covariance(y, y))
    loss = SoftMCCLoss("pearson", weight=weight)(torch.from_numpy(p).log(), torch.from_numpy(t))
    assert loss.item() == pytest.approx(1 - expected, abs=1e-6)


def test_pearson_does_not_see_confidence_and_rk_does():
    p = torch.tensor([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.3, 0.7]], dtype=torch.float64)
    halved, target = p.mean(0) + (p - p.mean(0)) / 2, torch.tensor([0, 0, 1, 1])
    pearson, rk = SoftMCCLoss("pearson"), SoftMCCLoss("rk")
    torch.testing.assert_close(pearson(halved.log(), target), pearson(p.log(), target))
    assert rk(halved.log(), target) > rk(p.log(), target) + 0.1


@given(hard_predictions(), st.integers(0, 5))
@settings(deadline=None)
def test_weight_on_one_class_leaves_its_binary_coefficient(case, chosen):
    classes, target, predicted = case
    chosen %= classes
    weight = [float(c == chosen) for c in range(classes)]
    expected = matthews_corrcoef(target == chosen, predicted == chosen)
    for form in ("rk", "macro", "pearson"):
        loss = SoftMCCLoss(form, weight=weight)(hard_logits(predicted, classes), target)
        assert 1 - loss.item() == pytest.approx(expected, abs=1e-6)


@every_form
@given(st.integers(1, 40), st.integers(2, 6), st.integers(0, 2**32))
@settings(deadline=None)
def test_the_value_lies_in_0_2(form, samples, classes, seed):
    logits, target = random_batch(samples, classes, seed, scale=10)
    # Rounding: of probabilities near 1, the differences that pearson scales up have few digits left.
    assert -1e-4 <= SoftMCCLoss(form)(logits, target).item() <= 2 + 1e-4


@every_form
def test_where_the_coefficient_is_undefined_it_is_0_without_gradient(form):
    logits = torch.randn(12, 3, requires_grad=True)
    loss = SoftMCCLoss(form)(logits, torch.ones(12, dtype=torch.long))
    loss.backward()
    assert loss.item() == 1
    assert (logits.grad == 0).all()


@every_form
def test_collapsed_predictions_score_0(form):
    logits = torch.tensor([[30.0, 0.0, 0.0]]).repeat(12, 1)
    assert SoftMCCLoss(form)(logits, torch.arange(12) % 3).item() == pytest.approx(1, abs=1e-6)


@every_form
def test_perfect_and_reversed_predictions(form):
    target = torch.arange(12) % 2
    assert SoftMCCLoss(form)(hard_logits(target, 2), target).item() == pytest.approx(0, abs=1e-6)
    assert SoftMCCLoss(form)(hard_logits(1 - target, 2), target).item() == pytest.approx(2, abs=1e-6)


def test_sample_weights_in_the_loss_multiply_it_by_their_mean():
    logits, target = random_batch(8, 3, 0)
    weight = torch.linspace(0.2, 3, 8)
    torch.testing.assert_close(SoftMCCLoss()(logits, target, weight), weight.mean() * SoftMCCLoss()(logits, target))


def test_unknown_form_is_refused():
    with pytest.raises(ValueError, match="'rk', 'macro', 'pearson'"):
        SoftMCCLoss("r_k")
