"""Rivals in a study, from trained networks to the tables, with Snakemake itself."""

import copy
import csv
import json

import pandas as pd
import pytest
import yaml
from tiny_study import TINY

pytestmark = pytest.mark.slow

TABLES = "results/tables/tiny"
WANTED = [f"{TABLES}/table1_balanced_accuracy.csv", f"{TABLES}/verdict.json"]


def changed(rivals=None, split=None):
    config = copy.deepcopy(TINY)
    config["datasets"]["fundus_phantoms"] |= {"split": split} if split else {}
    config["studies"]["tiny"] |= {"only": ["ce-uniform", "ce_mcc-weighted"]} | ({"rivals": rivals} if rivals else {})
    config["studies"]["tiny"]["training"]["epochs"] = 1
    return config


def read(path):
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_rivals_are_added_to_runs_that_are_done(workflow):
    """A fixed split with a validation part: the networks stay, rivals reach the tables."""
    split = {"method": "random", "validation": 0.25}
    workflow.configure(changed(split=split))
    workflow.run(*WANTED)
    assert workflow.planned(*WANTED) == set()
    before = (workflow.folder / WANTED[0]).read_bytes()

    methods = ["crt", "tau", "lws", "knn", "logistic"]
    workflow.configure(changed({"methods": methods}, split))
    planned = workflow.jobs(*WANTED)
    rules = [rule for rule, _ in planned]
    assert not {"train", "evaluate"} & {*rules}
    assert rules.count("part_features") == 1 and rules.count("rival") == rules.count("evaluate_rival") == 5
    workflow.run(*WANTED)
    assert workflow.planned(*WANTED) == set()
    runs = workflow.folder / "results/runs/tiny/fundus_phantoms"
    rivals = [f"ce-uniform+{method}" for method in methods]
    assert {path.name for path in runs.iterdir()} == {"ce-uniform", "ce_mcc-weighted", *rivals}
    networks = read(runs / "ce-uniform/seed-0/predictions.csv")
    for name in rivals:
        folder = runs / name / "seed-0"
        assert [row["subject"] for row in read(folder / "predictions.csv")] == [row["subject"] for row in networks]
        metrics = json.loads((folder / "metrics.json").read_text())
        assert metrics["n"] == len(networks) and {"training", "validation"} <= {*metrics}
        about = yaml.safe_load((folder / "config.yaml").read_text())["rival"]
        assert about.get("chosen_by", "balanced_accuracy on the validation part").startswith("balanced_accuracy on")
    values = pd.read_csv(workflow.folder / TABLES / "values.csv")
    assert {*rivals} <= {*values["condition"]}
    table = (workflow.folder / TABLES / "table1_balanced_accuracy.md").read_text(encoding="utf-8")
    assert all(label in table for label in ("Uniform, cRT", "Uniform, τ-norm", "Uniform, LWS", "Uniform, k-NN"))
    effects = pd.read_csv(workflow.folder / TABLES / "effects.csv")
    assert not effects[["level", "reference"]].stack().str.contains("+", regex=False).any()

    workflow.configure(changed({"methods": methods[:2]}, split))
    rules = [rule for rule, _ in workflow.jobs(*WANTED)]
    assert not {"train", "rival", "part_features"} & {*rules}, "fewer rivals compute none again"
    workflow.configure(changed(split=split))
    workflow.run(*WANTED)
    assert (workflow.folder / WANTED[0]).read_bytes() == before


def test_rivals_of_every_fold_are_pooled(workflow):
    config = changed({"methods": ["tau", "knn"]}, {"method": "folds", "folds": 2, "validation": 0.25})
    config["studies"]["tiny"]["only"] = ["ce-uniform"]
    workflow.configure(config)
    target = "results/tables/tiny/metrics.csv"
    workflow.run(target)
    folder = workflow.folder / "results/runs/tiny/fundus_phantoms/ce-uniform+knn/seed-0"
    samples = read(workflow.folder / "results/datasets/fundus_phantoms/samples.csv")
    pooled = read(folder / "predictions.csv")
    assert [row["subject"] for row in pooled] == [row["subject"] for row in samples]
    assert {row["fold"] for row in pooled} == {"0", "1"}
    for fold in (0, 1):
        of = {
            name: {row["subject"] for row in read(folder / f"fold-{fold}/{name}predictions.csv")}
            for name in ("", "training_", "validation_")
        }
        assert of[""] == {row["subject"] for row in pooled if row["fold"] == str(fold)}
        assert sum(map(len, of.values())) == len(set.union(*of.values())) == len(samples), "no sample is in two parts"
    found = pd.read_csv(workflow.folder / target)
    assert {*found["condition"]} == {"ce-uniform", "ce-uniform+tau", "ce-uniform+knn"}
    assert {"balanced_accuracy", "validation_balanced_accuracy", "training_balanced_accuracy"} <= {*found["metric"]}


def test_a_rival_that_the_study_does_not_name_is_refused_in_one_sentence(workflow):
    workflow.configure(changed({"methods": ["tau"]}))
    done = workflow.run("results/runs/tiny/fundus_phantoms/ce-uniform+knn/seed-0/predictions.csv", "-n", check=False)
    assert done.returncode and "Traceback" not in done.stderr
    assert 'the study "tiny" has no condition "ce-uniform+knn"' in done.stderr
    assert "studies.tiny.rivals" in done.stderr
