"""Metrics of predictions that are pooled over folds: what is taken over all subjects, and what within each fold."""

import csv
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from imbalance_aware.__main__ import main
from imbalance_aware.evaluation.metrics import NO_FOLD, classification_metrics
from imbalance_aware.metrics.catalogue import METRICS, WEIGHTED
from imbalance_aware.metrics.declaration import Context, Outcome, Resamples

CLASSES = ("no", "early", "advanced")
RANKING = ("auroc", "average_precision", "sens_at_90_spec", "spec_at_90_sens")
RANKS = {*RANKING, *(f"{name}_macro" for name in RANKING)}
CONTEXT = Context(ordered=True, prevalence=(0.7, 0.2, 0.1), costs=((0, 1, 2), (3, 0, 1), (9, 4, 0)))


@st.composite
def pooled(draw):
    """Predictions of a few subjects from up to four folds, any of which may lack a class."""
    n = draw(st.integers(4, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    scores = np.round(rng.random((n, 3)), draw(st.integers(1, 2))) + 0.1
    fold = rng.integers(0, draw(st.integers(1, 4)), n)
    return Outcome(rng.integers(0, 3, n), scores / scores.sum(axis=1, keepdims=True), fold, CONTEXT)


def test_which_metrics_rank_is_declared():
    assert {name for name, metric in METRICS.items() if metric.ranks} == RANKS


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@settings(max_examples=30, deadline=None)
@given(outcome=pooled())
def test_a_metric_of_single_subjects_does_not_see_the_folds_and_one_of_ranks_does_not_leave_them(metric, outcome):
    if not metric.ranks:
        assert metric.of(outcome) == metric.function(replace(outcome, fold=None))
        return
    parts = [
        metric.function(Outcome(outcome.labels[members], outcome.probabilities[members]))
        for members in (outcome.fold == number for number in np.unique(outcome.fold))
    ]
    columns = zip(*parts, strict=True) if metric.per_class else [parts]
    expected = []
    for column in columns:
        defined = [value for value in column if value is not None]
        expected.append(sum(defined) / len(defined) if defined else None)
    found = metric.of(outcome) if metric.per_class else [metric.of(outcome)]
    assert [value is None for value in found] == [value is None for value in expected]
    assert [v for v in found if v is not None] == pytest.approx([v for v in expected if v is not None])


@pytest.mark.parametrize("metric", WEIGHTED.values(), ids=WEIGHTED)
@settings(max_examples=15, deadline=None)
@given(outcome=pooled(), seed=st.integers(0, 2**32))
def test_the_resampled_form_keeps_the_folds_too(metric, outcome, seed):
    counts = np.random.default_rng(seed).integers(0, 3, (4, len(outcome.labels))).astype(float)
    counts[:, 0] += 1  # no replicate is empty
    values = metric.of_resamples(Resamples(outcome, counts))
    for value, count in zip(values, counts, strict=True):
        drawn = np.repeat(np.arange(len(outcome.labels)), count.astype(int))
        alone = metric.of(replace(outcome.of(drawn), fold=outcome.fold[drawn]))
        assert value == pytest.approx(np.array(alone, dtype=float), nan_ok=True, abs=1e-12)


def shifted_folds(size: int = 60):
    """Two folds that rank perfectly, the second with all probabilities of the rare class far lower than the first."""
    rng = np.random.default_rng(0)
    labels = np.tile(np.repeat([0, 1], size // 4), 2)
    fold = np.repeat([0, 1], size // 2)
    positive = np.where(fold == 0, 0.5, 0.01) + np.where(labels == 1, 0.3, 0.0) + rng.random(size) * 0.05
    return labels, np.column_stack([1 - positive, positive]), fold


def test_probabilities_of_different_networks_have_no_common_scale():
    """Each fold ranks its subjects perfectly, so its AUROC is 1; ranked across folds they would seem worse."""
    labels, probabilities, fold = shifted_folds()
    report = classification_metrics(labels, probabilities, ("no", "yes"), fold)
    assert report["auroc_macro"] == 1.0
    assert roc_auc_score(labels, probabilities[:, 1]) < 0.8
    predicted = probabilities.argmax(axis=1)
    assert report["balanced_accuracy"] == balanced_accuracy_score(labels, predicted), "over all subjects at once"
    by_fold = [balanced_accuracy_score(labels[fold == k], predicted[fold == k]) for k in (0, 1)]
    assert report["n"] == 60 and [part["test_subjects"] for part in report["folds"]] == [{"no": 15, "yes": 15}] * 2
    assert report["balanced_accuracy"] == pytest.approx(np.mean(by_fold)), "folds of the same size and classes"


def test_a_fold_without_a_class_does_not_count_in_its_auroc():
    """As a hospital without a rare class: its AUROC would be one over other classes than those of the others."""
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1, 0, 1])
    fold = np.array([0] * 6 + [1] * 4)
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.ones(3), 10)
    report = classification_metrics(labels, probabilities, CLASSES, fold)
    first = classification_metrics(labels[:6], probabilities[:6], CLASSES)
    assert report["auroc_macro"] == first["auroc_macro"]
    assert report["auroc_advanced"] == first["auroc_advanced"]
    assert report["undefined"] == {}
    none = classification_metrics(np.array([0, 0, 1, 1]), np.full((4, 2), 0.5), ("no", "yes"), np.array([0, 0, 1, 1]))
    assert none["auroc_macro"] is None and none["undefined"]["auroc_macro"] == NO_FOLD


def test_the_status_is_that_of_the_folds():
    labels = np.tile([0, 1], 4)
    fold = np.repeat([0, 1], 4)
    good, collapsed = np.tile(np.eye(2) * 0.8 + 0.1, (2, 1)), np.tile([[0.9, 0.1]], (4, 1))

    def status(*parts):
        report = classification_metrics(labels, np.concatenate(parts), ("no", "yes"), fold)
        return report["status"], [part["status"] for part in report["folds"]]

    assert status(good, good) == ("ok", ["ok", "ok"])
    assert status(good, collapsed) == ("ok", ["ok", "collapsed"])
    assert status(collapsed[:, ::-1], collapsed) == ("collapsed", ["collapsed", "collapsed"]), "each to its own class"
    assert status(good, np.full((4, 2), np.nan)) == ("diverged", ["ok", "diverged"])
    # A fold that tests one class cannot tell by itself whether it collapsed.
    labels = np.array([0, 0, 0, 0, 0, 1, 0, 1])
    assert status(collapsed, collapsed) == ("collapsed", ["ok", "collapsed"])


# A tiny cross-validation on disk: eight subjects of two classes in two folds.

SUBJECTS = [f"s{number}" for number in range(8)]
LABELS = [0, 1, 0, 1, 0, 1, 0, 0]
TESTED = [0, 0, 1, 1, 0, 0, 1, 1]
NAMES = ("no", "yes")


def table(path, columns, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerows([columns, *rows])
    return path


@pytest.fixture
def crossed(tmp_path):
    """Files of one replicate; ``tmp_path/s/d/c/seed-0/fold-K/predictions.csv`` in an order of their own."""
    table(
        tmp_path / "samples.csv",
        ["subject", "group", "cohort", "class", "label", "split", "image_sha256", "sex"],
        [
            (name, f"p{name}", "here", NAMES[label], label, "", "0" * 16, "f")
            for name, label in zip(SUBJECTS, LABELS, strict=True)
        ],
    )
    parts = [["test" if of == fold else "train" for of in TESTED] for fold in (0, 1)]
    parts[1][1] = ""  # left out of the training of fold 1
    table(tmp_path / "repeat-0.csv", ["subject", "fold-0", "fold-1"], zip(SUBJECTS, *parts, strict=True))
    rng = np.random.default_rng(2)
    for fold in (0, 1):
        rows = []
        for name, label, of in reversed([*zip(SUBJECTS, LABELS, TESTED, strict=True)]):
            share = round(float(rng.random()), 3)
            if of == fold:
                rows.append((name, f"p{name}", "here", NAMES[label], label, "f", share, round(1 - share, 3)))
        columns = ["subject", "group", "cohort", "class", "label", "sex", "prob_no", "prob_yes"]
        table(tmp_path / f"s/d/c/seed-0/fold-{fold}/predictions.csv", columns, rows)
    return tmp_path


def pool(folder, *folds):
    paths = [str(folder / f"s/d/c/seed-0/fold-{fold}/predictions.csv") for fold in folds]
    out = folder / "s/d/c/seed-0/predictions.csv"
    inputs = ["--samples", str(folder / "samples.csv"), "--folds", str(folder / "repeat-0.csv"), "--out", str(out)]
    return main(["pool", *inputs, *paths]), out


def rows_of(path):
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_pooled_predictions_are_those_of_the_folds_in_the_order_of_the_samples(crossed):
    status, out = pool(crossed, 1, 0)
    assert status == 0
    rows = rows_of(out)
    assert [row["subject"] for row in rows] == SUBJECTS
    assert [int(row["fold"]) for row in rows] == TESTED
    assert {row["sex"] for row in rows} == {"f"}
    single = {
        row["subject"]: row for k in (0, 1) for row in rows_of(crossed / f"s/d/c/seed-0/fold-{k}/predictions.csv")
    }
    assert all(row["prob_yes"] == single[row["subject"]]["prob_yes"] for row in rows)


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "repeat-0.csv",
            "s3,train,test",
            "s3,test,test",
            "the subject s3 is tested by the folds 0, 1, not by exactly one",
        ),
        ("repeat-0.csv", "s3,train,test", "s3,train,train", "the subject s3 is tested by no fold, not by exactly one"),
        ("repeat-0.csv", "s3,", "s9,", "its subjects are not those of the dataset"),
        ("s/d/c/seed-0/fold-0/predictions.csv", "s4,", "s2,", "contains the subject s2, which this fold does not test"),
        ("s/d/c/seed-0/fold-0/predictions.csv", "s4,ps4,here,no,0", "s4,ps4,here,yes,1", "subject s4 is of class yes"),
        ("s/d/c/seed-0/fold-0/predictions.csv", "prob_no,prob_yes", "prob_a,prob_yes", "which is a in the order"),
    ],
)
def test_what_does_not_fit_is_not_pooled(crossed, capsys, file, old, new, message):
    edit(crossed / file, old, new)
    status, out = pool(crossed, 0, 1)
    assert status == 2 and not out.exists()
    assert message in capsys.readouterr().err


def test_a_subject_that_is_missing_or_a_fold_that_is_not_given_is_named(crossed, capsys):
    assert pool(crossed, 0)[0] == 2
    assert "the fold 1 tests subjects, but its predictions are not given" in capsys.readouterr().err
    path = crossed / "s/d/c/seed-0/fold-1/predictions.csv"
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if not line.startswith("s2,")))
    assert pool(crossed, 0, 1)[0] == 2
    assert "lacks the subject s2, which this fold tests" in capsys.readouterr().err


def evaluate(folder, predictions, *more):
    out = folder / "metrics.json"
    inputs = ["--predictions", str(predictions), "--samples", str(folder / "samples.csv"), "--out", str(out)]
    return main(["evaluate", *inputs, *more]), out


def test_the_adjustment_takes_out_what_each_fold_was_trained_on(crossed):
    _, out = pool(crossed, 0, 1)
    status, report = evaluate(crossed, out, "--folds", str(crossed / "repeat-0.csv"))
    assert status == 0
    block = json.loads(report.read_text())["posthoc_logit_adjustment"]
    # Fold 0 trains on s2, s3, s6, s7; fold 1 on s0, s4, s5, without s1, which is dropped.
    assert block["training_class_counts"] == {"fold-0": {"no": 3, "yes": 1}, "fold-1": {"no": 2, "yes": 1}}
    predicted = []
    for row in rows_of(out):
        odds = float(row["prob_yes"]) / float(row["prob_no"]) * (3 if row["fold"] == "0" else 2)
        predicted.append(int(odds > 1))
    assert block["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(LABELS, predicted))


def test_a_single_fold_is_evaluated_with_its_own_training_set(crossed):
    predictions = crossed / "s/d/c/seed-0/fold-1/predictions.csv"
    status, report = evaluate(crossed, predictions, "--folds", str(crossed / "repeat-0.csv"), "--fold", "1")
    assert status == 0
    found = json.loads(report.read_text())
    assert found["n"] == 4 and "folds" not in found
    assert found["posthoc_logit_adjustment"]["training_class_counts"] == {"no": 2, "yes": 1}


def test_pooled_predictions_ask_for_the_folds(crossed, capsys):
    _, out = pool(crossed, 0, 1)
    assert evaluate(crossed, out)[0] == 2
    assert "--folds must name the table of its folds" in capsys.readouterr().err


def test_the_steps_need_no_torch():
    modules = "sys, imbalance_aware.evaluation.pool, imbalance_aware.evaluation.evaluate"
    code = f"import {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
