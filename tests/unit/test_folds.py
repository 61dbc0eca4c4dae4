"""Folds: whole groups, each subject tested once, every class everywhere, and a validation part inside training."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from imbalance_aware.cohort import splits
from imbalance_aware.cohort.folds import assign_folds, draw_validation, require_enough_groups, seed_of
from imbalance_aware.cohort.split_settings import Folds, LeaveOneCohortOut, Table
from imbalance_aware.cohort.splits import draw_parts, parts_with_every_class
from imbalance_aware.errors import UserError


def subjects_of(units, classes, **columns) -> pd.DataFrame:
    """Subjects as the step hands them over."""
    table = pd.DataFrame({"unit": list(units), "class": list(classes)})
    names = [f"s{number}" for number in range(len(table))]
    return table.assign(subject=names, **{"cohort": "here", "conflict": False} | columns)


@st.composite
def patients(draw) -> pd.DataFrame:
    """Up to 14 groups, most of them of one class, and three groups or more that hold each of two or three classes."""
    names = "abc"[: draw(st.integers(2, 3))]
    sizes = st.lists(st.sampled_from(names), min_size=1, max_size=5)
    groups = [[name] * draw(st.integers(1, 3)) for name in names for _ in range(3)]
    groups += draw(st.lists(sizes, max_size=5))
    units = [f"g{number}" for number, group in enumerate(groups) for _ in group]
    return subjects_of(units, [name for group in groups for name in group])


@settings(max_examples=20, deadline=None)
@given(table=patients(), split=st.builds(Folds, folds=st.integers(2, 5), seed=st.integers(0, 3)))
def test_each_subject_is_tested_once_and_no_group_is_on_two_sides(table, split):
    counts = pd.crosstab(table["unit"], table["class"]).to_numpy()
    if parts_with_every_class(counts, split.folds) is None:
        with pytest.raises(UserError, match=rf"`folds: {split.folds}` needs {split.folds} groups .* of every class"):
            assign_folds(table, split, split.folds, 0)
        return
    folds = assign_folds(table, split, split.folds, 0)
    assert list(folds) == list(range(split.folds))
    assert ((folds == "test").sum(axis=1) == 1).all(), "each subject is tested once"
    assert (folds.isin(["train", "test"])).all(axis=None)
    for number in folds:
        assert (folds[number].groupby(table["unit"]).nunique() == 1).all(), "no group is on two sides"
        assert (pd.crosstab(folds[number], table["class"]) > 0).all(axis=None), "both parts have every class"
    shuffled = table.sample(frac=1, random_state=0)
    assert assign_folds(shuffled, split, split.folds, 0).loc[table.index].equals(folds), (
        "whatever the order of the rows"
    )


@settings(max_examples=20, deadline=None)
@given(counts=st.lists(st.integers(5, 60), min_size=2, max_size=4), folds=st.integers(2, 5), repeat=st.integers(0, 2))
def test_shares_of_single_subjects_are_even_to_one(counts, folds, repeat):
    classes = [f"c{label}" for label, count in enumerate(counts) for _ in range(count)]
    table = subjects_of([f"g{number}" for number in range(len(classes))], classes)
    tested = assign_folds(table, Folds(folds=folds), folds, repeat)
    numbers = (tested == "test").groupby(table["class"]).sum()
    assert (numbers.max(axis=1) - numbers.min(axis=1) <= 1).all(), numbers
    assert numbers.sum().max() - numbers.sum().min() <= 1, "and so are the folds"


def test_where_scikit_learn_leaves_a_class_out_of_a_fold_these_folds_do_not():
    """Few groups of several classes; sets are counted where every fold can have every class (an exact search)."""
    theirs = 0
    for seed in range(110):
        random = np.random.default_rng(seed)
        units = np.repeat(np.arange(number := int(random.integers(6, 14))), random.integers(1, 9, number))
        table = subjects_of(units, random.choice(list("abc"), len(units), p=[0.75, 0.15, 0.1]))
        folds = 3 + seed % 2
        if parts_with_every_class(pd.crosstab(table["unit"], table["class"]).to_numpy(), folds) is None:
            continue
        parts = StratifiedGroupKFold(folds).split(table, table["class"], table["unit"])
        if all(table["class"].iloc[test].nunique() == table["class"].nunique() for _, test in parts):
            continue
        theirs += 1
        tested = assign_folds(table, Folds(folds=folds), folds, 0) == "test"
        assert (tested.groupby(table["class"]).sum() > 0).all(axis=None)
    assert theirs >= 4, "there are such sets"


def test_every_class_is_everywhere_even_where_the_search_finds_nothing(monkeypatch):
    """Groups are the pairs of eight classes: seven folds with every class are a perfect schedule of a tournament."""
    units, classes = zip(*[(f"g{pair}", one) for pair in combinations("abcdefgh", 2) for one in pair], strict=True)
    table = subjects_of(units, classes)
    monkeypatch.setattr(splits, "_improve", lambda parts, *rest: parts)
    parts = draw_parts(table["unit"], table["class"], [1 / 7] * 7, 0)
    assert (pd.crosstab(parts, table["class"]) == 1).all(axis=None)


def test_repeats_and_seeds_differ_and_come_again():
    table = subjects_of([f"g{number}" for number in range(60)], ["a"] * 40 + ["b"] * 20)
    drawn = [assign_folds(table, Folds(seed=seed), 5, repeat) for seed in (0, 1) for repeat in (0, 1)]
    assert not any(one.equals(other) for one, other in combinations(drawn, 2))
    assert assign_folds(table, Folds(seed=1, repeats=9), 5, 1).equals(drawn[3]), "more repeats change none"
    assert len({seed_of(seed, repeat) for seed in range(20) for repeat in range(20)}) == 400


PETERSEN = (
    [(k, (k + 1) % 5) for k in range(5)] + [(k, k + 5) for k in range(5)] + [(5 + k, 5 + (k + 2) % 5) for k in range(5)]
)


@pytest.mark.parametrize(
    ("groups", "folds", "message"),
    [
        (["a"] * 6 + ["b"] * 2, 3, 'class "b" is in 2 groups; at most `folds: 2` is possible'),
        (["a"] * 6 + ["b"], 5, 'class "b" is in 1 group; no cross-validation is possible'),
        (["a"] * 4 + ["b"] * 3, 5, 'class "b" is in 3 groups; at most `folds: 3` is possible'),
        # Three edges at each corner, and no colouring of the edges in three colours (Petersen 1898).
        ([[f"c{one}", f"c{other}"] for one, other in PETERSEN], 3, "hold several classes.*at most `folds: 2`"),
    ],
)
def test_too_many_folds_are_refused_with_the_class_its_groups_and_what_is_possible(groups, folds, message):
    rows = [(f"g{number}", name) for number, group in enumerate(groups) for name in group]
    with pytest.raises(UserError, match=message) as refusal:
        require_enough_groups(subjects_of(*zip(*rows, strict=True)), folds)
    assert "\n" not in str(refusal.value)


@settings(max_examples=12, deadline=None)
@given(table=patients(), share=st.sampled_from([0.15, 0.3, 0.5]), seed=st.integers(0, 3))
def test_the_validation_part_is_inside_training_with_whole_groups_and_every_class(table, share, seed):
    counts = pd.crosstab(table["unit"], table["class"]).to_numpy()
    assume(parts_with_every_class(counts, 3) is not None)
    folds = assign_folds(table, Folds(folds=3, seed=seed, validation=share), 3, 0)
    without = assign_folds(table, Folds(folds=3, seed=seed), 3, 0)
    for number in folds:
        assert (folds[number].groupby(table["unit"]).nunique() == 1).all()
        assert ((folds[number] == "test") == (without[number] == "test")).all(), "it is taken from training alone"
        present = pd.crosstab(folds[number], table["class"]).reindex(["train", "validation", "test"], fill_value=0)
        held = table[without[number] == "train"].groupby("class")["unit"].nunique()
        assert (present > 0).all(axis=None) or not _separable(table[without[number] == "train"]), (present, held)


def _separable(training) -> bool:
    return parts_with_every_class(pd.crosstab(training["unit"], training["class"]).to_numpy(), 2) is not None


def test_validation_shares_are_those_asked_for():
    table = subjects_of([f"g{number}" for number in range(400)], ["a"] * 300 + ["b"] * 100)
    chosen = draw_validation(table, 0.15, 0)
    assert chosen.groupby(table["class"]).sum().to_dict() == {"a": 45, "b": 15}


def test_a_class_with_too_few_groups_for_validation_is_refused():
    table = subjects_of([f"g{number}" for number in range(8)], ["a"] * 6 + ["b"] * 2)
    with pytest.raises(UserError, match=r'`validation: 0.2`: class "b" has 1 group for training in fold 0, too few'):
        assign_folds(table, Folds(folds=2, validation=0.2), 2, 0)


def test_each_cohort_is_tested_once_and_who_is_in_two_is_never_on_two_sides():
    table = subjects_of(["p1", "p2", "p3", "p1", "p4", "p5"], "abaaba", cohort=["x", "x", "w", "w", "w", "x"])
    folds = assign_folds(table, LeaveOneCohortOut(), 2, 0)
    assert folds[0].tolist() == ["", "train", "test", "test", "test", "train"], "w, the first by name"
    assert folds[1].tolist() == ["test", "test", "train", "", "train", "test"]
    alone = subjects_of("pqrs", "aaab", cohort=["x", "w", "w", "w"])
    with pytest.raises(UserError, match='class "b" is in the cohort "w" only'):
        assign_folds(alone, LeaveOneCohortOut(), 2, 0)
    with pytest.raises(UserError, match="tests 2 cohorts, but usable samples are only from here"):
        assign_folds(subjects_of("pqrs", "aaab"), LeaveOneCohortOut(), 2, 0)


def test_folds_of_a_table_are_kept_and_conflicts_leave_training_only():
    table = subjects_of("pqrstuvw", "abaabbab", fold=list("00112222"), conflict=[True] + [False] * 7)
    folds = assign_folds(table, Table(), 3, 0)
    assert folds[0].tolist() == ["test", "test", *["train"] * 6], "what is tested stays as it is"
    assert folds[1].tolist() == ["", "train", "test", "test", *["train"] * 4]
    with pytest.raises(UserError, match="the fold 1 of the table, counted from 0 in their order, has no usable"):
        assign_folds(table.assign(fold=list("00222222")), Table(), 3, 0)
    with pytest.raises(UserError, match="the fold 3 of the table"):
        assign_folds(table, Table(), 4, 0)
    with pytest.raises(UserError, match=r'fold 2 of repeat 0 .* no training sample of class "a" once samples are left'):
        assign_folds(table.assign(conflict=[True, False, True, True] + [False] * 4), Table(), 3, 0)
