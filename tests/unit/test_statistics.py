"""Differences between conditions: the bootstrap by counts against drawing subjects one by one and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from imbalance_aware.__main__ import main
from imbalance_aware.errors import UserError
from imbalance_aware.evaluation import statistics
from imbalance_aware.evaluation.compare import compare
from imbalance_aware.reporting.comparison import make_comparison
from imbalance_aware.runs.identity import Run
from imbalance_aware.tables.predictions import Predictions

CLASSES = ("no", "early", "advanced")


def made_up(seed, n=40, classes=3, lean=1.0):
    """Labels with every class at least twice, and probabilities with many ties."""
    rng = np.random.default_rng(seed)
    labels = np.r_[np.tile(np.arange(classes), 2), rng.integers(0, classes, n - 2 * classes)]
    scores = np.round(np.exp(rng.normal(size=(n, classes)) + lean * np.eye(classes)[labels]), 1) + 0.1
    return labels, scores / scores.sum(axis=1, keepdims=True)


def with_scikit_learn(labels, probabilities):
    predicted = probabilities.argmax(axis=1)
    areas = [oracle.roc_auc_score(labels == k, probabilities[:, k]) for k in range(probabilities.shape[1])]
    return [
        oracle.balanced_accuracy_score(labels, predicted),
        oracle.f1_score(labels, predicted, average="macro"),
        np.mean(areas),
        oracle.matthews_corrcoef(labels, predicted),
    ]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(12, 60), classes=st.integers(2, 5), lean=st.sampled_from([0, 1, 4]))
def test_replicates_are_resamples_measured_by_scikit_learn(seed, n, classes, lean):
    labels, probabilities = made_up(seed, n, classes, lean)
    values = statistics.bootstrap_metrics(labels, [probabilities], replicates=3, seed=seed)[0]
    counts = statistics.stratified_counts(labels, 3, statistics.class_streams(labels, seed))
    assert values[0] == pytest.approx(with_scikit_learn(labels, probabilities))
    for value, count in zip(values[1:], counts, strict=True):
        drawn = np.repeat(np.arange(n), count.astype(int))
        assert value == pytest.approx(with_scikit_learn(labels[drawn], probabilities[drawn]))


def test_every_replicate_keeps_the_size_of_each_class():
    labels, _ = made_up(0)
    counts = statistics.stratified_counts(labels, 50, statistics.class_streams(labels, 0))
    sizes = counts @ np.eye(3)[labels]
    assert (sizes == np.bincount(labels)).all()
    assert (counts == counts.astype(int)).all() and counts.std() > 0.5


def test_work_in_blocks_gives_the_same_replicates(monkeypatch):
    labels, probabilities = made_up(1)
    whole = statistics.bootstrap_metrics(labels, [probabilities], 10, seed=5)
    assert whole.shape == (1, 11, 4)
    monkeypatch.setattr(statistics, "BLOCK", 4 * len(labels))
    assert (statistics.bootstrap_metrics(labels, [probabilities], 10, seed=5) == whole).all()


def study(differences, labels):
    """Runs of two conditions; ``b`` turns the first ``differences[seed]`` wrong subjects of class 0 right."""
    runs = {}
    subjects = np.array([f"s{i}" for i in range(len(labels))])
    for seed, better in enumerate(differences):
        wrong = np.flatnonzero(labels == 0)[:10]
        for condition, mended in (("a", 0), ("b", better)):
            predicted = labels.copy()
            predicted[wrong[mended:]] = 1
            probabilities = 0.8 * np.eye(2)[predicted] + 0.1
            runs[Run("s", "toy", condition, seed)] = Predictions(subjects, ("x", "y"), labels, probabilities)
    return runs


def test_difference_is_the_mean_over_paired_seeds_with_its_range():
    labels = np.repeat([0, 1], [20, 30])
    table = compare(study([2, 6], labels), "a", replicates=200, seed=0).set_index("metric")
    row = table.loc["balanced_accuracy"]
    # Two and six of 20 subjects of one of two classes: 0.05 and 0.15.
    assert (row["n_seeds"], row["condition"], row["baseline"]) == (2, "b", "a")
    assert (row["difference"], row["seed_min"], row["seed_max"]) == pytest.approx((0.10, 0.05, 0.15))
    assert 0 < row["ci_low"] < 0.10 < row["ci_high"] < 0.25


def test_interval_has_the_width_that_theory_gives():
    """A paired difference of a proportion: 6 of 20 mended subjects have standard error sqrt(0.3 · 0.7 / 20) / 2."""
    labels = np.repeat([0, 1], [20, 30])
    row = compare(study([6], labels), "a", replicates=4000, seed=1).set_index("metric").loc["balanced_accuracy"]
    expected = 2 * 1.96 * (0.3 * 0.7 / 20) ** 0.5 / 2
    assert row["ci_high"] - row["ci_low"] == pytest.approx(expected, rel=0.1)


def test_equal_conditions_differ_by_exactly_nothing():
    row = compare(study([0, 0], np.repeat([0, 1], [20, 30])), "a", replicates=50, seed=0)
    assert (row[["difference", "seed_min", "seed_max"]] == 0).all(axis=None)
    assert row[["ci_low", "ci_high"]].isna().all(axis=None), "equal replicates tell nothing about uncertainty"


def test_one_subject_per_class_gives_no_interval():
    labels = np.arange(3)
    runs = {
        Run("s", "toy", name, 0): Predictions(np.array(list("xyz")), CLASSES, labels, np.eye(3)[predicted])
        for name, predicted in (("a", [0, 0, 0]), ("b", [0, 0, 2]))
    }
    table = compare(runs, "a", replicates=200, seed=0).set_index("metric")
    assert table.loc["balanced_accuracy", "difference"] == pytest.approx(1 / 3)
    assert table[["ci_low", "ci_high"]].isna().all(axis=None)


def test_collapsed_and_diverged_runs_are_counted_on_both_sides():
    runs = study([2, 6, 4], np.repeat([0, 1], [20, 30]))
    runs[Run("s", "toy", "b", 0)].probabilities[:] = [1, 0]
    runs[Run("s", "toy", "b", 1)].probabilities[:] = np.nan
    runs[Run("s", "toy", "a", 2)].probabilities[:] = [0, 1]
    counts = compare(runs, "a", replicates=20, seed=0).iloc[0]
    names = ["n_seeds", "n_runs", "n_collapsed", "n_diverged", "n_baseline_collapsed"]
    assert counts[names].tolist() == [2, 3, 1, 1, 1]


def test_diverged_runs_are_left_out_with_their_partners():
    runs = study([2, 6, 4], np.repeat([0, 1], [20, 30]))
    runs[Run("s", "toy", "a", 1)].probabilities[3] = np.nan
    row = compare(runs, "a", replicates=20, seed=0).set_index("metric").loc["balanced_accuracy"]
    assert row["n_seeds"] == 2 and row["difference"] == pytest.approx((0.05 + 0.10) / 2)
    for seed in (0, 2):
        runs[Run("s", "toy", "b", seed)].probabilities[0] = np.inf
    row = compare(runs, "a", replicates=20, seed=0).iloc[0]
    assert row["n_seeds"] == 0 and np.isnan(row["difference"])
    for predictions in runs.values():
        predictions.probabilities[:] = np.nan
    assert compare(runs, "a", replicates=20, seed=0)["n_seeds"].eq(0).all()


def test_runs_on_other_subjects_and_missing_baselines_are_refused():
    runs = study([2], np.repeat([0, 1], [20, 30]))
    with pytest.raises(UserError, match='no run of the baseline "ce-uniform" on toy'):
        compare(runs, "ce-uniform", replicates=5, seed=0)
    other = study([2], np.repeat([0, 1], [30, 20]))
    runs[Run("s", "toy", "b", 1)] = other[Run("s", "toy", "b", 0)]
    with pytest.raises(UserError, match="test subjects or classes"):
        compare(runs, "a", replicates=5, seed=0)


def write_run(folder, condition, seed, labels, probabilities):
    path = folder / "s" / "toy" / condition / f"seed-{seed}" / "predictions.csv"
    path.parent.mkdir(parents=True)
    table = pd.DataFrame({"subject": [f"s{i}" for i in range(len(labels))], "label": labels})
    table["class"] = [CLASSES[label] for label in labels]
    table[[f"prob_{name}" for name in CLASSES]] = probabilities
    table.to_csv(path, index=False)
    return str(path)


def test_from_predictions_to_the_printed_table(tmp_path):
    labels, _ = made_up(0)
    blind, perfect = np.full((40, 3), 1 / 3), np.eye(3)[labels]
    paths = [
        write_run(tmp_path, condition, seed, labels, probabilities)
        for condition, probabilities in (("ce-uniform", blind), ("ce_f1-weighted", perfect))
        for seed in (0, 1)
    ]
    out = tmp_path / "differences.csv"
    assert main(["compare", "--replicates", "100", "--out", str(out), *paths]) == 0
    first = out.read_bytes()
    assert main(["compare", "--replicates", "100", "--out", str(out), *paths]) == 0
    assert out.read_bytes() == first

    metrics = pd.DataFrame(
        [("ce-uniform", "ce", "uniform", False), ("ce_f1-weighted", "ce+soft_f1", "uniform", True)],
        columns=["condition", "loss", "sampling", "weighted"],
    ).assign(dataset="toy", metric="test_subjects_no", value=4)
    grid, _ = make_comparison(out, metrics)
    assert grid.title == "Difference from CE, Uniform (95 % confidence interval)"
    (row,) = grid.panels[0].rows
    assert row.labels == ("CE + F1", "+ Weights")
    # From one predicted class to no mistake, in every replicate: chance is 1/3 and no area is left.
    assert row.cells[0].plain == "+0.67 [–]" and row.cells[2].plain == "+0.50 [–]" and row.cells[3].plain == "+1.00 [–]"
    assert not any(cell.bold for cell in row.cells)
    assert any(note.startswith("[–]: no interval") for note in grid.notes)
    assert any("2 runs collapsed" in note for note in grid.notes), "of the baseline"
    assert any("Fewer than 5 test subjects: Toy: No (4)" in note for note in grid.notes)
    with pytest.raises(UserError, match="no condition ce-uniform"):
        make_comparison(out, metrics.iloc[1:])
    out.write_text("condition\nce-uniform\n")
    with pytest.raises(UserError, match="not a table that compare wrote"):
        make_comparison(out, metrics)
