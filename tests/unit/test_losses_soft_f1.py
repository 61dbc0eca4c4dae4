"""Soft F1 against scikit-learn, MONAI and the definition by precision and recall."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.losses import DiceLoss
from sklearn.metrics import f1_score

from imbalance_aware.losses.soft_f1 import SoftF1Loss


def hard_logits(predicted, classes):
    return 100 * torch.nn.functional.one_hot(predicted, classes).float()


@st.composite
def hard_predictions(draw):
    classes, samples = draw(st.integers(2, 6)), draw(st.integers(1, 200))
    labels = st.lists(st.integers(0, classes - 1), min_size=samples, max_size=samples)
    return classes, torch.tensor(draw(labels)), torch.tensor(draw(labels))


@given(hard_predictions(), st.sampled_from(["macro", "weighted", "micro"]))
@settings(max_examples=40, deadline=None)
def test_hard_predictions_equal_scikit_learn(case, average):
    classes, target, predicted = case
    expected = f1_score(target, predicted, labels=range(classes), average=average, zero_division=0)
    assert 1 - SoftF1Loss(average)(hard_logits(predicted, classes), target).item() == pytest.approx(expected, abs=1e-6)


@given(hard_predictions(), st.sampled_from(["macro", "weighted", "micro"]))
@settings(max_examples=40, deadline=None)
def test_sample_weights_in_counts_equal_scikit_learn(case, average):
    classes, target, predicted = case
    weight = np.random.default_rng(0).uniform(0.1, 3, len(target))
    expected = f1_score(
        target, predicted, labels=range(classes), average=average, zero_division=0, sample_weight=weight
    )
    loss = SoftF1Loss(average, sample_weight_in="counts")(
        hard_logits(predicted, classes), target, torch.from_numpy(weight)
    )
    assert 1 - loss.item() == pytest.approx(expected, abs=1e-6)


@given(hard_predictions())
@settings(max_examples=40, deadline=None)
def test_ignoring_absent_classes_is_the_mean_over_the_classes_present(case):
    classes, target, predicted = case
    expected = f1_score(target, predicted, labels=np.unique(target), average="macro", zero_division=0)
    loss = SoftF1Loss(absent_class="ignore")(hard_logits(predicted, classes), target)
    assert 1 - loss.item() == pytest.approx(expected, abs=1e-6)


@given(st.integers(2, 60), st.integers(2, 6), st.integers(0, 2**32))
@settings(deadline=None)
def test_soft_predictions_equal_monai(samples, classes, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(samples, classes, generator=generator)
    target = torch.randint(classes, (samples,), generator=generator)
    dice = DiceLoss(softmax=True, batch=True, smooth_nr=0, smooth_dr=0)
    one_hot = torch.nn.functional.one_hot(target, classes).float()
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    loss, reference = SoftF1Loss()(ours, target), dice(theirs, one_hot)
    loss.backward()
    reference.backward()
    torch.testing.assert_close(loss, reference)
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize(("samples", "classes"), [(20, 3), (200, 3), (200, 100), (9000, 3), (9000, 20)])
def test_large_batches_take_other_paths_to_the_same_value_and_gradient(samples, classes):
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(samples, classes, generator=generator, dtype=torch.float64)
    target = torch.randint(classes, (samples,), generator=generator)
    weight = torch.rand(samples, generator=generator, dtype=torch.float64)
    ours, plain = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    loss = SoftF1Loss(sample_weight_in="counts")(ours, target, weight)
    p, y = weight[:, None] * plain.softmax(1), weight[:, None] * torch.nn.functional.one_hot(target, classes)
    reference = 1 - (2 * (y * plain.softmax(1)).sum(0) / (p.sum(0) + y.sum(0))).mean()
    loss.backward()
    reference.backward()
    torch.testing.assert_close(loss, reference)
    torch.testing.assert_close(ours.grad, plain.grad)


def test_the_definition_by_precision_and_recall():
    rng = np.random.default_rng(1)
    probabilities, target = rng.dirichlet(np.ones(3), 30), np.arange(30) % 3
    scores = []
    for c in range(3):
        precision = probabilities[target == c, c].sum() / probabilities[:, c].sum()
        recall = probabilities[target == c, c].mean()
        scores.append(2 * precision * recall / (precision + recall))
    loss = SoftF1Loss()(torch.from_numpy(probabilities).log(), torch.from_numpy(target))
    assert loss.item() == pytest.approx(1 - np.mean(scores), abs=1e-12)
    weighted = SoftF1Loss(weight=[1, 2, 5])(torch.from_numpy(probabilities).log(), torch.from_numpy(target))
    assert weighted.item() == pytest.approx(1 - np.average(scores, weights=[1, 2, 5]), abs=1e-7)


@given(st.integers(1, 40), st.integers(2, 6), st.integers(0, 2**32), st.sampled_from(["macro", "weighted", "micro"]))
@settings(deadline=None)
def test_the_value_lies_in_0_1(samples, classes, seed, average):
    generator = torch.Generator().manual_seed(seed)
    logits = 10 * torch.randn(samples, classes, generator=generator)
    target = torch.randint(classes, (samples,), generator=generator)
    assert -1e-6 <= SoftF1Loss(average)(logits, target).item() <= 1 + 1e-6


def test_perfect_predictions_score_1_and_wrong_ones_0():
    target = torch.arange(9) % 3
    assert SoftF1Loss()(hard_logits(target, 3), target).item() == pytest.approx(0, abs=1e-6)
    assert SoftF1Loss()(hard_logits((target + 1) % 3, 3), target).item() == 1


def test_sample_weights_in_the_loss_multiply_it_by_their_mean():
    logits, target = torch.randn(8, 3), torch.arange(8) % 3
    weight = torch.linspace(0.2, 3, 8)
    torch.testing.assert_close(SoftF1Loss()(logits, target, weight), weight.mean() * SoftF1Loss()(logits, target))


def test_an_absent_class_has_no_gradient_of_its_own():
    """The class costs 1/3 whatever is predicted: lowering its probability gains nothing by itself."""
    logits = torch.randn(12, 3)
    target = torch.arange(12) % 2
    zero, ignore = SoftF1Loss()(logits, target), SoftF1Loss(absent_class="ignore")(logits, target)
    torch.testing.assert_close(1 - zero, (1 - ignore) * 2 / 3)


def test_unknown_choices_are_refused():
    with pytest.raises(ValueError, match="'macro', 'weighted', 'micro'"):
        SoftF1Loss("mikro")
    with pytest.raises(ValueError, match="absent_class"):
        SoftF1Loss(absent_class="drop")
    with pytest.raises(ValueError, match="sample_weight_in"):
        SoftF1Loss(sample_weight_in="samples")
