"""What a run scores on its own training samples and on its validation part, from predictions to the table."""

import json

import numpy as np
import pandas as pd
import pytest

from imbalance_aware.__main__ import main
from imbalance_aware.evaluation.metrics import classification_metrics
from imbalance_aware.metrics.catalogue import metric_names
from imbalance_aware.reporting.overfitting_table import GAP, NOT_RECORDED, make_overfitting
from imbalance_aware.tables.metrics import read_metrics

CLASSES = ("no", "yes")
CONDITIONS = [
    {"condition": f"{loss}-uniform", "loss": loss, "sampling": "uniform", "weighted": False} for loss in ("ce", "mcc")
]


def predictions(seed, start, sharp, several=1, lacks=False) -> pd.DataFrame:
    """40 samples from number ``start`` on; the larger ``sharp``, the more of them are classified rightly."""
    random = np.random.default_rng(seed)
    labels = np.zeros(40, int) if lacks else np.arange(40) % 2
    share = 1 / (1 + np.exp(-(sharp * (labels - 0.5) + random.normal(size=40))))
    subjects = [f"s{number}" for number in range(start, start + 40)]
    groups = [f"p{(start + k // 2) // several}" for k in range(40)] if several > 1 else subjects
    classes = [CLASSES[label] for label in labels]
    table = pd.DataFrame({"subject": subjects, "group": groups, "cohort": "x", "class": classes, "label": labels})
    return table.assign(prob_no=1 - share, prob_yes=share)


def scores(table: pd.DataFrame) -> dict:
    probabilities = table[["prob_no", "prob_yes"]].to_numpy()
    return classification_metrics(table["label"].to_numpy(), probabilities, CLASSES)


def written(path, table: pd.DataFrame) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)
    return str(path)


def evaluated(folder, *arguments) -> dict:
    assert (
        main(["evaluate", "--predictions", f"{folder}/predictions.csv", "--out", f"{folder}/metrics.json", *arguments])
        == 0
    )
    return json.loads((folder / "metrics.json").read_text())


@pytest.fixture
def cross_validated(tmp_path):
    """A run of two folds, whose training samples overlap; the validation part of the second lacks a class."""
    training = [predictions(1, 40, 4.0), predictions(2, 40, 2.0)]
    validation = [predictions(3, 200, 1.0), predictions(4, 240, 1.0, lacks=True)]
    test = pd.concat([predictions(5, 0, 1.0).assign(fold=0), predictions(6, 40, 1.0).assign(fold=1)])
    written(tmp_path / "predictions.csv", test)
    paths = {
        name: [written(tmp_path / f"fold-{k}" / f"{name}_predictions.csv", of) for k, of in enumerate(tables)]
        for name, tables in {"training": training, "validation": validation}.items()
    }
    return tmp_path, paths, training, validation


def test_of_folds_it_is_the_mean_of_those_that_define_a_metric(cross_validated):
    folder, paths, training, validation = cross_validated
    report = evaluated(folder, "--training", *paths["training"], "--validation", *paths["validation"])
    ours = [scores(table) for table in training]
    for name in metric_names(CLASSES, None):
        if name in report["training"]:
            assert report["training"][name] == pytest.approx(np.mean([of[name] for of in ours])), name
    assert report["training"]["n"] == [40, 40] and report["training"]["status"] == "ok"
    assert report["validation"]["auroc_macro"] == pytest.approx(scores(validation[0])["auroc_macro"])
    expected = np.mean([scores(table)["accuracy"] for table in validation])
    assert report["validation"]["accuracy"] == pytest.approx(expected)
    pooled = scores(pd.concat(training))["auroc_macro"]
    assert report["training"]["auroc_macro"] != pytest.approx(pooled), "scores of two networks have no common scale"


def test_a_fold_that_diverged_leaves_no_mean(cross_validated):
    folder, paths, training, _ = cross_validated
    written(folder / "fold-1" / "training_predictions.csv", training[1].assign(prob_no=np.nan, prob_yes=np.nan))
    report = evaluated(folder, "--training", *paths["training"])
    assert report["training"]["status"] == "diverged" and report["training"]["mcc"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda paths: paths[:1], "--training: 1 tables for 2 folds"),
        (lambda paths: [paths[0], paths[1].replace("fold-1", "fold-9")], "training writes it beside predictions.csv"),
    ],
)
def test_what_the_settings_promise_must_be_there(cross_validated, capsys, change, message):
    folder, paths, _, _ = cross_validated
    arguments = ["evaluate", "--predictions", str(folder / "predictions.csv"), "--out", str(folder / "metrics.json")]
    assert main([*arguments, "--training", *change(paths["training"])]) == 2
    error = capsys.readouterr().err
    assert message in error
    if "beside" in message:
        assert "--force -- " in error and "fold-9/predictions.csv" in error, "it says what to rerun"


def study(folder, recorded=True, several=1):
    """Two conditions, three seeds, the first with a large gap; the tidy table and what each run scored."""
    known, files = {}, []
    for condition, sharp in (("ce-uniform", 6.0), ("mcc-uniform", 1.0)):
        for seed in range(3):
            place = folder / "s/toy" / condition / f"seed-{seed}"
            test = predictions(10 + seed, 0, 1.0)
            training = predictions(20 + seed, 400, sharp, several)
            written(place / "predictions.csv", test)
            arguments = ["--training", written(place / "training_predictions.csv", training)] if recorded else []
            evaluated(place, *arguments)
            known[condition, seed] = scores(training), scores(test)
            files.append(str(place / "metrics.json"))
    command = ["collect", "--study", "s", "--conditions", json.dumps(CONDITIONS), "--batch-size", "5"]
    assert main([*command, "--out", str(folder / "metrics.csv"), *files]) == 0
    return known


@pytest.mark.parametrize(("metric", "sign"), [("balanced_accuracy", 1), ("brier", -1)])
def test_the_gap_is_taken_run_by_run_and_positive_where_training_is_better(tmp_path, metric, sign):
    known = study(tmp_path)
    grid, numbers = make_overfitting(metric, read_metrics(tmp_path / "metrics.csv"))
    found = numbers.set_index(["condition", "part"])
    for condition in ("ce-uniform", "mcc-uniform"):
        gaps = [sign * (known[condition, seed][0][metric] - known[condition, seed][1][metric]) for seed in range(3)]
        assert found.loc[(condition, "gap"), "mean"] == pytest.approx(np.mean(gaps))
        assert found.loc[(condition, "gap"), "std"] == pytest.approx(np.std(gaps, ddof=1))
        training = [known[condition, seed][0][metric] for seed in range(3)]
        assert found.loc[(condition, "training"), "mean"] == pytest.approx(np.mean(training))
    assert found.loc[("ce-uniform", "gap"), "mean"] > 0.1 > found.loc[("mcc-uniform", "gap"), "mean"]
    assert grid.panels[0].columns == ("Training", "Test", "Gap")
    assert GAP["higher" if sign > 0 else "lower"] in grid.notes
    assert grid.panels[0].rows[0].cells[-1].plain.startswith("+")


def test_switched_off_the_table_says_so(tmp_path):
    study(tmp_path, recorded=False)
    arguments = ["tables", "--metrics", str(tmp_path / "metrics.csv"), "--overfitting", "mcc", "--tables"]
    assert main([*arguments, "--out", str(tmp_path / "tables")]) == 0
    grid, _ = make_overfitting("mcc", read_metrics(tmp_path / "metrics.csv"))
    assert grid.panels[0].columns == ("Test",) and NOT_RECORDED in grid.notes
    for suffix in ("md", "tex", "html"):
        assert "Training samples were not classified" in (tmp_path / f"tables/overfitting.{suffix}").read_text()
