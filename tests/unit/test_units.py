"""Metrics of patients: the mean of the probabilities of their images, held to pandas and scikit-learn."""

import json

import numpy as np
import pandas as pd
import pytest
from cohort_cases import CLASSES, table_of, write_study
from condition_rows import conditions
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from imbalance_aware.__main__ import main
from imbalance_aware.evaluation.units import Units, groups_of
from imbalance_aware.tables.metrics import read_metrics
from imbalance_aware.tables.run_metrics import BY_GROUP, POSTHOC

COLUMNS = [f"prob_{name}" for name in CLASSES]
CONDITIONS = json.dumps(conditions("ce-uniform"))


def evaluated(folder, table, *options):
    (path,) = write_study(folder, {"ce-uniform/seed-0": table})
    out = path.with_name("metrics.json")
    assert main(["evaluate", "--predictions", str(path), "--out", str(out), *options]) == 0
    return json.loads(out.read_text())


def patients_of(table: pd.DataFrame) -> pd.DataFrame:
    """The oracle: one row per group and class, the mean of the probabilities."""
    return table.groupby(["group", "label"], sort=False)[COLUMNS].mean().reset_index()


def test_patient_metrics_are_those_of_mean_probabilities(tmp_path):
    table = table_of(np.random.default_rng(0), patients=60, images=8)
    report = evaluated(tmp_path, table)
    patients = patients_of(table)
    truth, probabilities = patients["label"].to_numpy(), patients[COLUMNS].to_numpy()
    predicted = probabilities.argmax(axis=1)
    found = report[BY_GROUP]
    assert found["n"] == found["n_groups"] == report["n_groups"] == 60 < report["n"] == len(table)
    counts = patients["label"].value_counts()
    assert found["test_subjects"] == found["test_groups"] == report["test_groups"]
    assert list(report["test_groups"].values()) == [counts[label] for label in range(3)]
    expected = {
        "accuracy": oracle.accuracy_score(truth, predicted),
        "balanced_accuracy": oracle.balanced_accuracy_score(truth, predicted),
        "f1_macro": oracle.f1_score(truth, predicted, average="macro"),
        "mcc": oracle.matthews_corrcoef(truth, predicted),
        "auroc_macro": oracle.roc_auc_score(
            truth, probabilities / probabilities.sum(axis=1, keepdims=True), multi_class="ovr"
        ),
        "recall_early": oracle.recall_score(truth, predicted, labels=[1], average="macro"),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["balanced_accuracy"] != pytest.approx(report["balanced_accuracy"])


def test_a_patient_with_two_classes_is_a_unit_of_each(tmp_path):
    """A healthy and a diseased eye: six images of four patients, worked by hand."""
    rows = [("a", 0, 0.9), ("a", 0, 0.5), ("a", 1, 0.2), ("b", 0, 0.4), ("c", 1, 0.6), ("d", 1, 0.3)]
    names = ("no", "yes")
    table = pd.DataFrame(
        [
            {"subject": f"s{number}", "group": group, "cohort": "x", "class": names[label], "label": label}
            | {"prob_no": p, "prob_yes": 1 - p}
            for number, (group, label, p) in enumerate(rows)
        ]
    )
    report = evaluated(tmp_path, table)
    assert report["confusion_matrix"] == [[2, 1], [1, 2]]
    found = report[BY_GROUP]
    # Units: a/no 0.7 right, a/yes 0.2 right, b/no 0.4 wrong, c/yes 0.6 wrong, d/yes 0.3 right.
    assert found["confusion_matrix"] == [[1, 1], [1, 2]]
    assert (found["n"], found["n_groups"]) == (5, 4)
    assert found["test_groups"] == {"no": 2, "yes": 3}


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 40), folds=st.booleans())
def test_units_are_the_groups_of_pandas(seed, n, folds):
    rng = np.random.default_rng(seed)
    fold = rng.integers(0, 3, n) if folds else None
    samples = Units(rng.integers(0, 3, n), rng.dirichlet([1, 1, 1], n), rng.integers(0, 9, n).astype(str), fold)
    table = pd.DataFrame(samples.probabilities).assign(group=samples.groups, label=samples.labels, fold=0)
    table["fold"] = 0 if fold is None else fold
    expected = table.groupby(["group", "label", "fold"], sort=False)[[0, 1, 2]].mean().reset_index()
    found = groups_of(samples)
    np.testing.assert_allclose(found.probabilities, expected[[0, 1, 2]], atol=1e-12)
    assert found.groups.tolist() == expected["group"].tolist()
    assert found.labels.tolist() == expected["label"].tolist()
    assert found.fold is None if fold is None else found.fold.tolist() == expected["fold"].tolist()


def test_one_image_each_needs_no_second_metrics(tmp_path):
    assert BY_GROUP not in evaluated(tmp_path, table_of(np.random.default_rng(1), images=1))


def test_a_patient_with_one_broken_image_is_diverged(tmp_path):
    table = table_of(np.random.default_rng(2))
    table.loc[3, COLUMNS] = np.nan
    report = evaluated(tmp_path, table)
    assert report["status"] == report[BY_GROUP]["status"] == "diverged"


def test_adjusted_probabilities_are_averaged_after_the_adjustment(tmp_path):
    table = table_of(np.random.default_rng(3))
    counts = {"no": 70, "early": 20, "advanced": 10}
    rows = [
        {"subject": f"t{name}{n}", "group": f"t{name}{n}", "cohort": "x", "class": name, "label": label}
        | {"split": "train", "image_sha256": "0" * 16}
        for label, (name, count) in enumerate(counts.items())
        for n in range(count)
    ]
    tested = table[["subject", "group", "cohort", "class", "label"]].assign(split="test", image_sha256="0" * 16)
    pd.concat([pd.DataFrame(rows), tested]).to_csv(tmp_path / "samples.csv", index=False)
    report = evaluated(tmp_path, table, "--samples", str(tmp_path / "samples.csv"))
    adjusted = table[COLUMNS] / np.array([0.7, 0.2, 0.1])
    patients = patients_of(table.assign(**adjusted.div(adjusted.sum(axis=1), axis=0)))
    predicted = patients[COLUMNS].to_numpy().argmax(axis=1)
    expected = oracle.balanced_accuracy_score(patients["label"], predicted)
    assert report[BY_GROUP][POSTHOC]["balanced_accuracy"] == pytest.approx(expected)


@pytest.mark.parametrize("unit", ["sample", "group"])
def test_the_tables_show_the_unit_asked_for(tmp_path, unit):
    several = table_of(np.random.default_rng(4), images=8)
    reports = {"several": evaluated(tmp_path / "several", several)}
    paths = [tmp_path / "several/runs/s/glaucoma/ce-uniform/seed-0/metrics.json"]
    (path,) = write_study(tmp_path, {"ce-uniform/seed-0": table_of(np.random.default_rng(5), images=1)}, "alone")
    paths.append(path.with_name("metrics.json"))
    assert main(["evaluate", "--predictions", str(path), "--out", str(paths[1])]) == 0
    reports["alone"] = json.loads(paths[1].read_text())
    collect = ["collect", "--study", "s", "--conditions", CONDITIONS, "--batch-size", "5"]
    assert main([*collect, "--out", str(tmp_path / "metrics.csv"), *map(str, paths)]) == 0
    written = pd.read_csv(tmp_path / "metrics.csv")
    assert written.groupby("dataset")["unit"].unique().map(set).to_dict() == {
        "alone": {"sample"},
        "glaucoma": {"sample", "group"},
    }

    values = read_metrics(tmp_path / "metrics.csv", unit).set_index(["dataset", "metric"])["value"]
    shown = reports["several"] if unit == "sample" else reports["several"][BY_GROUP]
    assert values["glaucoma", "f1_macro"] == pytest.approx(shown["f1_macro"])
    assert values["alone", "f1_macro"] == pytest.approx(reports["alone"]["f1_macro"]), "one image each: no other value"

    table = "table3_f1_macro"
    tables = ["tables", "--metrics", str(tmp_path / "metrics.csv"), "--unit", unit, "--tables", table]
    assert main([*tables, "--out", str(tmp_path / unit)]) == 0
    text = (tmp_path / unit / f"{table}.md").read_text()
    assert f"{shown['f1_macro']:.2f}" in text
    assert ("Glaucoma: patient-level metrics" in text) == (unit == "group")
    assert ("Glaucoma: image-level metrics" in text) == (unit == "sample")
    assert "Alone: metrics" not in text


def test_a_class_of_few_patients_with_many_images_is_named(tmp_path):
    table = table_of(np.random.default_rng(6), patients=60, images=1)
    rare = table[table["class"] == "advanced"].iloc[[0] * 12].assign(subject=[f"copy-{n}" for n in range(12)])
    table = pd.concat([table[table["class"] != "advanced"], rare])
    evaluated(tmp_path, table)
    collect = ["collect", "--study", "s", "--conditions", CONDITIONS, "--batch-size", "5"]
    run = tmp_path / "runs/s/glaucoma/ce-uniform/seed-0/metrics.json"
    assert main([*collect, "--out", str(tmp_path / "metrics.csv"), str(run)]) == 0
    tables = ["tables", "--metrics", str(tmp_path / "metrics.csv"), "--tables", "table1_balanced_accuracy"]
    assert main([*tables, "--out", str(tmp_path)]) == 0
    assert (
        "Fewer than 5 test subjects: Glaucoma: Advanced (1)" in (tmp_path / "table1_balanced_accuracy.md").read_text()
    )
