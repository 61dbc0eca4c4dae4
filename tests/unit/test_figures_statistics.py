"""Figures of intervals, ranks, pairs and curves: the numbers that they draw, odd names, one seed, nothing to draw."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance_aware.__main__ import main
from imbalance_aware.evaluation.decision_curve import net_benefit
from imbalance_aware.metrics.calibration import bins_of_equal_mass, calibration_error_by_class
from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.reporting import (
    all_pairs,
    class_panels,
    curves,
    difference_forest,
    interval_rows,
    metric_dots,
    net_benefit_curves,
    precision_recall_curves,
    rank_intervals,
    roc_curves,
    style,
)
from imbalance_aware.reporting.looks import FILLS, looks_of
from imbalance_aware.reporting.study_tables import read_values, run_counts, short_labels, with_labels
from imbalance_aware.tables.comparisons import COMPARISONS
from imbalance_aware.tables.frames import MODELS, NEW_DATA, PROCEDURE
from imbalance_aware.tables.ranks import RANKS

CLASSES = ["健康", "early_disease of an unusually long name, with $x_1$", "_x"]
CONDITIONS = [
    ("ce-uniform", "ce", "uniform", False),
    ("ce-weighted", "ce", "uniform", True),
    ("mcc-uniform", "soft_mcc", "uniform", False),
    ("mcc-oversampling", "soft_mcc", "oversampling", False),
]
STEPS = [
    *("difference_forest", "rank_intervals", "all_pairs", "metric_dots", "f1_by_class"),
    *("roc_curves", "precision_recall_curves", "reliability", "net_benefit_curves"),
]
#: One of those that draw panels of curves stands for all where the panels are not what is tested.
WITH_ONE_OF_CURVES = STEPS[:6]


def write_runs(folder, seeds, sizes=(20, 12, 9), fold=None, diverged=(), collapsed=()):
    """Predictions of a made-up study, its metrics and what ``statistics`` makes of it; the paths of its files."""
    folder.mkdir()
    labels = np.repeat(range(len(sizes)), sizes)
    samples = pd.DataFrame({"subject": [f"s{place}" for place in range(len(labels))], "label": labels})
    samples = samples.assign(group=samples["subject"], cohort="made up", split="train")
    samples["class"] = [CLASSES[label] for label in labels]
    paths = []
    for number, (condition, *_) in enumerate(CONDITIONS):
        for seed in seeds:
            rng = np.random.default_rng([number, seed])
            logits = rng.normal(size=(len(labels), len(sizes))) + (1 + number / 2) * np.eye(len(sizes))[labels]
            if (condition, seed) in collapsed:
                logits[:, 0] += 50
            values = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            if (condition, seed) in diverged:
                values[0] = np.nan
            table = samples[["subject", "group", "cohort", "class", "label"]].copy()
            if fold is not None:
                table["fold"] = np.arange(len(labels)) % fold
            table[[f"prob_{name}" for name in CLASSES[: len(sizes)]]] = values
            place = folder / "s" / "eyes" / condition / f"seed-{seed}"
            place.mkdir(parents=True)
            table.to_csv(place / "predictions.csv", index=False)
            paths.append(place / "predictions.csv")
            assert main(["evaluate", "--predictions", str(paths[-1]), "--out", str(place / "metrics.json")]) == 0
    conditions = json.dumps(
        [dict(zip(("condition", "loss", "sampling", "weighted"), row, strict=True)) for row in CONDITIONS]
    )
    reports = [str(path.with_name("metrics.json")) for path in paths]
    collect = ["collect", "--study", "s", "--conditions", conditions, "--batch-size", "5"]
    assert main([*collect, "--out", str(folder / "metrics.csv"), *reports]) == 0
    (folder / "eyes").mkdir()
    samples.to_csv(folder / "eyes" / "samples.csv", index=False)
    counts = ["--samples", str(folder / "eyes" / "samples.csv")] if fold is None else []
    assert main(["statistics", *counts, "--out", str(folder), "--predictions", *map(str, paths)]) == 0
    return SimpleNamespace(folder=folder, paths=paths, metrics=pd.read_csv(folder / "metrics.csv"))


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
    every = [(condition, 0) for condition, *_ in CONDITIONS]
    return write_runs(tmp_path_factory.mktemp("figures") / "diverged", (0,), diverged=every)


def arguments(study, step):
    """Of the command ``step``, but for where to write."""
    tables = {name: [f"--{name}", str(study.folder / f"{name}.csv")] for name in ("values", "comparisons", "ranks")}
    own = {
        "difference_forest": [*tables["values"], *tables["comparisons"], "--relevant-difference", "0.02"],
        "rank_intervals": [*tables["values"], *tables["ranks"]],
        "all_pairs": [*tables["values"], *tables["comparisons"], *tables["ranks"]],
        "metric_dots": tables["values"],
        "f1_by_class": tables["values"],
    }
    metrics = ["--metrics", str(study.folder / "metrics.csv")]
    if step not in own:
        return [*metrics, *map(str, study.paths)]
    return [*metrics, *own[step], *([] if step == "metric_dots" else ["--dataset", "eyes"])]


def drawn(study, step, monkeypatch, tmp_path, extra=()):
    """The figure that a command saves."""
    kept = []
    monkeypatch.setattr(style.Figure, "savefig", lambda canvas, *_, **__: kept.append(canvas))
    out = ["--png", str(tmp_path / "x.png"), "--pdf", str(tmp_path / "x.pdf")]
    assert main([step, *out, *arguments(study, step), *extra]) == 0
    return kept[0]


def texts_of(canvas):
    """All that a figure says, notes without their line breaks."""
    found = canvas.findobj(match=lambda artist: hasattr(artist, "get_text"))
    return " | ".join(text.get_text().replace("\n", " ") for text in found)


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
        "rank_intervals": "of patients alone, for these trained models",
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
    assert "Test subjects of all folds are taken together" in texts_of(
        drawn(folds, "reliability", monkeypatch, tmp_path)
    )


# Curves: their areas are the metrics.


@pytest.mark.parametrize("fixture", ["two_seeds", "folds"])
def test_areas_of_the_curves_are_the_metrics(fixture, request):
    study = request.getfixturevalue(fixture)
    runs = class_panels.read_runs(study.paths, study.metrics, "sample")
    metrics = study.metrics.query("unit == 'sample'").set_index(["condition", "metric"])["value"]
    for name, module in (("auroc", roc_curves), ("average_precision", precision_recall_curves)):
        for condition in ("ce-uniform", "mcc-uniform"):
            for label in range(3):
                band = module.KIND.band(runs.outcomes[condition], label)
                names = [metric for metric in metrics[condition].index.unique() if metric.startswith(f"{name}_")]
                names = [metric for metric in names if metric != f"{name}_macro"]
                area = curves.Curve(band.x, band.mean).area
                assert area == pytest.approx(metrics[condition, names[label]].mean(), abs=1e-12)
                assert (band.low <= band.mean + 1e-12).all() and (band.mean <= band.high + 1e-12).all()


SCORES = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=4, max_size=40)


@given(SCORES)
def test_areas_with_equal_scores_are_those_of_scikit_learn(subjects):
    from sklearn.metrics import average_precision_score, roc_auc_score

    positive, scores = np.array([of for of, _ in subjects]), np.array([score for _, score in subjects]) / 6
    if 0 < positive.sum() < len(positive):
        assert curves.roc(positive, scores).area == pytest.approx(roc_auc_score(positive, scores))
        area = curves.precision_recall(positive, scores).area
        assert area == pytest.approx(average_precision_score(positive, scores))


@given(SCORES)
def test_distance_from_the_diagonal_is_the_calibration_error(subjects):
    positive, scores = np.array([of for of, _ in subjects]), np.array([score for _, score in subjects]) / 6
    probability, share = bins_of_equal_mass(positive, scores)
    outcome = Outcome(positive.astype(int), np.stack([1 - scores, scores], axis=1))
    assert np.abs(probability - share).mean() == pytest.approx(calibration_error_by_class(outcome)[1], abs=1e-12)
    assert (np.diff(probability) >= -1e-12).all()


def test_a_mean_curve_jumps_where_one_of_its_curves_does():
    step = curves.Curve(np.array([0, 0.5, 0.5, 1]), np.array([0, 0, 1, 1.0]))
    line = curves.Curve(np.array([0, 1.0]), np.array([0, 1.0]))
    band = curves.band_of([step, line])
    assert band.x.tolist() == [0, 0, 0.5, 0.5, 1, 1]
    assert band.mean.tolist() == [0, 0, 0.25, 0.75, 1, 1]
    assert band.low.tolist() == [0, 0, 0, 0.5, 1, 1] and band.high.tolist() == [0, 0, 0.5, 1, 1, 1]


def test_a_large_test_set_is_thinned():
    rng = np.random.default_rng(0)
    positive = rng.random(5000) < 0.3
    scores = rng.normal(size=5000) + positive
    thinned = curves.band_of([curves.roc(positive, scores)])
    assert len(thinned.x) == 2 * curves.MOST_PLACES
    assert curves.Curve(thinned.x, thinned.mean).area == pytest.approx(curves.roc(positive, scores).area, abs=1e-3)


def test_a_fold_without_the_class_does_not_count():
    labels = np.array([0, 1, 1, 0, 0, 0])
    probabilities = np.array([[0.2, 0.8], [0.4, 0.6], [0.1, 0.9], [0.7, 0.3], [0.6, 0.4], [0.5, 0.5]])
    outcome = Outcome(labels, probabilities, np.array([0, 0, 0, 0, 1, 1]))
    assert curves.of_class(outcome, 1, curves.roc).area == METRICS["auroc"].of(outcome)[1]
    assert curves.of_class(Outcome(labels[4:], probabilities[4:]), 1, curves.roc) is None
    assert curves.reliability([Outcome(labels[4:], probabilities[4:])], 1) is None
    assert net_benefit_curves.band([Outcome(labels[4:], probabilities[4:])], 1) is None


def test_decision_curves_are_at_the_deployment_prevalence(two_seeds, monkeypatch, tmp_path):
    runs = class_panels.read_runs(two_seeds.paths, two_seeds.metrics, "sample")
    outcomes = runs.outcomes["ce-uniform"]
    band = net_benefit_curves.band(outcomes, 1, (0.5, 0.3, 0.2))
    expected = [
        net_benefit(one.labels == 1, one.probabilities[:, 1], net_benefit_curves.THRESHOLDS, 0.3) for one in outcomes
    ]
    assert band.mean == pytest.approx(np.mean(expected, axis=0))
    context = json.dumps(
        {"classes": CLASSES, "deployment_prevalence": dict(zip(CLASSES, (0.5, 0.3, 0.2), strict=True))}
    )
    canvas = drawn(two_seeds, "net_benefit_curves", monkeypatch, tmp_path, ["--context", context])
    assert "At the prevalence declared for deployment" in texts_of(canvas)
    assert canvas.axes[1].get_ylim()[1] == pytest.approx(1.08 * 0.3)


def test_panels_show_collapsed_runs_and_leave_diverged_ones_out(two_seeds, monkeypatch, tmp_path):
    runs = class_panels.read_runs(two_seeds.paths, two_seeds.metrics, "sample")
    assert runs.diverged == 1 and len(runs.outcomes["mcc-uniform"]) == 1
    assert runs.collapsed == {"ce-uniform": 0, "ce-weighted": 1, "mcc-uniform": 0, "mcc-oversampling": 0}
    canvas = drawn(two_seeds, "roc_curves", monkeypatch, tmp_path)
    said = texts_of(canvas)
    assert "runs collapsed (1 of 7 in all)" in said and "Runs that diverged are left out: 1." in said
    daggers = [
        axes.get_subplotspec().rowspan.start
        for axes in canvas.axes
        for line in axes.lines
        if hasattr(line.get_marker(), "vertices")
    ]
    assert daggers == [1, 1, 1], "the row of weights"


def test_many_losses_are_spread_over_rows_without_a_look_twice():
    names = [f"loss {number:02d}" for number in range(16)]
    conditions = pd.DataFrame({"condition": names, "loss_label": names, "sampling_label": "Uniform"})
    blocks = [part["loss_label"].tolist() for _, part in class_panels.blocks_of(conditions)]
    assert [len(block) for block in blocks] == [7, 7, 2] and [name for block in blocks for name in block] == names
    colours, lines = style.loss_colours(names), style.loss_lines(names)
    assert all(len({colours[name] for name in block}) == len(block) for block in blocks)
    assert len({(colours[name], str(lines[name])) for name in names}) == 16


# Looks.


MATRICES = {
    "usual": [1, 0, 0, 0, 1, 0, 0, 0, 1],
    "protanopia": [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
    "deuteranopia": [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
    "tritanopia": [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
}


def seen(colour, kind):
    """CIELAB of a colour as somebody with that kind of colour vision sees it (Machado et al. 2009, severity 1)."""
    values = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.reshape(MATRICES[kind], (3, 3)) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.maximum(np.array(to_xyz) @ linear / [0.9505, 1, 1.089], 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("kind", MATRICES)
def test_colours_of_losses_differ_for_every_kind_of_colour_vision(kind):
    lab = [seen(colour, kind) for colour in style.LOSS_COLOURS]
    apart = [np.linalg.norm(one - other) for place, one in enumerate(lab) for other in lab[:place]]
    assert min(apart) > 10, "well above 2.3, the difference that is just noticeable"
    assert max(one[0] for one in lab) < 80, "dark enough on white"


def test_a_loss_has_one_colour_in_all_figures_of_a_study(two_seeds):
    looks = looks_of(two_seeds.metrics)
    assert looks.colours == {"CE": style.BLUE, "MCC": style.ORANGE}
    assert looks.colours == looks_of(two_seeds.metrics[::-1]).colours, "whatever the order of the rows"
    assert looks.mark("CE", "+ Weights")["marker"] != looks.mark("CE", "Uniform")["marker"]


def test_long_names_are_cut_and_stay_apart():
    assert style.shortened(["short", "x" * 30], 10) == ["short", "x" * 9 + "…"]
    alike = style.shortened(["x" * 30 + "a", "x" * 30 + "b"], 10)
    assert len({*alike}) == 2 and all(style.text_width(name) <= 10 for name in alike)
    assert style.text_width(style.shortened(["健康な眼底の写真"], 9)[0]) <= 9


def test_labels_of_candidates_that_are_alike_are_their_names():
    metrics = pd.DataFrame(
        {"condition": ["a b-x", "a_b-x"], "loss": ["a_b", "a_b"], "sampling": "x", "weighted": False}
    )
    labels = short_labels(["a b-x", "a_b-x", "a_b-x@prior"], metrics)
    assert len({*labels.values()}) == 3 and labels["a_b-x@prior"].endswith("@prior")
