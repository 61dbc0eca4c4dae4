"""Metrics from predictions alone: scikit-learn as the oracle, and the cases in which a metric has no value."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from imbalance_aware.__main__ import main
from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.logit_adjustment import adjust_logits
from imbalance_aware.evaluation.metrics import classification_metrics
from imbalance_aware.metrics.calibration import expected_calibration_error
from imbalance_aware.metrics.catalogue import metric_names
from imbalance_aware.metrics.declaration import UNKNOWN, Outcome
from imbalance_aware.tables.predictions import read_predictions

CLASSES = ("no", "early", "advanced")


def made_up(seed: int, n: int = 60, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Random labels with every class present, and probabilities that lean towards them."""
    rng = np.random.default_rng(seed)
    labels = np.r_[np.arange(classes), rng.integers(0, classes, n - classes)]
    logits = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[labels]
    return labels, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def write_predictions(path, labels, probabilities, classes=CLASSES):
    table = pd.DataFrame({"subject": [f"s-{i}" for i in range(len(labels))]})
    table = table.assign(group=table["subject"], cohort="here")
    table["class"] = [classes[label] for label in labels]
    table["label"] = labels
    for index, name in enumerate(classes):
        table[f"prob_{name}"] = probabilities[:, index]
    table.to_csv(path, index=False)
    return path


def write_samples(path, training, predictions):
    """``samples.csv`` with training samples of these classes, and the test samples that are predicted."""
    tested = pd.read_csv(predictions, dtype=str)[["subject", "class"]].assign(split="test")
    trained = pd.DataFrame({"subject": [f"t{n}" for n in range(len(training))], "class": training, "split": "train"})
    pd.concat([trained, tested]).to_csv(path, index=False)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(8, 80), classes=st.integers(2, 5))
def test_every_metric_is_scikit_learns(seed, n, classes):
    labels, probabilities = made_up(seed, n, classes)
    names = [f"c{index}" for index in range(classes)]
    report = classification_metrics(labels, probabilities, names)
    predicted = probabilities.argmax(axis=1)

    expected = {
        "accuracy": oracle.accuracy_score(labels, predicted),
        "balanced_accuracy": oracle.balanced_accuracy_score(labels, predicted),
        "f1_macro": oracle.f1_score(labels, predicted, average="macro"),
        "mcc": oracle.matthews_corrcoef(labels, predicted),
        "auroc_macro": oracle.roc_auc_score(labels, probabilities, multi_class="ovr")
        if classes > 2
        else oracle.roc_auc_score(labels, probabilities[:, 1]),
        "brier": oracle.brier_score_loss(labels, probabilities, labels=range(classes), scale_by_half=False),
    }
    assert {name: report[name] for name in expected} == pytest.approx(expected)
    of_class = oracle.precision_recall_fscore_support(labels, predicted, labels=range(classes), zero_division=0)
    areas = [oracle.roc_auc_score(labels == index, probabilities[:, index]) for index in range(classes)]
    for metric, values in zip(("precision", "recall", "f1", "auroc"), (*of_class[:3], areas), strict=True):
        assert [report[f"{metric}_{name}"] for name in names] == pytest.approx(list(values))
    assert report["confusion_matrix"] == oracle.confusion_matrix(labels, predicted).tolist()
    assert report["n"] == n and report["undefined"] == {}


def test_calibration_error_by_hand():
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.91, 0.09], [0.92, 0.08], [0.94, 0.06], [0.55, 0.45]])
    # Confidence above 14/15: one, wrong. From 13/15 to 14/15: two, both right. From 8/15 to 9/15: one, wrong.
    assert expected_calibration_error(Outcome(labels, probabilities)) == pytest.approx((0.94 + 0.09 + 0.08 + 0.55) / 4)
    assert expected_calibration_error(Outcome(np.array([0]), np.array([[1.0, 0.0]]))) == 0


def test_class_absent_from_the_test_set_leaves_reasons_not_numbers():
    labels, probabilities = made_up(1)
    keep = labels != 1
    report = classification_metrics(labels[keep], probabilities[keep], CLASSES)
    predicted = probabilities[keep].argmax(axis=1)

    assert (predicted == 1).any()
    assert report["recall_early"] is None and report["auroc_early"] is None and report["auroc_macro"] is None
    ranked = ("auroc", "average_precision", "sens_at_90_spec", "spec_at_90_sens")
    undefined = {"recall_early", *(f"{name}_{of}" for name in ranked for of in ("early", "macro"))}
    assert set(report["undefined"]) == undefined
    assert report["undefined"]["auroc_macro"] == "no test subject of class early"
    assert report["f1_early"] == 0
    assert report["f1_macro"] == pytest.approx(oracle.f1_score(labels[keep], predicted, average="macro"))
    recalls = [report["recall_no"], report["recall_advanced"]]
    assert report["balanced_accuracy"] == pytest.approx(np.mean(recalls))
    assert np.shape(report["confusion_matrix"]) == (3, 3)


def test_class_neither_true_nor_predicted_is_left_out_of_macro_f1():
    labels = np.array([0, 0, 2, 2])
    probabilities = np.eye(3)[[0, 0, 2, 0]]
    report = classification_metrics(labels, probabilities, CLASSES)
    assert report["f1_early"] is None and report["precision_early"] is None
    assert report["f1_macro"] == pytest.approx((0.8 + 2 / 3) / 2)


def test_one_predicted_class_is_collapsed_with_the_metrics_of_chance():
    labels, _ = made_up(2)
    report = classification_metrics(labels, np.eye(3)[np.zeros(len(labels), int)], CLASSES)
    assert report["status"] == "collapsed"
    assert report["balanced_accuracy"] == pytest.approx(1 / 3)
    assert report["mcc"] == 0 and report["auroc_macro"] == 0.5
    assert classification_metrics(np.array([0, 0]), np.eye(3)[[0, 0]], CLASSES)["status"] == "ok"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_probabilities_are_diverged_without_metrics(value):
    labels, probabilities = made_up(3)
    probabilities[4, 1] = value
    report = classification_metrics(labels, probabilities, CLASSES)
    assert report["status"] == "diverged" and report["confusion_matrix"] is None
    assert all(report[name] is None for name in metric_names(CLASSES, UNKNOWN))
    assert set(report["undefined"].values()) == {"probabilities of 1 of 60 subjects are not finite"}


def test_logit_adjustment_divides_by_the_prior():
    _, probabilities = made_up(4)
    adjusted = adjust_logits(probabilities, [60, 30, 10])
    expected = probabilities / np.array([0.6, 0.3, 0.1])
    assert adjusted == pytest.approx(expected / expected.sum(axis=1, keepdims=True))
    assert adjust_logits(probabilities, [60, 30, 10], tau=0) == pytest.approx(probabilities)
    assert adjust_logits(probabilities, [7, 7, 7]) == pytest.approx(probabilities)
    assert adjust_logits(np.array([[1.0, 0.0, 0.0]]), [1, 1, 1]).tolist() == [[1, 0, 0]]


def test_evaluate_step_writes_metrics_before_and_after_adjustment(tmp_path):
    labels, probabilities = made_up(5)
    predictions = write_predictions(tmp_path / "predictions.csv", labels, probabilities)
    samples = tmp_path / "samples.csv"
    write_samples(samples, ["no"] * 8 + ["early"] + ["advanced"] * 2, predictions)

    out = tmp_path / "metrics.json"
    assert main(["evaluate", "--predictions", str(predictions), "--samples", str(samples), "--out", str(out)]) == 0
    report = json.loads(out.read_text())
    adjusted = adjust_logits(probabilities, [8, 1, 2])
    assert report["balanced_accuracy"] == classification_metrics(labels, probabilities, CLASSES)["balanced_accuracy"]
    block = report["posthoc_logit_adjustment"]
    assert block["training_class_counts"] == {"no": 8, "early": 1, "advanced": 2}
    assert block["mcc"] == classification_metrics(labels, adjusted, CLASSES)["mcc"] != report["mcc"]

    first = out.read_bytes()
    main(["evaluate", "--predictions", str(predictions), "--samples", str(samples), "--out", str(out)])
    assert out.read_bytes() == first


def test_evaluate_step_survives_a_diverged_run(tmp_path):
    labels, probabilities = made_up(6)
    probabilities[:] = np.nan
    predictions = write_predictions(tmp_path / "predictions.csv", labels, probabilities)
    out = tmp_path / "metrics.json"
    assert main(["evaluate", "--predictions", str(predictions), "--out", str(out)]) == 0
    assert json.loads(out.read_text())["status"] == "diverged"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="label"), "lacks the column label"),
        (
            lambda table: table.drop(columns=["group", "cohort"]),
            r"lacks the column group, cohort; .* snakemake --cores 1 --force -- .*/predictions.csv",
        ),
        (lambda table: table.assign(fold="first"), 'line 2: fold is "first"; expected 0, 1, 2'),
        (lambda table: table.drop(columns=["prob_no", "prob_early"]), "at least two classes"),
        (lambda table: table.assign(label=table["label"] + 1), "labels must lie in 0 … 2"),
        (lambda table: table.assign(label=(table["label"] + 1) % 3), "is of class no but has label 1"),
        (lambda table: table.assign(subject="s-1"), "s-1 is listed more than once"),
        (lambda table: table.assign(prob_no=table["prob_no"] + 3), "do not contain probabilities"),
        (lambda table: table.assign(prob_no="high"), "not a number"),
        (lambda table: table.iloc[:0], "has no rows"),
    ],
)
def test_predictions_that_do_not_fit_are_refused_by_name(tmp_path, change, message):
    labels, probabilities = made_up(7)
    path = write_predictions(tmp_path / "predictions.csv", labels, probabilities)
    change(pd.read_csv(path)).to_csv(path, index=False)
    with pytest.raises(UserError, match=message):
        read_predictions(path)


def test_test_subjects_are_counted_and_a_class_may_be_called_macro(tmp_path):
    labels, probabilities = made_up(8)
    path = write_predictions(tmp_path / "predictions.csv", labels, probabilities, classes=("macro", "early", "late"))
    predictions = read_predictions(path)
    report = classification_metrics(predictions.labels, predictions.probabilities, predictions.classes)
    assert report["test_subjects"] == {
        name: int((labels == label).sum()) for label, name in enumerate(("macro", "early", "late"))
    }
    of_class = oracle.f1_score(labels, probabilities.argmax(axis=1), average=None)
    assert report["f1_class macro"] == pytest.approx(of_class[0]) and report["f1_macro"] == pytest.approx(
        of_class.mean()
    )
    probabilities[:] = np.nan
    assert sum(classification_metrics(labels, probabilities, CLASSES)["test_subjects"].values()) == len(labels)


def test_missing_files_and_classes_without_training_samples_are_user_errors(tmp_path, capsys):
    labels, probabilities = made_up(8)
    predictions = write_predictions(tmp_path / "predictions.csv", labels, probabilities)
    samples = tmp_path / "samples.csv"
    arguments = ["evaluate", "--predictions", str(predictions), "--samples", str(samples), "--out", str(tmp_path / "m")]
    assert main(arguments) == 2
    assert "samples.csv: no such file" in capsys.readouterr().err
    write_samples(samples, ["no", "early"], predictions)
    assert main(arguments) == 2
    assert "no training sample of class advanced" in capsys.readouterr().err


def lines_of(path):
    return path.read_text().splitlines(keepends=True)


#: What can have happened to a table of predictions -> what is said.
CUT = {
    "in a number": (
        lambda lines: "".join(lines)[:-4],
        "predictions.csv: truncated: its last line is incomplete. Make it",
    ),
    "at the end of its last number": (lambda lines: "".join(lines)[:-1], "truncated: its last line is incomplete"),
    "between two lines": (lambda lines: "".join(lines[:-7]), "lacks 7 of the 60 subjects that"),
    "in the middle": (lambda lines: "".join(lines[:20] + lines[25:]), "lacks 5 of the 60 subjects that"),
    "all but its header": (lambda lines: lines[0], "has no rows"),
    "everything": (lambda lines: "", "lacks the column subject"),
    "a line of another run": (
        lambda lines: "".join([*lines, lines[-1].replace(lines[-1].split(",")[0], "stranger", 1)]),
        "contains the subject stranger, which",
    ),
}


@pytest.mark.parametrize("damage", CUT)
def test_predictions_that_were_cut_short_have_no_metrics(tmp_path, capsys, damage):
    labels, probabilities = made_up(9)
    path, samples, out = (tmp_path / name for name in ("predictions.csv", "samples.csv", "metrics.json"))
    write_predictions(path, labels, probabilities)
    write_samples(samples, list(CLASSES), path)
    arguments = ["evaluate", "--predictions", str(path), "--samples", str(samples), "--out", str(out)]
    assert main(arguments) == 0
    out.unlink()
    change, message = CUT[damage]
    path.write_text(change(lines_of(path)))
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


@given(st.data())
def test_a_digit_of_a_probability_that_changed_is_noticed(tmp_path_factory, data):
    """Down to the fifth decimal: the probabilities of a subject add up to one."""
    labels, probabilities = made_up(10)
    path = write_predictions(tmp_path_factory.mktemp("run") / "predictions.csv", labels, probabilities)
    lines = lines_of(path)
    row = data.draw(st.integers(1, len(lines) - 1))
    cells = lines[row].rstrip("\n").split(",")
    column = data.draw(st.integers(len(cells) - 3, len(cells) - 1))
    digits = f"{float(cells[column]):.17f}"
    place = data.draw(st.integers(2, 6))
    other = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != digits[place]))
    cells[column] = digits[:place] + other + digits[place + 1 :]
    path.write_text("".join([*lines[:row], ",".join(cells) + "\n", *lines[row + 1 :]]))
    with pytest.raises(UserError, match="do not contain probabilities: they must sum to one"):
        read_predictions(path)


def test_class_names_that_look_like_missing_values_stay_names(tmp_path):
    labels, probabilities = made_up(9, classes=2)
    path = write_predictions(tmp_path / "predictions.csv", labels, probabilities, classes=("NA", "None"))
    assert read_predictions(path).classes == ("NA", "None")
