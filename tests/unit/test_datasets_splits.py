"""Splits: exact shares, whole patients drawn at random, the same answer whatever the order of the rows."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from imbalance_aware.cohort.splits import draw_parts, grouped_split, stratified_split
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
    """Groups and classes of samples in which each class is in several groups."""
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
    with pytest.raises(UserError, match=r'class "b" is in one group only \("p3"\)'):
        grouped_split(table["group"], table["class"], 0.25, 0)


def cohort_of(seed: int, patients: int = 150) -> tuple[pd.Series, pd.Series]:
    """Patients (80, 12, 8 % of three classes) with log-normal numbers of images, most of which come from a few."""
    random = np.random.default_rng(seed)
    classes = random.choice(["common", "rare", "rarest"], patients, p=[0.80, 0.12, 0.08])
    images = np.maximum(1, np.rint(random.lognormal(1.5, 1.0, patients))).astype(int)
    owner = np.repeat(np.arange(patients), images)
    return pd.Series([f"p{number}" for number in owner]), pd.Series(classes[owner])


@pytest.fixture(scope="module")
def cohorts() -> list[pd.DataFrame]:
    """For each of 40 cohorts: class, number of images and side of every patient; a quarter is for testing."""
    tables = []
    for seed in range(40):
        groups, classes = cohort_of(seed)
        table = pd.DataFrame({"class": classes, "side": grouped_split(groups, classes, 0.25, seed)}).groupby(groups)
        tables.append(table.first().assign(images=table.size()))
    return tables


def test_test_patients_have_as_many_images_as_training_patients(cohorts):
    means = [table.groupby("side")["images"].mean() for table in cohorts]
    ratios = np.array([mean["test"] / mean["train"] for mean in means])
    assert abs(ratios.mean() - 1) < 0.03
    assert ((ratios > 0.9) & (ratios < 1.1)).all()


def test_a_quarter_of_the_patients_with_a_quarter_of_the_images_is_for_testing(cohorts):
    for table in cohorts:
        assert 36 <= (table["side"] == "test").sum() <= 39
        in_test = table[table["side"] == "test"]
        shares = in_test.groupby("class")["images"].sum() / table.groupby("class")["images"].sum()
        patients = in_test["class"].value_counts() / table["class"].value_counts()
        common = table["class"].value_counts().index[0]
        assert abs(shares[common] - 0.25) < 0.01 and abs(patients[common] - 0.25) < 0.02
        # One patient may have a third of the images of the rarest class.
        assert (abs(shares - 0.25) < 0.15).all() and (abs(patients - 0.25) < 0.25).all()
    medians = [abs(shares_of(table) - 0.25).median() for table in cohorts]
    assert np.median(medians) < 0.01


def shares_of(table: pd.DataFrame) -> pd.Series:
    """Share of each class's images in the test set."""
    images = table.groupby(["class", "side"])["images"].sum().unstack(fill_value=0)
    return images["test"] / images.sum(axis=1)


def test_the_chance_of_a_patient_does_not_depend_on_its_number_of_images(cohorts):
    # 600 patients each: the standard error of a chance of 0.25 is 0.018.
    ranked = pd.concat([table.assign(rank=table["images"].rank(method="first", pct=True)) for table in cohorts])
    tenth = np.ceil(ranked["rank"] * 10).astype(int)
    chance = (ranked["side"] == "test").groupby(tenth).mean()
    assert (abs(chance - 0.25) < 0.06).all(), chance


def test_seeds_give_different_patients_and_the_same_seed_the_same():
    groups, classes = cohort_of(0)
    first, other = (grouped_split(groups, classes, 0.25, seed) for seed in (0, 1))
    assert first.equals(grouped_split(groups, classes, 0.25, 0))
    in_test = [set(groups[sides == "test"]) for sides in (first, other)]
    # Two independent draws of 38 of 150 share about 10.
    assert len(in_test[0] & in_test[1]) < 20


def unevenness(counts: pd.DataFrame) -> float:
    """Sum over classes and folds of the squared deviation from an even share of the class."""
    return float(((counts.div(counts.sum(axis=1), axis=0) - 1 / counts.shape[1]) ** 2).to_numpy().sum())


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(table=patients(alone=6), parts=st.integers(2, 6), seed=st.integers(0, 3))
def test_folds_hold_whole_groups_and_every_class(table, parts, seed):
    groups, classes = table["group"], table["class"]
    folds = draw_parts(groups, classes, [1 / parts] * parts, seed)
    assert (folds.groupby(groups).nunique() == 1).all()
    counts = pd.crosstab(classes, folds)
    assert list(counts.columns) == list(range(parts)) and (counts > 0).all(axis=None)
    # Even in classes, which leaves no bound on how many groups a fold has: one may hold as many samples as four others.
    kfold = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
    theirs = pd.Series(0, index=table.index)
    for number, (_, test) in enumerate(kfold.split(table, classes, groups)):
        theirs.iloc[test] = number
    others = pd.crosstab(classes, theirs).reindex(columns=range(parts), fill_value=0)
    assert unevenness(counts) <= unevenness(others) + 1e-9
    shuffled = table.sample(frac=1, random_state=0)
    again = draw_parts(shuffled["group"], shuffled["class"], [1 / parts] * parts, seed)
    assert again.sort_index().equals(folds)


def test_five_folds_of_a_cohort_are_alike():
    groups, classes = cohort_of(0)
    folds = draw_parts(groups, classes, [0.2] * 5, 0)
    shares = pd.crosstab(classes, folds, normalize="index")
    assert (abs(shares.loc["common"] - 0.2) < 0.01).all() and (abs(shares - 0.2) < 0.13).all(axis=None)
    assert set(folds.groupby(groups).first().value_counts()) <= {29, 30, 31}


@given(
    pairs=st.lists(st.tuples(st.integers(0, 199), st.integers(0, 199)), max_size=12),
    seed=st.integers(0, 5),
)
@settings(max_examples=40, deadline=None)
def test_samples_with_one_identifier_stay_together_and_shares_stay_exact(pairs, seed):
    classes = pd.Series(["a"] * 120 + ["b"] * 80)
    units = subjects_of(classes)
    for one, other in pairs:
        units[units == units[other]] = units[one]
    sides = stratified_split(units, classes, 0.25, seed)
    assert (sides.groupby(units).nunique() == 1).all()
    if units.value_counts().max() <= 5:
        assert (sides == "test").groupby(classes).sum().to_dict() == {"a": 30, "b": 20}
    # Nobody but those joined is moved far: the draw is not a new one.
    alone = ~units.duplicated(keep=False)
    before = stratified_split(subjects_of(classes), classes, 0.25, seed)
    assert (before != sides)[alone].sum() <= 2 * (~alone).sum()


def test_a_data_set_of_copies_is_split_between_originals():
    classes = pd.Series(list("aab") * 40)
    units = pd.Series([f"s{number % 12}" for number in range(120)])
    sides = stratified_split(units, classes, 0.25, 0)
    assert (sides.groupby(units).nunique() == 1).all()
    assert (sides == "test").groupby(classes).mean().to_dict() == {"a": 0.25, "b": 0.25}


def test_a_class_of_one_photograph_and_its_copies_is_a_clear_error():
    classes = pd.Series(["common"] * 9 + ["rare"] * 3)
    units = pd.Series([*map(str, range(9)), "r", "r", "r"])
    with pytest.raises(UserError, match='the 3 usable samples of class "rare" have the same pixels'):
        stratified_split(units, classes, 0.25, 0)
