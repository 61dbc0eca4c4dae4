"""Cross-validation and the other ways to split a dataset, from images to metrics, with Snakemake itself."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_study import ROWS, TINY

from imbalance_aware.reporting.labels import REFERENCES

pytestmark = pytest.mark.slow

CLASSES = ["light", "dark"]
RUNS = "results/runs/tiny/mine"
TARGET = f"{RUNS}/ce-uniform/seed-0/metrics.json"


def study(split, **more) -> dict:
    """The tiny study on a person's own images, one epoch, two conditions."""
    tiny = TINY["studies"]["tiny"]
    changes = {"datasets": ["mine"], "only": ["ce-uniform", "mcc-oversampling"]}
    changes["training"] = tiny["training"] | {"epochs": 1}
    dataset = {"adapter": "folder", "table": "mine/images.csv", "image_size": [16, 16], "split": split} | more
    return {"run": ["tiny"], "datasets": {"mine": dataset}, "studies": {"tiny": tiny | changes}}


@pytest.fixture(scope="module")
def mine(workflow):
    """48 images of two classes of 24 patients in three cohorts, and columns for every way to split them."""
    workflow.conditions(ROWS)
    folder = workflow.folder / "mine"
    folder.mkdir()
    rng, rows = np.random.default_rng(0), []
    for number in range(48):
        patient = number // 2
        name = CLASSES[patient % 3 == 0]
        pixels = rng.integers(0, 128, (20, 20, 3)) + 100 * (name == "light")
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
        rows.append((f"{number}.png", name, f"p{patient}", f"hospital-{patient % 4 % 3}", patient // 6))
    table = pd.DataFrame(rows, columns=["path", "class", "group", "cohort", "block"])
    split = table["block"].map({0: "train", 1: "train", 2: "validation", 3: "test"})
    table.drop(columns="block").to_csv(folder / "images.csv", index=False)
    table.drop(columns="block").assign(split=split).to_csv(folder / "with_split.csv", index=False)
    table.rename(columns={"block": "fold"}).to_csv(folder / "with_folds.csv", index=False)
    return workflow


def rows_of(path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def results_of(workflow, place) -> tuple[list[dict[str, str]], dict]:
    """Predictions and metrics of a run."""
    folder = workflow.folder / RUNS / place
    return rows_of(folder / "predictions.csv"), json.loads((folder / "metrics.json").read_text())


def samples_of(workflow) -> pd.DataFrame:
    return pd.read_csv(workflow.folder / "results/datasets/mine/samples.csv", dtype=str, keep_default_na=False)


@pytest.mark.parametrize(
    ("split", "more", "tested"),
    [
        ({"method": "random", "test_fraction": 0.25, "validation": 0.25}, {}, None),
        ({"method": "cohorts", "test_cohorts": ["hospital-2"]}, {}, ("cohort", "hospital-2")),
        ("table", {"table": "mine/with_split.csv"}, None),
    ],
    ids=["random", "cohorts", "table"],
)
def test_fixed_splits_end_in_metrics_of_their_test_set(mine, split, more, tested):
    mine.configure(study(split, **more))
    mine.run(TARGET)
    predictions, metrics = results_of(mine, "ce-uniform/seed-0")
    samples = samples_of(mine)
    test = samples[samples["split"] == "test"]
    assert [row["subject"] for row in predictions] == test["subject"].tolist()
    assert metrics["n"] == len(test) and "folds" not in metrics
    if tested:
        assert test.equals(samples[samples[tested[0]] == tested[1]])
    trained = (samples["split"] == "train").sum()
    assert sum(metrics["posthoc_logit_adjustment"]["training_class_counts"].values()) == trained
    has_validation = (samples["split"] == "validation").any()
    assert has_validation == (isinstance(split, str) or "validation" in split)
    folder = mine.folder / RUNS / "ce-uniform/seed-0"
    assert (folder / "validation_predictions.csv").exists() == has_validation
    assert metrics["training"]["n"] == trained, "what a network scores on its own training samples"
    assert metrics["by_group"]["training"]["n"] == samples.loc[samples["split"] == "train", "group"].nunique()
    parts = {"validation": {"n": (samples["split"] == "validation").sum()}} if has_validation else {}
    assert {name: {"n": metrics[name]["n"]} for name in ("validation",) if name in metrics} == parts


@pytest.mark.parametrize(
    ("split", "more", "folds", "column"),
    [
        ({"method": "folds", "folds": 3}, {}, 3, None),
        ("leave_one_cohort_out", {}, 3, "cohort"),
        ("table", {"table": "mine/with_folds.csv"}, 4, None),
    ],
    ids=["folds", "leave_one_cohort_out", "table"],
)
def test_cross_validations_test_each_subject_once(mine, split, more, folds, column):
    mine.configure(study(split, **more))
    mine.run(TARGET)
    predictions, metrics = results_of(mine, "ce-uniform/seed-0")
    samples = samples_of(mine)
    assert set(samples["split"]) == {""}
    assert [row["subject"] for row in predictions] == samples["subject"].tolist(), "each once, in order"
    assert metrics["n"] == 48 and [part["fold"] for part in metrics["folds"]] == list(range(folds))
    frame = pd.DataFrame(predictions)
    assert (frame.groupby("group")["fold"].nunique() == 1).all(), "no patient is tested twice"
    table = pd.read_csv(mine.folder / "results/datasets/mine/folds/repeat-0.csv", dtype=str, keep_default_na=False)
    for fold in range(folds):
        part = table.set_index("subject")[f"fold-{fold}"]
        tested = frame[frame["fold"] == str(fold)]
        assert part[part == "test"].index.tolist() == tested["subject"].tolist()
        if column:
            assert tested[column].nunique() == 1
            assert tested[column].iloc[0] == sorted(samples[column].unique())[fold]
        trained = samples.set_index("subject").loc[part[part == "train"].index, "class"].value_counts().to_dict()
        assert metrics["posthoc_logit_adjustment"]["training_class_counts"][f"fold-{fold}"] == trained
        assert metrics["training"]["n"][fold] == sum(trained.values()), "of each fold"


@pytest.mark.parametrize(
    ("split", "place", "message"),
    [
        ({"method": "folds", "folds": 2}, "seed-0/fold-2", 'the dataset "mine" has 2 folds, counted from 0'),
        ({"method": "folds", "folds": 2, "repeats": 2}, "seed-0-repeat-2", "2 repeat(s), counted from 0"),
        ("leave_one_cohort_out", "seed-0-repeat-1", "1 repeat(s), counted from 0; there is no repeat 1"),
        ("leave_one_cohort_out", "ensemble", "is cross-validated: no test set is that of all its trainings"),
        ("random", "seed-0-repeat-1", 'the dataset "mine" has a fixed split and no repeats'),
        ("random", "seed-0/fold-0", 'the dataset "mine" has a fixed split and no folds'),
    ],
)
def test_runs_that_there_cannot_be_are_refused_in_one_sentence(mine, split, place, message):
    mine.configure(study(split))
    done = mine.run(f"{RUNS}/ce-uniform/{place}/metrics.json", "--dry-run", check=False)
    assert done.returncode and message in done.stderr
    assert "Exception" not in done.stderr


def replicates(jobs, rule) -> set[str]:
    return {wildcards["replicate"] for name, wildcards in jobs if name == rule}


def test_more_repeats_train_only_the_new_ones(mine):
    """Folds are drawn once; a study that is done or was interrupted keeps them."""
    table = "results/tables/tiny/table1_balanced_accuracy.html"
    mine.configure(study({"method": "folds", "folds": 2}))
    mine.run(table)
    assert mine.planned(table) == set()
    place = mine.folder / "results/datasets/mine/folds/repeat-0.csv"
    first = place.read_bytes()

    mine.configure(study({"method": "folds", "folds": 2, "repeats": 2}))
    jobs = mine.jobs(table)
    for rule, count in (("folds", 1), ("train_fold", 4), ("pool", 2), ("evaluate_pooled", 2)):
        assert sum(name == rule for name, _ in jobs) == count, rule
    for rule in ("train_fold", "pool", "evaluate_pooled"):
        assert replicates(jobs, rule) == {"seed-0-repeat-1"}
    assert not {name for name, _ in jobs} & {"cohort", "resize", "pack", "train"}
    mine.run()
    assert mine.planned() == set()
    assert place.read_bytes() == first
    summary = pd.read_csv(mine.folder / "results/tables/tiny/table1_balanced_accuracy.csv")
    summary = summary[~summary["condition"].isin(REFERENCES)]
    assert summary["n_repeats"].tolist() == [2, 2] and summary["std"].notna().all()
    notes = (mine.folder / "results/tables/tiny/table1_balanced_accuracy.md").read_text()
    assert "Mine: cross-validated 2 times in 2 folds" in notes
    assert not (mine.folder / "results/tables/tiny/ensembles.md").exists()

    fold = f"{RUNS}/ce-uniform/seed-5/fold-1/metrics.json"
    assert mine.planned(fold) == {"train_fold ce-uniform", "evaluate_fold ce-uniform"}
    done = mine.run(fold.replace("fold-1", "fold-2"), "--dry-run", check=False)
    assert 'the dataset "mine" has 2 folds, counted from 0; there is no fold 2' in done.stdout + done.stderr
    assert done.returncode

    mine.configure(study("random"))
    done = mine.run(fold, "--dry-run", check=False)
    assert 'the dataset "mine" has a fixed split and no folds' in done.stdout + done.stderr


def test_seeds_of_a_fixed_split_make_an_ensemble(mine):
    config = study("random")
    config["studies"]["tiny"]["seeds"] = [0, 1]
    mine.configure(config)
    mine.run("results/tables/tiny/ensembles.html")
    ensemble, metrics = results_of(mine, "ce-uniform/ensemble")
    single = [results_of(mine, f"ce-uniform/seed-{seed}")[0] for seed in (0, 1)]
    for row, *parts in zip(ensemble, *single, strict=True):
        expected = np.mean([float(part["prob_light"]) for part in parts])
        assert float(row["prob_light"]) == pytest.approx(expected)
    assert metrics["n"] == len(ensemble) and "posthoc_logit_adjustment" in metrics
    table = pd.read_csv(mine.folder / "results/tables/tiny/ensembles.csv")
    assert set(table["condition"]) == {"ce-uniform", "mcc-oversampling"}
    assert {"ensemble", "collect_ensembles", "table_of_ensembles"} <= {name for name, _ in mine.jobs("--forceall")}
