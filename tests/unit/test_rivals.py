"""Rivals against formulas written out, scikit-learn and torch."""

import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from imbalance_aware.errors import UserError
from imbalance_aware.rivals import balanced_steps, crt, knn, logistic, lws, tau
from imbalance_aware.rivals.catalogue import RIVALS
from imbalance_aware.rivals.classify import fitted
from imbalance_aware.rivals.frozen import Frozen, Method, softmax

COUNTS = (120, 30, 12)


def frozen(seed: int = 0, width: int = 6, counts: tuple[int, ...] = COUNTS, scale: float = 3.0) -> Frozen:
    """Overlapping classes, and a last layer that favours the frequent ones."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    means = rng.normal(size=(len(counts), width))
    features = scale * np.maximum(means[labels] + rng.normal(size=(len(labels), width)), 0)
    weight = rng.normal(size=(len(counts), width)) * np.sqrt(counts)[:, None] / 10
    return Frozen(features, labels, weight, rng.normal(size=len(counts)))


def inputs(seed: int = 9, n: int = 40, width: int = 6) -> np.ndarray:
    return 3 * np.maximum(np.random.default_rng(seed).normal(size=(n, width)), 0)


def test_every_rival_is_declared_whole(checkout):
    """A rival without its module, its method, its label or its section of the documentation is a mistake."""
    page = (checkout / "docs/rivals.md").read_text(encoding="utf-8")
    parts = {"__init__", "catalogue", "classify", "frozen", "part_features", "keep_features", "balanced_steps"}
    modules = {path.stem for path in Path(crt.__file__).parent.glob("*.py")} - parts
    assert {rival.module for rival in RIVALS.values()} == {f"rivals.{name}" for name in modules}
    assert len({rival.label for rival in RIVALS.values()}) == len(RIVALS)
    for name, rival in RIVALS.items():
        method = import_module(f"imbalance_aware.{rival.module}").METHOD
        assert bool(method.parameter) == bool(method.grid) == (method.default is not None), name
        assert rival.meaning and rival.source and isinstance(rival.balances, bool)
        assert re.search(rf"^## .*`{name}`$", page, re.MULTILINE), f"docs/rivals.md has no section for {name}"
        assert re.fullmatch(r"[a-z]+", name), "the name is part of a folder's name"


@pytest.mark.parametrize("name", RIVALS)
def test_probabilities_are_usable_and_the_same_each_time(name):
    method = import_module(f"imbalance_aware.{RIVALS[name].module}").METHOD
    first, again = (method.fit(frozen(), method.default, 3)(inputs()) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert first.shape == (40, 3) and (first > 0).all()
    np.testing.assert_allclose(first.sum(axis=1), 1, atol=1e-9)


@pytest.mark.parametrize("name", RIVALS)
def test_features_that_are_all_zero_or_alike_give_finite_probabilities(name):
    """As of a network that collapsed."""
    method = import_module(f"imbalance_aware.{RIVALS[name].module}").METHOD
    known = frozen()
    for value in (0.0, 2.0):
        alike = Frozen(np.full_like(known.features, value), known.labels, known.weight, known.bias)
        given_ = method.fit(alike, method.default, 0)(np.full((5, 6), value))
        assert np.isfinite(given_).all() and np.ptp(given_, axis=0).max() < 1e-12


@given(st.integers(0, 10_000), st.floats(0, 1.5))
@trials(max_examples=40, deadline=None)
def test_tau_normalisation_decides_as_the_formula_of_kang_et_al(seed, value):
    known, new = frozen(seed), inputs(seed + 1)
    by_hand = np.stack([weight / np.sqrt((weight**2).sum()) ** value for weight in known.weight])
    logits = new @ by_hand.T  # no bias
    given_ = tau.fit(known, value, 0)(new)
    np.testing.assert_array_equal(given_.argmax(1), logits.argmax(1))
    norms = np.sqrt((known.weight**2).sum(axis=1))
    scale = np.prod(norms) ** (1 / len(norms))
    np.testing.assert_allclose(given_, softmax(logits * scale**value), atol=1e-12)


def test_tau_of_one_makes_all_norms_equal_and_of_zero_changes_none():
    known = frozen()
    norms = np.linalg.norm(known.weight, axis=1)
    np.testing.assert_allclose(np.linalg.norm(tau.normalised(known.weight, 1.0), axis=1), np.exp(np.log(norms).mean()))
    np.testing.assert_array_equal(tau.normalised(known.weight, 0.0), known.weight)
    assert np.isfinite(tau.normalised(np.zeros((3, 4)), 1.0)).all()


def balanced_loss(known: Frozen, logits: np.ndarray) -> float:
    """Cross-entropy with the same weight for each class."""
    losses = -np.log(softmax(logits)[np.arange(len(known.labels)), known.labels])
    return float(np.mean([losses[known.labels == label].mean() for label in range(known.classes)]))


def test_balanced_batches_draw_classes_alike_and_the_samples_of_a_class_alike():
    labels = np.repeat([0, 1, 2], [3, 1, 8])
    drawn = np.concatenate([*balanced_steps.balanced_batches(labels, 400, np.random.default_rng(0))])
    counts = np.bincount(drawn, minlength=12)
    expected = len(drawn) / 3 / np.repeat([3, 1, 8], [3, 1, 8])
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()
    assert len(drawn) == 400 * balanced_steps.BATCH


def test_steps_are_those_of_torchs_sgd_under_the_same_schedule():
    """Momentum, weight decay and the learning rate, against torch, on the same batches."""
    known, steps = frozen(), 40
    inputs_, wanted = known.features / 5, np.eye(3)[known.labels]

    def gradient(values, batch):
        return (softmax(inputs_[batch] @ values.T) - wanted[batch]).T @ inputs_[batch] / len(batch)

    mine = balanced_steps.descend(known.weight, known.labels, gradient, steps, np.random.default_rng(5))
    layer = torch.nn.Parameter(torch.tensor(known.weight))
    options = {"momentum": balanced_steps.MOMENTUM, "weight_decay": balanced_steps.WEIGHT_DECAY}
    optimiser = torch.optim.SGD([layer], lr=balanced_steps.LEARNING_RATE, **options)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for batch in balanced_steps.balanced_batches(known.labels, steps, np.random.default_rng(5)):
        optimiser.zero_grad()
        logits = torch.tensor(inputs_[batch]) @ layer.T
        torch.nn.functional.cross_entropy(logits, torch.tensor(known.labels[batch])).backward()
        optimiser.step()
        schedule.step()
    np.testing.assert_allclose(mine, layer.detach().numpy(), atol=1e-10)


def test_crt_comes_close_to_the_least_balanced_loss_that_its_weight_decay_allows():
    known = frozen()
    size = np.sqrt((known.features**2).sum(axis=1).mean())
    extended = np.hstack([known.features / size, np.ones((len(known.labels), 1))])

    def objective(flat):
        values = flat.reshape(3, -1)
        return balanced_loss(known, extended @ values.T) + balanced_steps.WEIGHT_DECAY / 2 * (flat**2).sum()

    least = minimize(objective, np.zeros(3 * extended.shape[1]), method="L-BFGS-B").fun
    weight, bias = crt.retrained(known, seed=1)
    found = objective(np.hstack([weight * size, bias[:, None]]).ravel())
    assert least <= found < least + 0.02
    assert found < objective(np.hstack([known.weight * size, known.bias[:, None]]).ravel())


def test_crt_depends_on_the_seed_but_not_on_the_scale_of_the_features():
    known = frozen()
    first, other = crt.fit(known, None, 0)(inputs()), crt.fit(known, None, 1)(inputs())
    assert np.abs(first - other).max() > 1e-6
    scaled = Frozen(known.features * 8, known.labels, known.weight, known.bias)
    np.testing.assert_allclose(crt.fit(scaled, None, 0)(inputs() * 8), first, atol=1e-9)


def test_lws_learns_one_factor_for_each_class_and_nothing_else():
    known = frozen()
    scales = lws.learned_scales(known, seed=0)
    assert scales.shape == (3,)
    logits = known.features @ known.weight.T + known.bias
    np.testing.assert_allclose(lws.fit(known, None, 0)(known.features), softmax(scales * logits), atol=1e-12)
    size = np.sqrt((logits**2).mean())

    def objective(values):
        return balanced_loss(known, values * logits) + balanced_steps.WEIGHT_DECAY / 2 * ((values * size) ** 2).sum()

    least = minimize(objective, np.ones(3), method="L-BFGS-B").fun
    assert least - 1e-9 <= objective(scales) < least + 0.02


@pytest.mark.parametrize("k", [1, 5, 49])
def test_knn_is_scikit_learns_with_these_votes(k):
    known, new = frozen(), inputs()

    def votes(distances):  # cosine distance: 1 - similarity
        return np.exp((distances.min(axis=1, keepdims=True) - distances) / knn.TEMPERATURE)

    other = KNeighborsClassifier(k, weights=votes, metric="cosine", algorithm="brute").fit(known.features, known.labels)
    expected = (k * other.predict_proba(new) + 1 / 3) / (k + 1)
    np.testing.assert_allclose(knn.fit(known, float(k), 0)(new), expected, atol=1e-6)


def test_knn_by_hand_and_with_fewer_training_samples_than_k():
    features = np.array([[1.0, 0.0], [0.0, 2.0]])
    known = Frozen(features, np.array([0, 1]), np.zeros((2, 2)), np.zeros(2))
    near, far = np.exp(1 / 0.07), np.exp(0)
    votes = 2 * np.array([near, far]) / (near + far)
    np.testing.assert_allclose(knn.fit(known, 5.0, 0)(np.array([[3.0, 0.0]]))[0], (votes + 0.5) / 3)


def test_logistic_is_scikit_learns_on_standardised_features_with_weights_written_out():
    known, new = frozen(), inputs()
    mean, spread = known.features.mean(axis=0), known.features.std(axis=0)
    weights = np.array([sum(COUNTS) / (3 * n) for n in COUNTS])[known.labels]
    other = LogisticRegression(C=0.1, max_iter=1000).fit((known.features - mean) / spread, known.labels, weights)
    expected = other.predict_proba((new - mean) / spread)
    np.testing.assert_allclose(logistic.fit(known, 0.1, 0)(new), expected, atol=1e-3)


def test_rivals_that_balance_raise_the_recall_of_the_rarest_class():
    """Of logistic regression without weights, which favours the frequent classes."""
    known, fresh = frozen(1), frozen(1)
    plain = LogisticRegression(max_iter=1000).fit(known.features, known.labels)
    biased = Frozen(known.features, known.labels, plain.coef_, plain.intercept_)
    before = balanced_accuracy_score(fresh.labels, plain.predict(fresh.features))
    for name in ("crt", "lws", "logistic"):
        method = import_module(f"imbalance_aware.{RIVALS[name].module}").METHOD
        predicted = method.fit(biased, method.default, 0)(fresh.features).argmax(1)
        assert balanced_accuracy_score(fresh.labels, predicted) > before, name


def constant(frozen_, value, seed):
    """A rival whose probability of class 1 is its hyperparameter."""
    return lambda features: np.tile([1 - value, value], (len(features), 1))


def test_a_hyperparameter_is_chosen_on_the_validation_part_the_first_of_equals():
    method = Method(constant, "p", 0.5, (0.2, 0.7, 0.9))
    known = Frozen(np.zeros((4, 1)), np.array([0, 0, 1, 1]), np.zeros((2, 1)), np.zeros(2))
    features, labels = np.zeros((4, 1)), np.array([1, 1, 1, 0])
    _, chosen = fitted(method, known, features, labels, "log_loss", 0)  # smaller is better
    assert chosen["value"] == 0.7 and chosen["chosen_by"] == "log_loss on the validation part"
    assert list(chosen["tried"]) == ["0.2", "0.7", "0.9"]
    _, chosen = fitted(method, known, features, labels, "accuracy", 0)
    assert chosen["value"] == 0.7, "0.7 and 0.9 decide alike"


def test_without_a_validation_part_or_a_metric_that_is_defined_there_the_default_is_taken():
    method = Method(constant, "p", 0.5, (0.2, 0.7))
    known = Frozen(np.zeros((4, 1)), np.array([0, 0, 1, 1]), np.zeros((2, 1)), np.zeros(2))
    none = np.zeros((0, 1)), np.zeros(0, dtype=np.int64)
    one_class = np.zeros((2, 1)), np.array([1, 1])
    for part, metric in ((none, None), (one_class, "auroc_macro")):
        classifier, chosen = fitted(method, known, *part, metric, 0)
        assert chosen == {"parameter": "p", "value": 0.5, "chosen_by": "default"}
        np.testing.assert_allclose(classifier(np.zeros((1, 1))), 0.5)
    with pytest.raises(UserError, match='no metric "balanced_acuracy" over all classes'):
        fitted(method, known, *one_class, "balanced_acuracy", 0)
