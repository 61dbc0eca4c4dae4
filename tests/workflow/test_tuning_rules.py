"""A tuned study with Snakemake itself: trials, choice, runs, tables; a grid that grows; folds; what is refused."""

import copy
import csv
import json
from collections import Counter

import pytest
import yaml
from test_overview_jobs import overview
from tiny_study import TINY

ROWS = {"ce-uniform": "ce\tuniform\tfalse\t{}", "focal-uniform": "focal\tuniform\tfalse\t{}"}
RANDOM = {"method": "random", "validation": 0.25}
FOLDS = {"method": "folds", "folds": 2, "repeats": 2, "validation": 0.25}
TABLE = "results/tables/tiny/tuning.csv"
RUNS, TRIALS = (f"results/{name}/tiny/fundus_phantoms" for name in ("runs", "trials"))


def changed(tune, split=RANDOM, **study):
    config = copy.deepcopy(TINY)
    config["datasets"]["fundus_phantoms"]["split"] = split
    config["studies"]["tiny"] |= {"seeds": [3, 4], **study} | ({"tune": tune} if tune else {})
    config["studies"]["tiny"]["training"] |= {"epochs": 1}
    return config


def grid(*rates, **losses):
    return {"common": {"training.learning_rate": [*rates]}, **losses}


def read(path):
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def counts(jobs):
    return Counter(rule for rule, _ in jobs)


@pytest.mark.slow
def test_trials_then_runs_and_a_grid_that_grows(workflow):
    workflow.conditions(ROWS)
    focal = {"gamma": [1]}
    workflow.configure(changed(grid(1e-30, 0.01, focal=focal)))
    found = counts(workflow.jobs(TABLE))
    assert {rule: found[rule] for rule in ("trial", "choose", "test_chosen", "train_chosen", "train")} == {
        "trial": 4,
        "choose": 2,
        "test_chosen": 2,
        "train_chosen": 2,
        "train": 0,
    }
    one = {"only": ["focal-uniform"]}
    workflow.configure(changed(grid(1e-30, 0.01, focal=focal), **one))
    tables = ["results/tables/tiny/trials.csv"]
    runs = [f"{RUNS}/focal-uniform/seed-{seed}/predictions.csv" for seed in (3, 4)]
    workflow.run(*tables, *runs)
    assert workflow.planned(*tables, *runs) == set()
    trials = read(workflow.folder / "results/tables/tiny/trials.csv")
    assert len(trials) == 2 and {row["trials"] for row in trials} == {"2"} and {row["seed"] for row in trials} == {"3"}
    chosen = {row["condition"]: row for row in trials if row["chosen"] == "true"}
    assert [*chosen] == ["focal-uniform"]
    tested = {path.parent.name for path in (workflow.folder / "results").rglob("predictions.csv")}
    assert tested == {"seed-3", "seed-4"}, "no trial has predictions of the test part"
    for name, row in chosen.items():
        for seed in (3, 4):
            config = yaml.safe_load((workflow.folder / RUNS / name / f"seed-{seed}/config.yaml").read_text())
            values = json.loads(row["values"])
            assert config["training"]["learning_rate"] == values["training.learning_rate"]
            assert config["recorded"]["seed"] == seed and config["recorded"]["tuning"]["values"] == values
    models = {path: path.read_bytes() for path in (workflow.folder / TRIALS).rglob("model.pt")}
    assert len(models) == 3, "two trials, and the chosen values with the other seed"
    times = {path: path.stat().st_mtime_ns for path in models}

    # One more value, which is worse than a chosen one or as good: no network but those of its trials is trained.
    workflow.configure(changed(grid(1e-30, 0.01, 1e-29, focal=focal), **one))
    jobs = workflow.jobs(TABLE)
    assert [place["trial"] for rule, place in jobs if rule == "trial"] == ["learning_rate-1e-29_focal.gamma-1"]
    workflow.run(TABLE)
    assert {path: path.stat().st_mtime_ns for path in models} == times
    assert workflow.planned(TABLE) == set()
    assert {row["trials"] for row in read(workflow.folder / TABLE)} == {"3"}

    workflow.configure(changed(None))
    found = counts(workflow.jobs("results/tables/tiny/metrics.csv"))
    assert found["train"] == len(ROWS) * 2 and not {"trial", "choose", "collect_trials"} & {*found}, "without `tune`"


def test_of_a_cross_validation_every_fold_of_every_repeat_chooses_by_itself(workflow):
    """What is planned: the trials of a fold are in its own folder, with the parts of this fold."""
    workflow.conditions(ROWS)
    workflow.configure(changed(grid(0.001, 0.01, focal={"gamma": [1, 2]}), FOLDS))
    jobs = workflow.jobs("results/tables/tiny/table1_balanced_accuracy.csv")
    found = counts(jobs)
    splits = 4
    assert found["trial"] == (2 + 4) * splits and found["choose"] == 2 * splits
    assert found["test_chosen_fold"] == found["train_chosen_fold"] == 2 * splits
    assert not {"train", "train_fold", "train_chosen", "test_chosen"} & {*found}
    places = {place["split"] for rule, place in jobs if rule == "choose"}
    assert places == {f"seed-3{repeat}/fold-{fold}" for repeat in ("", "-repeat-1") for fold in (0, 1)}
    said = overview(workflow, "plan")
    networks = splits * (2 + 4 + 2)
    sentence = f"{networks} training runs (24 trials among them), {networks} to do"
    assert sentence in " ".join(" ".join(said).split())
    # A trial and a run of its seed have a model each; a run of another seed one, and one in its trial's folder.
    assert f"{splits * (2 + 4) + splits * 2 * 3} models" in " ".join(" ".join(said).split())


@pytest.mark.slow
def test_folds_are_chosen_for_trained_and_pooled(workflow):
    workflow.conditions(ROWS)
    split = FOLDS | {"repeats": 1}
    workflow.configure(changed(grid(1e-30, 0.05), split, only=["ce-uniform"], seeds=[0]))
    table = "results/tables/tiny/trials.csv"
    workflow.run(table, f"{RUNS}/ce-uniform/seed-0/predictions.csv")
    trials = read(workflow.folder / table)
    assert [(row["fold"], row["trial"]) for row in trials] == [
        (fold, trial) for fold in "01" for trial in ("learning_rate-1e-30", "learning_rate-0.05")
    ]
    folder = workflow.folder / RUNS / "ce-uniform/seed-0"
    tested = [{row["subject"] for row in read(folder / f"fold-{fold}/predictions.csv")} for fold in (0, 1)]
    assert not tested[0] & tested[1]
    for fold in (0, 1):
        config = yaml.safe_load((folder / f"fold-{fold}/config.yaml").read_text())
        (chosen,) = (row for row in trials if row["fold"] == str(fold) and row["chosen"] == "true")
        assert config["recorded"]["fold"] == fold
        assert config["training"]["learning_rate"] == json.loads(chosen["values"])["training.learning_rate"]
        for name in ("training", "validation"):
            for path in (workflow.folder / TRIALS / f"ce-uniform/seed-0/fold-{fold}").glob(f"*/{name}_predictions.csv"):
                assert not {row["subject"] for row in read(path)} & tested[fold]
    assert {row["subject"] for row in read(folder / "predictions.csv")} == set.union(*tested)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (f"{TRIALS}/ce-uniform/seed-3/learning_rate-9/model.pt", 'has no trial "learning_rate-9"'),
        (f"{TRIALS}/ce-uniform/seed-3/fold-0/trials.csv", "has a fixed split, so there are no trials of seed-3/fold-0"),
        (f"{TRIALS}/mcc/seed-3/trials.csv", 'has no condition "mcc"'),
    ],
)
def test_trials_that_there_are_not_are_told_in_one_sentence(workflow, target, message):
    workflow.conditions(ROWS)
    workflow.configure(changed(grid(0.001, 0.01)))
    done = workflow.run(target, "-n", check=False)
    assert done.returncode and "Traceback" not in done.stderr and message in done.stderr
