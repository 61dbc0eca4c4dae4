"""A study with a validation part, from its split to the learning curves."""

import copy
import csv

import pytest
import yaml
from tiny_study import TINY

pytestmark = pytest.mark.slow

SPLIT = {"method": "random", "validation": 0.25}
RUN = "results/runs/tiny/fundus_phantoms/ce-uniform/seed-0"
CURVES = "results/figures/tiny/fundus_phantoms/learning_curves.png"


def changed(split=None, evaluation=None, **training):
    config = copy.deepcopy(TINY) | {"evaluation": evaluation or {}}
    config["datasets"]["fundus_phantoms"] |= {"split": split} if split else {}
    config["studies"]["tiny"] |= {"only": ["ce-uniform"]}
    config["studies"]["tiny"]["training"] |= training
    return config


def read(path):
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_best_epoch_is_kept_and_only_runs_with_a_validation_part_depend_on_the_primary_metric(workflow):
    workflow.configure(changed(select="best"))
    refused = workflow.run("--dry-run", check=False)
    assert refused.returncode and "the dataset fundus_phantoms has none; add `validation: 0.15`" in refused.stderr
    assert "Traceback" not in refused.stderr

    workflow.configure(changed(SPLIT, select="best"))
    workflow.run(CURVES)
    folder = workflow.folder / RUN
    samples = read(workflow.folder / "results/datasets/fundus_phantoms/samples.csv")
    for name, part in (("validation_", "validation"), ("training_", "train"), ("", "test")):
        subjects = [row["subject"] for row in read(folder / f"{name}predictions.csv")]
        assert subjects == [row["subject"] for row in samples if row["split"] == part] != []
    values = [float(row["validation_balanced_accuracy"]) for row in read(folder / "history.csv")]
    recorded = yaml.safe_load((folder / "config.yaml").read_text())["recorded"]
    assert recorded["best_epoch"] == 1 + values.index(max(values))
    assert (workflow.folder / CURVES).exists()
    assert workflow.planned(CURVES) == set()

    workflow.configure(changed(SPLIT, {"relevant_difference": 0.1}, select="best"))
    assert not {job for job in workflow.planned(CURVES) if job.startswith("train")}
    workflow.configure(changed(SPLIT, {"primary": "mcc"}, select="best"))
    assert {job for job in workflow.planned(CURVES) if job.startswith("train")} == {"train ce-uniform"}
