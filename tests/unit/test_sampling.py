"""Which samples each batch holds: properties that hold for every set of labels."""

import csv
import json
from itertools import pairwise

import numpy as np
import pytest
import training_cases
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance_aware.conditions import read_conditions
from imbalance_aware.errors import UserError
from imbalance_aware.manual import SAMPLING_BEGIN, SAMPLING_END, with_keys
from imbalance_aware.runs import train
from imbalance_aware.runs.run_folder import finished
from imbalance_aware.runs.settings import ConditionSettings
from imbalance_aware.schema import validate
from imbalance_aware.training.sampling import (
    SAMPLERS,
    Sampler,
    class_weights,
    effective_number,
    epoch_batches,
    step_count,
)

GLAUCOMA = np.repeat([0, 1, 2], [589, 217, 350])


@st.composite
def cases(draw):
    counts = draw(st.lists(st.integers(1, 60), min_size=2, max_size=6))
    labels = np.random.default_rng(draw(st.integers(0, 9))).permutation(np.repeat(np.arange(len(counts)), counts))
    return labels, draw(st.integers(2, 40)), draw(st.integers(0, 3)), draw(st.integers(0, 5))


@given(cases())
@settings(max_examples=60, deadline=None)
def test_uniform_draws_every_sample_once(case):
    labels, size, seed, epoch = case
    batches = epoch_batches("uniform", labels, size, seed, epoch)
    assert sorted(np.concatenate(batches)) == list(range(len(labels)))
    assert all(len(batch) == size for batch in batches[:-1])


@given(cases(), st.sampled_from(list(SAMPLERS)))
@settings(max_examples=100, deadline=None)
def test_batches(case, sampling):
    labels, size, seed, epoch = case
    batches = epoch_batches(sampling, labels, size, seed, epoch)
    again = epoch_batches(sampling, labels, size, seed, epoch)
    assert len(batches) == step_count(len(labels), size), "an epoch is as long as under uniform sampling"
    assert min(map(len, batches)) >= 2, "batch normalisation cannot work on one sample"
    assert all(batch.min() >= 0 and batch.max() < len(labels) for batch in batches)
    assert all(np.array_equal(*pair) for pair in zip(batches, again, strict=True))


@given(cases())
@settings(max_examples=100, deadline=None)
def test_oversampling_gives_each_class_an_equal_portion(case):
    labels, size, seed, epoch = case
    classes = labels.max() + 1
    batches = epoch_batches("oversampling", labels, size, seed, epoch)
    per_batch = np.array([np.bincount(labels[batch], minlength=classes) for batch in batches])
    assert np.ptp(per_batch, axis=1).max() <= 1
    assert np.ptp(per_batch.sum(axis=0)) <= 1, "the remainder goes to the classes in turn"
    used = np.bincount(np.concatenate(batches), minlength=len(labels))
    for label in range(classes):
        assert np.ptp(used[labels == label]) <= 1, "all samples of a class are used before any is used again"


def test_the_papers_batch_of_fifty_is_17_17_16_in_turn():
    portions = [
        tuple(np.bincount(GLAUCOMA[batch]))
        for epoch in (0, 1)
        for batch in epoch_batches("oversampling", GLAUCOMA, 50, 0, epoch)
    ]
    assert set(portions) == {(17, 17, 16), (17, 16, 17), (16, 17, 17)}
    assert all(before != after for before, after in pairwise(portions))
    assert len(portions) == 2 * 24


@pytest.mark.parametrize("sampling", SAMPLERS)
def test_epochs_and_seeds_differ(sampling):
    first, other_epoch, other_seed = (
        np.concatenate(epoch_batches(sampling, GLAUCOMA, 50, seed, epoch)) for seed, epoch in ((0, 0), (0, 1), (1, 0))
    )
    assert not np.array_equal(first, other_epoch)
    assert not np.array_equal(first, other_seed)


@pytest.mark.parametrize(
    ("sampling", "shares"),
    [
        ("square_root", np.sqrt([589, 217, 350])),
        ("effective_number", [589 / 445.28, 217 / 195.16, 350 / 295.44]),
    ],
)
def test_shares_of_the_classes(sampling, shares):
    batches = [batch for epoch in range(40) for batch in epoch_batches(sampling, GLAUCOMA, 50, 0, epoch)]
    drawn = np.bincount(GLAUCOMA[np.concatenate(batches)])
    assert drawn / drawn.sum() == pytest.approx(np.array(shares) / np.sum(shares), abs=0.01)


def test_effective_number_spans_from_uniform_to_balanced():
    assert effective_number(np.array([1.0, 2.0])) == pytest.approx([1, 1], abs=1e-3)
    large = effective_number(np.array([1e5, 1e6]))
    assert large[1] / large[0] == pytest.approx(10)


def test_a_mode_of_ones_own_is_a_function_and_a_row(tmp_path, monkeypatch):
    """Known to tables of conditions, to the settings of a run, to training and to the manual."""

    def rarest(labels, batch_size, rng, epoch):
        members = np.flatnonzero(labels == np.bincount(labels).argmin())
        return [rng.choice(members, batch_size) for _ in range(step_count(len(labels), batch_size))]

    monkeypatch.setitem(SAMPLERS, "rarest", Sampler(rarest, "the rarest class alone"))
    table = tmp_path / "conditions.tsv"
    table.write_text("condition\tloss\tsampling\tweighted\tkwargs\nce-rarest\tce\trarest\tfalse\t{}\n")
    assert read_conditions(table, ["ce"], list(SAMPLERS))["ce-rarest"].sampling == "rarest"
    assert "`rarest`: the rarest class alone" in with_keys(f"{SAMPLING_BEGIN}{SAMPLING_END}")
    options = training_cases.settings(condition={"sampling": "rarest"}, training={"epochs": 1})
    dataset = training_cases.write_dataset(tmp_path / "data")
    train.run(training_cases.arguments(dataset, tmp_path / "run", json.dumps(options)))
    (row,) = csv.DictReader((tmp_path / "run/history.csv").open())
    assert float(row["train_loss"]) > 0
    assert finished(tmp_path / "run")["condition"]["sampling"] == "rarest"


def test_an_unknown_mode_is_refused_with_the_nearest():
    with pytest.raises(UserError, match=r'sampling: "unifrom" is not known\. Did you mean "uniform"\?'):
        validate(ConditionSettings, {"loss": {"ce": 1}, "sampling": "unifrom"}, "x.yaml")


def test_a_single_sample_left_over_joins_the_batch_before():
    batches = epoch_batches("uniform", np.array([0, 1] * 5 + [0]), 5, 0, 0)
    assert [len(batch) for batch in batches] == [5, 6]


def test_too_small():
    with pytest.raises(ValueError, match="two samples"):
        epoch_batches("uniform", [0], 5, 0, 0)


def test_class_weights_are_normalised_inverse_frequencies():
    weights = class_weights([80, 12, 8])
    assert weights == pytest.approx([100 / 240, 100 / 36, 100 / 24])
    assert np.dot(weights, [80, 12, 8]) / 100 == pytest.approx(1)
