"""What holds for every loss: finite everywhere, right gradients, no order, one vocabulary."""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from imbalance_aware import losses
from imbalance_aware.losses import COMBINED, LOSSES

# Every loss of the table with its default arguments, and the variants that take another path through the code.
CASES = {name: (name, {}) for name in LOSSES} | {
    "ce weight": ("ce", {"weight": True}),
    "ce smoothed": ("ce", {"label_smoothing": 0.1}),
    "focal gamma 0.5": ("focal", {"gamma": 0.5}),
    "focal alpha": ("focal", {"alpha": True}),
    "soft_f1 ignore": ("soft_f1", {"absent_class": "ignore"}),
    "soft_f1 weighted": ("soft_f1", {"average": "weighted"}),
    "soft_f1 micro": ("soft_f1", {"average": "micro"}),
    "soft_f1 weight, counts": ("soft_f1", {"weight": True, "sample_weight_in": "counts"}),
    "soft_mcc macro": ("soft_mcc", {"form": "macro"}),
    "soft_mcc pearson": ("soft_mcc", {"form": "pearson"}),
    "soft_mcc weight, counts": ("soft_mcc", {"weight": True, "sample_weight_in": "counts"}),
    "soft_mcc pearson weight, counts": ("soft_mcc", {"form": "pearson", "weight": True, "sample_weight_in": "counts"}),
    "soft_mcc macro weight, counts": ("soft_mcc", {"form": "macro", "weight": True, "sample_weight_in": "counts"}),
}
CASES |= {
    "asymmetric gammas below 1": ("asymmetric", {"gamma_neg": 0.5, "gamma_pos": 0.5, "clip": 0.01}),
    "auc_margin weight, counts": ("auc_margin", {"weight": True, "sample_weight_in": "counts"}),
}
CASES |= {
    "ce + soft_f1": ("combined", {"terms": {"ce": 1, "soft_f1": 1}}),
    "ce + soft_mcc": ("combined", {"terms": {"ce": 1, "soft_mcc": 1}}),
    "ldam + 0.5 auc_margin": ("combined", {"terms": {"ldam": 1, "auc_margin": 0.5}}),
}
REFERENCES = LOSSES | {"combined": COMBINED}
PER_CLASS = ("weight", "alpha")
every_loss = pytest.mark.parametrize("case", CASES)


def make(case, classes, order=None):
    """The loss of a case for so many classes; what it takes per class runs 1, 2, … (in ``order``, if given)."""
    name, kwargs = CASES[case]
    cls = getattr(losses, REFERENCES[name].partition(":")[2])
    per_class = np.arange(1, classes + 1)[np.arange(classes) if order is None else order]
    kwargs = {key: (per_class / 2).tolist() if key in PER_CLASS else value for key, value in kwargs.items()}
    if "class_counts" in inspect.signature(cls).parameters:
        kwargs["class_counts"] = (10 * per_class).tolist()
    return cls(**kwargs)


def value_and_gradient(loss, logits, target, sample_weight=None):
    logits = logits.detach().clone().requires_grad_()
    value = loss(logits, target, sample_weight)
    value.backward()
    return value.detach(), logits.grad


def batch(samples, classes, seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(samples, classes, generator=generator)
    return logits, torch.randint(classes, (samples,), generator=generator)


def one_hot(target, classes):
    return torch.nn.functional.one_hot(target, classes).float()


SCENES = {
    "random": lambda: batch(20, 3),
    "one sample": lambda: batch(1, 3),
    "two classes": lambda: batch(9, 2),
    "1000 classes": lambda: batch(16, 1000),
    "absent class": lambda: (batch(12, 4)[0], torch.arange(12) % 3),
    "one-class batch": lambda: (batch(12, 3)[0], torch.full((12,), 1)),
    "perfect": lambda: (60 * one_hot(torch.arange(12) % 3, 3), torch.arange(12) % 3),
    "perfect, one class": lambda: (60 * one_hot(torch.ones(12, dtype=torch.long), 3), torch.ones(12, dtype=torch.long)),
    "all wrong": lambda: (60 * one_hot((torch.arange(12) + 1) % 3, 3), torch.arange(12) % 3),
    "collapsed": lambda: (torch.tensor([[60.0, 0.0, 0.0]]).repeat(12, 1), torch.arange(12) % 3),
    "nearly collapsed": lambda: (torch.tensor([[12.0, 0.0, 0.0]]).repeat(12, 1), torch.arange(12) % 3),
    "all equal": lambda: (torch.zeros(12, 3), torch.arange(12) % 3),
    "logits of 1e4": lambda: (1e4 * (2 * one_hot(torch.arange(12) % 3, 3) - 1), (torch.arange(12) // 2) % 3),
    "logits of -1e4": lambda: (torch.full((12, 3), -1e4), torch.arange(12) % 3),
    "wide logits": lambda: batch(32, 5, scale=1e4),
    "soft labels": lambda: (batch(12, 3)[0], batch(12, 3, seed=1)[0].softmax(1)),
}


@every_loss
@pytest.mark.parametrize("scene", SCENES)
def test_value_and_gradient_are_finite(case, scene):
    logits, target = SCENES[scene]()
    value, gradient = value_and_gradient(make(case, logits.shape[1]), logits, target)
    assert value.shape == ()
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


@every_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scene", SCENES)
def test_half_precision_logits_are_summed_in_float32(case, scene, dtype):
    logits, target = SCENES[scene]()
    loss, logits = make(case, logits.shape[1]), logits.to(dtype)
    with torch.autocast("cpu", dtype=dtype):
        value, gradient = value_and_gradient(loss, logits, target)
    reference, reference_gradient = value_and_gradient(loss, logits.float(), target)
    assert value.dtype == torch.float32
    assert gradient.dtype == dtype
    torch.testing.assert_close(value, reference)
    torch.testing.assert_close(gradient, reference_gradient.to(dtype))


@every_loss
@pytest.mark.parametrize("weighted", [False, True])
def test_float32_keeps_its_digits_over_a_million_samples(case, weighted):
    """Value and gradient are finite there too. Weights only multiply the terms: a quarter of a million shows them."""
    count = 2**18 if weighted else 2**20
    logits, target = batch(count, 3)
    logits[: count // 2] = torch.linspace(-1, 1, 3)  # half of them alike, in which errors of rounding add up
    loss, weight = make(case, 3), torch.full((count,), 0.1) if weighted else None
    value, gradient = value_and_gradient(loss, logits, target, weight)
    exact, exact_gradient = value_and_gradient(
        loss, logits.double(), target, None if weight is None else weight.double()
    )
    torch.testing.assert_close(value.double(), exact, rtol=2e-5, atol=2e-6)
    error = (gradient.double() - exact_gradient).abs().max()
    assert error <= 1e-4 * exact_gradient.abs().max()


@every_loss
def test_weights_of_zero_for_all_samples_give_zero(case):
    logits, target = batch(12, 3)
    value, gradient = value_and_gradient(make(case, 3), logits, target, torch.zeros(12))
    assert torch.isfinite(value)
    assert (gradient == 0).all()


@every_loss
@given(st.integers(1, 40), st.integers(2, 6), st.integers(0, 2**32), st.floats(0.01, 300))
@settings(max_examples=25, deadline=None)
def test_random_batches(case, samples, classes, seed, scale):
    """Finite value and gradient, and neither the order of the samples nor that of the classes matters."""
    logits, target = batch(samples, classes, seed, scale)
    value, gradient = value_and_gradient(make(case, classes), logits, target)
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()

    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.randperm(samples, generator=generator), torch.randperm(classes, generator=generator)
    permuted, permuted_gradient = value_and_gradient(
        make(case, classes, columns.numpy()), logits[rows][:, columns], torch.argsort(columns)[target[rows]]
    )
    torch.testing.assert_close(permuted, value, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        permuted_gradient, gradient[rows][:, columns], rtol=1e-3, atol=1e-4 * float(gradient.abs().max()) + 1e-6
    )


@every_loss
@pytest.mark.parametrize("scene", ["random", "one sample", "two classes", "absent class", "soft labels", "all equal"])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_is_that_of_the_value(case, scene, weighted):
    logits, target = SCENES[scene]()
    loss = make(case, logits.shape[1])
    logits = logits.double().requires_grad_()
    sample_weight = torch.linspace(0.5, 2, len(logits), dtype=torch.float64) if weighted else None
    # In one scene every derivative by itself, in the others a random combination of all.
    assert gradcheck(lambda z: loss(z, target, sample_weight), logits, fast_mode=scene != "random")


@every_loss
def test_integer_targets_equal_one_hot_rows(case):
    logits, target = batch(20, 4)
    loss = make(case, 4)
    hard = value_and_gradient(loss, logits, target)
    for encoded in (target[:, None], target.int(), one_hot(target, 4), one_hot(target, 4).long()):
        for given_, expected in zip(value_and_gradient(loss, logits, encoded), hard, strict=True):
            torch.testing.assert_close(given_, expected)


@every_loss
def test_a_single_logit_z_stands_for_the_logits_0_and_z(case):
    logits, target = batch(20, 2)
    logits[:, 0] = 0
    loss, single = make(case, 2), logits[:, 1]
    expected = loss(logits, target)
    for encoded in (target, target.float(), target[:, None], target[:, None].float(), one_hot(target, 2)):
        torch.testing.assert_close(loss(single, encoded), expected)
        torch.testing.assert_close(loss(single[:, None], encoded), expected)


@every_loss
def test_sample_weights_of_one_change_nothing(case):
    logits, target = batch(20, 3)
    loss = make(case, 3)
    for given_, expected in zip(
        value_and_gradient(loss, logits, target, torch.ones(20)), value_and_gradient(loss, logits, target), strict=True
    ):
        torch.testing.assert_close(given_, expected)


@every_loss
def test_shapes_that_do_not_fit_are_refused(case):
    loss = make(case, 3)
    logits, target = batch(6, 3)
    for bad_logits, bad_target in [
        (logits[:0], target[:0]),
        (logits[None], target),
        (logits, target[:5]),
        (logits, target.float()),
        (logits, one_hot(target, 4)),
    ]:
        with pytest.raises(ValueError, match="expected"):
            loss(bad_logits, bad_target)
    with pytest.raises(ValueError, match="sample_weight"):
        loss(logits, target, torch.ones(6, 1))


@pytest.mark.parametrize("case", [case for case, (_, kwargs) in CASES.items() if {"weight", "alpha"} & {*kwargs}])
def test_another_number_of_weights_than_classes_is_refused(case):
    logits, target = batch(12, 4)
    with pytest.raises(ValueError, match="3 values; expected one for each of the 4 classes"):
        make(case, 3)(logits, target)


@every_loss
def test_every_loss_documents_formula_shapes_source_and_failure(case):
    text = inspect.getdoc(type(make(case, 3)))
    for part in (".. math::", "Shapes:", "Source:", "Fails when:"):
        assert part in text


@pytest.mark.slow
@every_loss
def test_compiles_without_graph_breaks(case):
    logits, target = batch(20, 3)
    loss, weight = make(case, 3), torch.linspace(0.5, 2, 20)
    torch.compiler.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    for sample_weight in (None, weight):
        for given_, expected in zip(
            value_and_gradient(compiled, logits, target, sample_weight),
            value_and_gradient(loss, logits, target, sample_weight),
            strict=True,
        ):
            torch.testing.assert_close(given_, expected)
