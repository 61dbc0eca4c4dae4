"""Figures of intervals, ranks and pairs: the numbers that they draw, odd names, one seed, nothing to draw."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from figures_statistics_cases import CONDITIONS, arguments, drawn, texts_of, write_runs

from imbalance_aware.reporting import (
    all_pairs,
    difference_forest,
    interval_rows,
    metric_dots,
    rank_intervals,
    style,
)
from imbalance_aware.reporting.looks import FILLS, looks_of
from imbalance_aware.reporting.study_tables import read_values, run_counts, with_labels
from imbalance_aware.tables.comparisons import COMPARISONS
from imbalance_aware.tables.frames import MODELS, NEW_DATA, PROCEDURE
from imbalance_aware.tables.ranks import RANKS

STEPS = [
    *("difference_forest", "rank_intervals", "all_pairs", "metric_dots", "f1_by_class"),
    *("roc_curves", "precision_recall_curves", "reliability", "net_benefit_curves"),
]

#: One of those that draw panels of curves stands for all where the panels are not what is tested.
WITH_ONE_OF_CURVES = STEPS[:6]


@pytest.fixture(scope="module")
def two_seeds(tmp_path_factory):
    """Two seeds; one run collapsed, one diverged."""
    folder = tmp_path_factory.mktemp("figures") / "two"
    return write_runs(folder, (0, 1), diverged=[("mcc-uniform", 1)], collapsed=[("ce-weighted", 0)])


@pytest.fixture(scope="module")
def one_seed(tmp_path_factory):
    return write_runs(tmp_path_factory.mktemp("figures") / "one", (0,))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A class with three patients, so that nothing is estimable."""
    return write_runs(tmp_path_factory.mktemp("figures") / "small", (0, 1), sizes=(12, 6, 3))


@pytest.fixture(scope="module")
def folds(tmp_path_factory):
    """Cross-validated in three folds."""
    return write_runs(tmp_path_factory.mktemp("figures") / "folds", (0, 1), fold=3)


@pytest.fixture(scope="module")
def diverged(tmp_path_factory):
    """Without any run that has metrics."""
    every = [(row["condition"], 0) for row in CONDITIONS]
    return write_runs(tmp_path_factory.mktemp("figures") / "diverged", (0,), diverged=every)


@pytest.mark.slow
def test_figures_are_the_same_bytes_in_every_process(two_seeds, tmp_path):
    """One of each kind of drawing; the dots are in `test_figures`."""
    steps = ("difference_forest", "rank_intervals", "all_pairs", "f1_by_class", "roc_curves", "net_benefit_curves")
    contents = []
    for seed in ("0", "7"):
        folder = tmp_path / seed
        calls = [
            [
                *(step, "--png", str(folder / f"{step}.png"), "--pdf", str(folder / f"{step}.pdf")),
                *arguments(two_seeds, step),
            ]
            for step in steps
        ]
        code = f"import sys; from imbalance_aware.__main__ import main; sys.exit(sum(map(main, {calls!r})))"
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
        contents.append({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    assert len(contents[0]) == 2 * len(steps) and contents[0] == contents[1]


@pytest.mark.parametrize("step", STEPS)
def test_text_is_legible_in_print_and_inside_the_page(two_seeds, step, monkeypatch, tmp_path):
    canvas = drawn(two_seeds, step, monkeypatch, tmp_path)
    canvas.draw_without_rendering()
    page = canvas.bbox
    assert canvas.get_figwidth() <= style.TWO_COLUMNS_INCH + 1e-9
    for text in canvas.findobj(match=lambda artist: hasattr(artist, "get_fontsize")):
        if text.get_text() and text.get_visible():
            assert text.get_fontsize() >= 6, text.get_text()
    for axes in canvas.axes:
        box = axes.get_tightbbox()
        assert box.x0 >= -1 and box.x1 <= page.width + 1 and box.y0 >= -1 and box.y1 <= page.height + 1
    for legend in canvas.legends:
        box = legend.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= page.width
    assert "$x_1$" not in texts_of(canvas) or step != "all_pairs"


@pytest.mark.parametrize("step", WITH_ONE_OF_CURVES)
def test_one_seed_is_said_and_has_no_second_interval(one_seed, step, monkeypatch, tmp_path):
    said = texts_of(drawn(one_seed, step, monkeypatch, tmp_path))
    assert interval_rows.LABELS[PROCEDURE] not in said
    expected = {
        "rank_intervals": "of patients only, for these trained models",
        "all_pairs": "for other patients and these trained models",
        "difference_forest": "there is no interval for this procedure",
        "metric_dots": "there is no interval for this procedure",
        "f1_by_class": "there is no interval for this procedure",
    }
    assert expected.get(step, "One seed: no bands.") in said


@pytest.mark.parametrize("step", STEPS[:5])
def test_what_is_not_estimable_has_no_interval_and_says_why(small, step, monkeypatch, tmp_path):
    canvas = drawn(small, step, monkeypatch, tmp_path)
    said = texts_of(canvas)
    assert "fewer than 5" in said or "?: not estimable." in said
    if step != "f1_by_class":  # its other classes have intervals
        assert interval_rows.LABELS[MODELS] not in said and "95 % range" not in said


@pytest.mark.parametrize("step", WITH_ONE_OF_CURVES)
def test_a_study_whose_runs_all_diverged_says_so(diverged, step, monkeypatch, tmp_path):
    said = texts_of(drawn(diverged, step, monkeypatch, tmp_path))
    reasons = {
        "difference_forest": "there is nothing to compare with the baseline",
        "rank_intervals": "no condition has a rank",
        "all_pairs": "there are no two conditions to compare",
    }
    assert reasons.get(step, "every run diverged") in said


def test_the_forest_draws_the_rows_of_the_table(two_seeds):
    table = COMPARISONS.read(two_seeds.folder / "comparisons.csv")
    table = with_labels(table[table["with_baseline"] & (table["role"] == "primary")], "a", two_seeds.metrics)
    counts = run_counts(two_seeds.folder / "values.csv", "sample", "eyes")
    looks = looks_of(two_seeds.metrics)
    axes = style.Figure().subplots()
    difference_forest.draw(axes, table, counts, looks, 0.02)
    spans = {tuple(np.round(line.get_xdata(), 12)) for line in axes.lines if len(line.get_xdata()) == 2}
    for row in table.to_dict("records"):
        for interval in (MODELS, PROCEDURE):
            if interval_rows.known(row, interval):
                assert tuple(np.round((row[f"{interval}_low"], row[f"{interval}_high"]), 12)) in spans
    marks = [line for line in axes.lines if line.get_linestyle() == "None" and line.get_marker() in "os^"]
    assert [float(line.get_xdata()[0]) for line in marks] == table["difference"].tolist()
    assert [line.get_color() for line in marks] == [looks.colours[loss] for loss in table["loss_label"]]
    fills = [FILLS[name.partition("@")[2] or "argmax"] for name in table["a"]]
    assert [line.get_fillstyle() for line in marks] == fills
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert "CE, Uniform @prior" in labels and "CE, + Weights †1" in labels and "MCC, Uniform ‡1" in labels


def test_rows_come_in_the_order_of_the_study_whatever_that_of_the_table(two_seeds):
    table = pd.DataFrame({"a": ["mcc-oversampling", "mcc-uniform@prior", "mcc-uniform", "ce-weighted", "ce-uniform"]})
    labelled = with_labels(table, "a", two_seeds.metrics)["a"].tolist()
    assert labelled == ["ce-uniform", "ce-weighted", "mcc-uniform@prior", "mcc-uniform", "mcc-oversampling"]


def test_conclusions_are_those_of_the_table():
    row = {"decision": "better", "relevant": True, "decision_models": "worse", "relevant_models": False}
    row |= {"models_low": 0.1, "models_high": 0.2, "procedure_low": 0.05, "procedure_high": 0.25}
    assert difference_forest.conclusion(row) == "relevantly better"
    row |= {"procedure_low": np.nan, "procedure_high": np.nan}
    assert difference_forest.conclusion(row) == "worse"
    assert difference_forest.conclusion(row | {"models_low": np.nan}) == "not estimable"


@pytest.mark.parametrize(("metric", "side"), [("balanced_accuracy", "right"), ("log_loss", "left")])
def test_the_axis_says_which_side_is_better(metric, side):
    assert f"({side} of 0 is better)" in difference_forest.axis_label(metric, "CE, Uniform")


def test_ranks_are_drawn_with_their_ranges(two_seeds):
    table = RANKS.read(two_seeds.folder / "ranks.csv")
    table = with_labels(table[table["role"] == "primary"], "candidate", two_seeds.metrics)
    axes = style.Figure().subplots()
    counts = run_counts(two_seeds.folder / "values.csv", "sample", "eyes")
    rank_intervals.draw(axes, table, counts, looks_of(two_seeds.metrics))
    drawn_ranges = [tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2]
    assert drawn_ranges == list(zip(table["rank_low"], table["rank_high"], strict=True))
    assert len(axes.patches) == table["possible_best"].sum()
    shares = [text.get_text() for text in axes.texts][:-1]
    assert shares == [f"{100 * share:.0f} %" for share in table["first"]]


def test_the_matrix_holds_every_pair_both_ways():
    rows = [("a", "b", 0.5, "better"), ("c", "a", -0.2, "undecided"), ("c", "b", 0.3, "equivalent")]
    table = pd.DataFrame(rows, columns=["a", "b", "difference", "decision_all_pairs"])
    table = table.assign(metric="balanced_accuracy", simultaneous_low=[0.1, -0.5, np.nan])
    pairs = all_pairs.pairs_of(table, ["a", "c", "b"], ["A", "C", "B"])
    assert pairs.advantage[0].tolist()[1:] == [0.2, 0.5] and pairs.advantage[2].tolist()[:2] == [-0.5, -0.3]
    assert pairs.words.tolist() == [["", "undecided", "better"], ["undecided", "", ""], ["worse", "", ""]]
    said = [[all_pairs.text_of(pairs, row, column) for column in range(3)] for row in range(3)]
    assert said == [["", "·", "+"], ["20", "", "?"], ["50", "30", ""]]
    lower = all_pairs.pairs_of(table.assign(metric="log_loss"), ["b", "c", "a"], ["B", "C", "A"])
    assert lower.advantage[0, 2] == 0.5, "the lower log loss is better"


def test_dots_draw_mean_intervals_seeds_and_paper(two_seeds):
    table = metric_dots.values_of(two_seeds.metrics, "balanced_accuracy").assign(reference_mean=0.69)
    table = table[table["condition"] == "ce-weighted"]
    values = metric_dots.rows_of(read_values(two_seeds.folder / "values.csv", "sample"), "balanced_accuracy")
    intervals = metric_dots.intervals_of(values, "eyes")
    axes = style.Figure().subplots()
    metric_dots.draw(axes, table, intervals, looks_of(two_seeds.metrics))
    models, procedure, mean, usual, collapsed, paper = axes.lines
    row = intervals["ce-weighted"]
    assert tuple(models.get_xdata()) == (row["models_low"], row["models_high"])
    assert tuple(procedure.get_xdata()) == (row["procedure_low"], row["procedure_high"])
    assert mean.get_xdata()[0] == pytest.approx(table["value"].mean()) == row["value"]
    assert usual.get_xdata().tolist() == table.loc[table["status"] == "ok", "value"].tolist()
    assert collapsed.get_xdata().tolist() == table.loc[table["status"] == "collapsed", "value"].tolist()
    assert len(collapsed.get_marker().vertices) > 8, "the outline of a letter"
    assert paper.get_xdata()[0] == 0.69
    handles = metric_dots.legend(table, values, looks_of(two_seeds.metrics))
    expected = ["+ Weights", interval_rows.LABELS[MODELS], interval_rows.LABELS[PROCEDURE]]
    assert [handle.get_label() for handle in handles] == [*expected, "One seed", "Collapsed", "Paper"]


def test_dots_after_an_adjustment_have_the_intervals_of_its_rule(two_seeds):
    values = read_values(two_seeds.folder / "values.csv", "sample")
    assert set(metric_dots.rows_of(values, "posthoc_mcc")["candidate"].str.endswith("@prior")) == {True}
    assert metric_dots.rows_of(values, "temperature_mcc").empty


def test_f1_has_a_panel_per_class_with_its_subjects(two_seeds, monkeypatch, tmp_path):
    canvas = drawn(two_seeds, "f1_by_class", monkeypatch, tmp_path)
    titles = [axes.get_title() for axes in canvas.axes]
    assert [title[-8:] for title in titles] == ["(n = 20)", "(n = 12)", " (n = 9)"]
    assert titles[1].startswith("Early disease") and "…" in titles[1]


def test_the_third_interval_is_drawn_where_data_are_cross_validated(folds, monkeypatch, tmp_path):
    said = texts_of(drawn(folds, "difference_forest", monkeypatch, tmp_path))
    assert interval_rows.LABELS[NEW_DATA] in said
    assert interval_rows.OF_FOLDS in texts_of(drawn(folds, "metric_dots", monkeypatch, tmp_path))
    assert style.WITHIN_FOLDS in texts_of(drawn(folds, "roc_curves", monkeypatch, tmp_path))
    assert "Test subjects of all folds are pooled" in texts_of(drawn(folds, "reliability", monkeypatch, tmp_path))
