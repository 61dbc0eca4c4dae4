"""The values of tables: means over seeds and repeats, what is bold, and what notes say of both."""

import numpy as np
import pandas as pd
import pytest
from table_cases import tidy

from imbalance_aware.reporting.grid import Cell
from imbalance_aware.reporting.summary import summarise
from imbalance_aware.reporting.tables import make_table


def test_mean_and_sample_standard_deviation():
    values = [0.5, 0.6, 0.9]
    row = summarise(
        tidy(*(("glioma", "ce-uniform", seed, value) for seed, value in enumerate(values))), ["balanced_accuracy"]
    ).iloc[0]
    assert row["mean"] == pytest.approx(sum(values) / 3)
    assert row["std"] == pytest.approx((sum((value - 2 / 3) ** 2 for value in values) / 2) ** 0.5)
    assert row["n_seeds"] == row["n_runs"] == 3


def repeated(*values, dataset="x", condition="ce-uniform"):
    """A metrics.csv from one list of seeds' values for each repeat."""
    parts = [
        tidy(*((dataset, condition, seed, value) for seed, value in enumerate(seeds))).assign(repeat=repeat)
        for repeat, seeds in enumerate(values)
    ]
    return pd.concat(parts, ignore_index=True)


def test_where_a_dataset_is_cross_validated_several_times_the_repeat_is_the_replicate():
    """Seeds of one repeat share their training sets: they are averaged before the spread is taken."""
    row = summarise(repeated([0.5, 0.7], [0.8, 0.8], [0.3, None]), ["balanced_accuracy"]).iloc[0]
    assert row["mean"] == pytest.approx((0.6 + 0.8 + 0.3) / 3)
    assert row["std"] == pytest.approx(np.std([0.6, 0.8, 0.3], ddof=1))
    assert (row["n_repeats"], row["n_seeds"], row["n_runs"]) == (3, 5, 6)
    once = summarise(repeated([0.5, 0.7]), ["balanced_accuracy"]).iloc[0]
    assert once["std"] == pytest.approx(np.std([0.5, 0.7], ddof=1)) and once["n_repeats"] == 1


def test_notes_say_what_the_spread_is_over():
    metrics = pd.concat(
        [repeated([0.5, 0.7], [0.8, 0.9]), tidy(("y", "ce-uniform", 0, 0.4), ("y", "ce-uniform", 1, 0.5))]
    )
    grid, _ = make_table("table1_balanced_accuracy", metrics)
    assert grid.notes[0].startswith(
        "Mean ± sample standard deviation (n − 1) over 2 seeds; over 2 repeats of the cross-validation, the seeds of "
        "each averaged first. Bold"
    )


def test_notes_say_how_a_dataset_was_cross_validated_and_which_folds_collapsed():
    counts = [("x", "ce-uniform", seed, value, "ok", name) for seed in (0, 1) for name, value in (("folds", 5),)]
    counts += [("x", "ce-uniform", 0, 2, "ok", "collapsed_folds"), ("x", "ce-uniform", 1, 0, "ok", "collapsed_folds")]
    metrics = pd.concat(
        [tidy(("x", "ce-uniform", 0, 0.5), ("x", "ce-uniform", 1, 0.6), ("y", "ce-uniform", 0, 0.5)), tidy(*counts)]
    )
    notes = make_table("table1_balanced_accuracy", metrics)[0].notes
    (line,) = [note for note in notes if "cross-validated" in note]
    assert line.startswith("X: cross-validated once in 5 folds. The predictions of all folds are pooled; AUROC")
    assert "2 of 10 training runs collapsed" in line
    assert make_table("table2_f1_by_class", pd.concat([metrics, tidy(("x", "ce-uniform", 0, 0.5, "ok", "f1_a"))]))[0]


def test_one_seed_has_no_standard_deviation():
    grid, summary = make_table("table1_balanced_accuracy", tidy(("x", "ce-uniform", 0, 0.5)))
    assert summary["std"].isna().all()
    assert grid.panels[0].rows[0].cells == (Cell("0.50"),), "the best of one is no news"
    assert grid.notes[0].startswith("One seed, hence no standard deviation.")


def test_ties_at_the_printed_precision_are_all_bold():
    metrics = tidy(
        ("x", "ce-uniform", 0, 0.614), ("x", "ce_f1-weighted", 0, 0.606), ("x", "mcc-oversampling", 0, 0.604)
    )
    assert summarise(metrics, ["balanced_accuracy"])["best"].tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ([(0.0, "collapsed"), (0.0, "ok")], [False, False]),
        ([(0.33, "collapsed"), (0.30, "ok")], [False, False]),
        ([(0.0, "ok"), (-0.1, "ok")], [False, False]),
        ([(0.4, "ok"), (0.4, "ok")], [False, False]),
        ([(0.4, "ok"), (0.33, "collapsed")], [True, False]),
    ],
)
def test_nothing_is_best_without_a_worse_one_at_chance_or_of_collapsed_runs(values, best):
    (first, status), (second, other) = values
    metrics = tidy(("x", "ce-uniform", 0, first, status), ("x", "mcc-oversampling", 0, second, other), metric="mcc")
    assert summarise(metrics, ["mcc"])["best"].tolist() == best


@pytest.mark.parametrize(("subjects", "bold"), [(4, False), (5, True)])
def test_nothing_is_bold_where_a_class_has_fewer_than_five_test_subjects(subjects, bold):
    runs = [("x", "ce-uniform", 0, 0.5), ("x", "mcc-oversampling", 0, 0.7), ("y", "ce-uniform", 0, 0.5)]
    runs += [("y", "mcc-oversampling", 0, 0.7)]
    counts = [("x", "ce-uniform", 0, subjects, "ok", "test_subjects_rare_thing")]
    counts += [
        ("x", "ce-uniform", 0, 50, "ok", "test_subjects_no"),
        ("y", "ce-uniform", 0, 9, "ok", "test_subjects_no"),
    ]
    metrics = pd.concat([tidy(*runs, *counts), tidy(*((*run, "ok", "f1_rare_thing") for run in runs))])
    metrics = pd.concat([metrics, tidy(*((*run, "ok", "f1_no") for run in runs))])
    best = summarise(metrics, ["balanced_accuracy", "f1_rare_thing", "f1_no"]).query("mean == 0.7")
    best = best.set_index(["dataset", "metric"])["best"]
    assert (best["x", "balanced_accuracy"], best["x", "f1_rare_thing"]) == (bold, bold)
    assert best["x", "f1_no"] and best["y"].all(), "values that depend on no small class stay bold"
    notes = make_table("table1_balanced_accuracy", metrics)[0].notes
    assert any("Fewer than 5 test subjects: X: Rare thing (4)" in note for note in notes) != bold


def test_lowest_is_best_where_less_is_better():
    metrics = tidy(("x", "ce-uniform", 0, 0.3), ("x", "mcc-oversampling", 0, 0.9), metric="brier")
    assert summarise(metrics, ["brier"])["best"].tolist() == [True, False]


def test_collapsed_runs_count_in_the_mean_and_diverged_do_not():
    metrics = tidy(
        ("x", "mcc-oversampling", 0, 0.6),
        ("x", "mcc-oversampling", 1, 0.36, "collapsed"),
        ("x", "mcc-oversampling", 2, None, "diverged"),
        ("x", "ce-uniform", 0, None, "diverged"),
    )
    grid, summary = make_table("table1_balanced_accuracy", metrics)
    row = summary.set_index("condition").loc["mcc-oversampling"]
    assert (row["mean"], row["n_seeds"], row["n_runs"]) == (pytest.approx(0.48), 2, 3)
    cells = {row.labels[-1]: [cell.plain for cell in row.cells] for row in grid.panels[0].rows}
    assert cells == {"Uniform": ["– ‡1", "–"], "Oversampling": ["–", "0.48 ± 0.17 †1 ‡1"]}
    assert "1 of 4 runs in this table" in grid.notes[1] and "2 of 4 runs in this table" in grid.notes[2]


def test_a_bold_value_is_no_conclusion_where_others_may_be_the_best():
    metrics = tidy(("toy", "ce-uniform", 0, 0.7), ("toy", "mcc-oversampling", 0, 0.8))
    ranks = pd.DataFrame(
        [
            {"dataset": "toy", "metric": "balanced_accuracy", "possible_best": possible}
            for possible in (True, True, False)
        ]
    )
    lines = make_table("table1_balanced_accuracy", metrics, ranks=ranks)[0].notes
    assert "not a conclusion" in lines[0] and lines[1].startswith("May be the best by balanced accuracy")
    assert lines[1].endswith(": Toy 2 of 3.")
    assert not any(
        "May be" in line
        for line in make_table("calibration", tidy(("toy", "ce-uniform", 0, 0.2), metric="brier"), ranks=ranks)[0].notes
    )
