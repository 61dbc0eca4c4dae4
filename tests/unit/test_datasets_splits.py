"""Splits: exact shares, whole patients, the same answer whatever the order of the rows."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from imbalance_aware.datasets.splits import grouped_split, stratified_split
from imbalance_aware.errors import UserError


def subjects_of(classes) -> pd.Series:
    return pd.Series([f"s{number}" for number in range(len(classes))])


def deviation(groups, classes, sides, fraction=0.25) -> float:
    """Sum over classes of squared relative deviations from the share wanted; infinite if a class is one-sided."""
    total = 0.0
    for name in classes.unique():
        share = (sides[classes == name] == "test").mean()
        if share in (0, 1):
            return np.inf
        total += (share - fraction) ** 2
    return total


@given(
    counts=st.lists(st.integers(2, 60), min_size=1, max_size=5),
    fraction=st.sampled_from([0.1, 0.25, 0.5, 0.8]),
    seed=st.integers(0, 5),
)
def test_stratified_shares_are_exact(counts, fraction, seed):
    classes = pd.Series([f"c{label}" for label, count in enumerate(counts) for _ in range(count)])
    sides = stratified_split(subjects_of(classes), classes, fraction, seed)
    in_test = (sides == "test").groupby(classes).sum()
    for label, count in enumerate(counts):
        assert 1 <= in_test[f"c{label}"] <= count - 1
        assert abs(in_test[f"c{label}"] - fraction * count) < 1 or in_test[f"c{label}"] in (1, count - 1)
    if all(1 <= fraction * count <= count - 1 for count in counts):
        assert in_test.sum() == round(fraction * sum(counts))


def test_stratified_split_of_the_study_has_its_size():
    classes = pd.Series(["no"] * 786 + ["early"] * 289 + ["advanced"] * 467)
    sides = stratified_split(subjects_of(classes), classes, 0.25, 0)
    assert (sides == "test").groupby(classes).sum().to_dict() == {"no": 197, "early": 72, "advanced": 117}


def test_stratified_split_ignores_order_and_depends_on_the_seed():
    classes = pd.Series(list("aab") * 30)
    subjects = subjects_of(classes)
    sides = stratified_split(subjects, classes, 0.25, 0)
    shuffled = np.random.default_rng(0).permutation(90)
    again = stratified_split(subjects[shuffled], classes[shuffled], 0.25, 0)
    assert again.sort_index().equals(sides)
    assert not stratified_split(subjects, classes, 0.25, 1).equals(sides)


def test_an_added_subject_moves_few_others():
    classes = pd.Series(["a"] * 100 + ["b"] * 60)
    subjects = subjects_of(classes)
    before = stratified_split(subjects[:-1], classes[:-1], 0.25, 0)
    after = stratified_split(subjects, classes, 0.25, 0)
    assert (before != after[:-1]).sum() <= 2


def test_one_sample_in_a_class_is_a_clear_error():
    classes = pd.Series(["common"] * 9 + ["rare"])
    with pytest.raises(UserError, match='class "rare" has 1 usable sample'):
        stratified_split(subjects_of(classes), classes, 0.25, 0)


@st.composite
def patients(draw, most_patients=40, most_classes=4, alone=4):
    """Groups and classes of samples in which each class stands in several groups."""
    classes = draw(st.integers(2, most_classes))
    rows = [
        (f"p{patient}", f"c{label}")
        for patient in range(draw(st.integers(1, most_patients)))
        for label in draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=4))
    ]
    # Patients of one class alone, so that a split with every class on both sides exists.
    rows += [(f"q{label}{number}", f"c{label}") for label in range(classes) for number in range(alone)]
    return pd.DataFrame(rows, columns=["group", "class"])


@settings(max_examples=40, deadline=None)
@given(table=patients(), seed=st.integers(0, 3))
def test_grouped_split_keeps_patients_whole_and_beats_scikit_learn(table, seed):
    groups, classes = table["group"], table["class"]
    sides = grouped_split(groups, classes, 0.25, seed)
    assert (sides.groupby(groups).nunique() == 1).all()
    ours = deviation(groups, classes, sides)
    assert np.isfinite(ours), "every class is on both sides"
    folds = StratifiedGroupKFold(4, shuffle=True, random_state=seed).split(table, classes, groups)
    for _, test in folds:  # each fold is a candidate
        theirs = pd.Series("train", index=table.index)
        theirs.iloc[test] = "test"
        assert ours <= deviation(groups, classes, theirs) + 1e-9


@settings(max_examples=40, deadline=None)
@given(table=patients(most_patients=5, most_classes=3, alone=2), seed=st.integers(0, 3))
def test_grouped_split_of_few_patients_is_near_the_best_there_is(table, seed):
    groups, classes = table["group"], table["class"]
    counts = pd.crosstab(groups, classes).to_numpy()
    shares = np.array(list(product((0, 1), repeat=len(counts)))) @ counts / counts.sum(axis=0)
    two_sided = ((shares > 0) & (shares < 1)).all(axis=1)
    best = ((shares[two_sided] - 0.25) ** 2).sum(axis=1).min()
    assert deviation(groups, classes, grouped_split(groups, classes, 0.25, seed)) <= best + 0.02


def test_grouped_split_ignores_order():
    random = np.random.default_rng(0)
    table = pd.DataFrame({"group": random.integers(0, 50, 200).astype(str), "class": random.choice(list("abc"), 200)})
    sides = grouped_split(table["group"], table["class"], 0.25, 0)
    shuffled = table.sample(frac=1, random_state=0)
    assert grouped_split(shuffled["group"], shuffled["class"], 0.25, 0).sort_index().equals(sides)


def test_a_class_in_one_patient_only_is_a_clear_error():
    table = pd.DataFrame({"group": ["p1", "p2", "p3", "p3"], "class": ["a", "a", "b", "b"]})
    with pytest.raises(UserError, match=r'class "b" stands in one group only \("p3"\)'):
        grouped_split(table["group"], table["class"], 0.25, 0)
