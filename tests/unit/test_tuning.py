"""Tuned studies: the grid, trials without a test part, the choice on the validation part, and what is said of it."""

import argparse
import csv
import json
import math
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import settings as few
from hypothesis import strategies as st
from test_config import BASE, HEADER, conditions, folder, mistakes, read, study  # noqa: F401  # a fixture of that module
from training_cases import SIZES, settings, write_dataset
from training_runs import stop_after

from imbalance_aware.__main__ import main
from imbalance_aware.config import check_losses, run_settings
from imbalance_aware.errors import UserError
from imbalance_aware.journal.run_facts import either, shared
from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.reporting.design_words import training, trainings
from imbalance_aware.reporting.recipe_words import recipe_words
from imbalance_aware.reporting.tuning import at_an_end, notes
from imbalance_aware.reporting.tuning_table import make_tuning
from imbalance_aware.reporting.verdict_warnings import of_tuning, text
from imbalance_aware.rivals import keep_features
from imbalance_aware.rivals.part_features import read_part_features
from imbalance_aware.runs import bundle, train, train_bundle
from imbalance_aware.runs.bundle_manifest import Condition
from imbalance_aware.runs.run_folder import CHECKPOINTS, finished, outputs
from imbalance_aware.runs.settings import RunSettings
from imbalance_aware.study_design import study_design
from imbalance_aware.study_settings import study_settings
from imbalance_aware.tables.predictions import predictions_csv
from imbalance_aware.tables.trials import Trial, read_trials, trials_csv
from imbalance_aware.tuning import choose, collect, train_chosen
from imbalance_aware.tuning.grid import AS_GIVEN, Point, drawn
from imbalance_aware.tuning.values import with_values

VALIDATED = {"datasets": {"drawn": {"split": {"method": "random", "validation": 0.2}}}}
LEARNING_RATES = {"training.learning_rate": ["3e-4", 1e-3]}
GRID = {"common": LEARNING_RATES, "focal": {"gamma": [1, 2, 5]}}


@pytest.fixture(autouse=True)
def losses(folder):  # noqa: F811  # the fixture imported above
    conditions(
        "ce-uniform\tce\tuniform\tfalse\t{}",
        'focal-uniform\tfocal\tuniform\tfalse\t{"focal": {"gamma": 3, "alpha": [0.2, 0.5, 0.3]}}',
        "both-weighted\tce+0.5*focal\tuniform\ttrue\t{}",
    )


def tuned(tune, **changes):
    config, studies = read(VALIDATED, study(tune=tune, **changes))
    return config, studies["main"]


def names(points):
    return [point.name for point in points]


def test_the_grid_of_a_condition_is_common_times_that_of_its_losses():
    _, found = tuned(GRID)
    both = [f"learning_rate-{rate}_focal.gamma-{gamma}" for rate in ("0.0003", "0.001") for gamma in (1, 2, 5)]
    assert {name: names(points) for name, points in found.grids.items()} == {
        "ce-uniform": ["learning_rate-0.0003", "learning_rate-0.001"],
        "focal-uniform": both,
        "both-weighted": both,
    }
    _, found = tuned({"focal": {"gamma": [1, 2]}})
    assert names(found.grids["ce-uniform"]) == [AS_GIVEN], "a condition with nothing to choose has one trial"


def test_a_study_that_is_not_tuned_is_what_it_was():
    config, found = tuned(None)
    _, (plain,) = (lambda read_: (read_[0], [*read_[1].values()]))(read(VALIDATED))
    assert found.grids == plain.grids == {}
    assert "tune" not in study_settings(found, config)["study"] and "tuning" not in study_design(found, config)
    again, other = tuned(GRID)
    for name in found.trained:
        before, after = (
            run_settings(*of).decisive() for of in ((found, name, "drawn", config), (other, name, "drawn", again))
        )
        assert before == after, "what a run has before values are chosen"


def test_values_take_the_place_of_those_of_the_table():
    config, found = tuned(GRID)
    base = run_settings(found, "focal-uniform", "drawn", config)
    run = with_values(base, found.grids["focal-uniform"][-1].values)
    assert run.training.learning_rate == 1e-3 and run.condition.kwargs == {
        "focal": {"gamma": 5, "alpha": [0.2, 0.5, 0.3]}
    }
    assert base.condition.kwargs["focal"]["gamma"] == 3, "the settings given stay as they are"
    assert RunSettings.model_validate(run.decisive()).decisive() == run.decisive()
    assert with_values(base, {}).decisive() == base.decisive()


def test_names_of_trials_depend_on_values_alone():
    one = Point({"training.mixup": None, "focal.gamma": 2, "training.schedule": "cosine"})
    assert one.name == Point(dict(reversed(one.values.items()))).name == "mixup-null_schedule-cosine_focal.gamma-2"
    odd = [Point({"focal.alpha": [0.2, value]}).name for value in (0.8, 0.7)]
    assert all(name.startswith("values-") for name in odd) and odd[0] != odd[1]


@given(st.sets(st.floats(1e-6, 1), min_size=1, max_size=12), st.integers(1, 14), st.floats(2, 3))
def test_a_part_of_a_grid_is_drawn_alike_everywhere_and_keeps_most_when_the_grid_grows(rates, number, more):
    points = [Point({"training.learning_rate": rate}) for rate in sorted(rates)]
    part = drawn(points, number)
    assert len(part) == min(number, len(points)) and [point for point in points if point in part] == part
    assert {*names(drawn(points[::-1], number))} == {*names(part)}
    grown = drawn([*points, Point({"training.learning_rate": more})], number)
    assert len({*names(part)} - {*names(grown)}) <= 1


def test_equal_numbers_of_trials():
    _, found = tuned(GRID | {"trials": 2})
    assert {len(points) for points in found.grids.values()} == {2}
    _, found = tuned(GRID | {"trials": 4})
    assert [len(points) for points in found.grids.values()] == [2, 4, 4]


@pytest.mark.parametrize(
    ("tune", "message"),
    [
        ({"commn": LEARNING_RATES}, 'studies.main.tune.commn: there is no loss "commn". Did you mean "common"?'),
        ({"focall": {"gamma": [1]}}, 'there is no loss "focall". Did you mean "focal"?'),
        ({"vs": {"tau": [1]}}, 'no condition of the study has the loss "vs". Known: ce, focal.'),
        (
            {"common": {"training.learning_rat": [1]}},
            'is no setting of training. Did you mean "training.learning_rate"?',
        ),
        ({"common": {"learning_rate": [1]}}, 'Did you mean "training.learning_rate"?'),
        ({"common": {"model.widths": [[4, 4, 8, 8]]}}, '"model.widths" is no setting of training'),
        ({"common": {"training.device": ["cpu"]}}, "device is no hyperparameter"),
        ({"common": {"training.capture": [True, False]}}, "capture is no hyperparameter"),
        ({"common": {"training.batch_size": [10, 20]}}, "is that of the whole study in every table"),
        ({"common": {"training.learning_rate": [1e-3, -1]}}, "learning_rate: input should be greater than 0 (got -1)"),
        ({"common": {"training.warmup_epochs": [0, 900]}}, "warmup_epochs: is 900; it must be smaller than epochs"),
        ({"common": {"training.learning_rate": [1e-3, "1e-3"]}}, "a value is listed twice (learning_rate-0.001)"),
        ({"common": {"training.learning_rate": []}}, "expected a list of values, such as [1, 2] (got [])"),
        ({"focal": {"gamma": 2}}, "expected a list of values, such as [1, 2] (got 2)"),
        ({"focal": [1]}, "expected keys, each with a list of values (got [1])"),
        ({"focal": {"gama": [1]}}, 'the loss "focal" has no argument "gama". Did you mean "gamma"?'),
        ({"focal": {"gamma": [1, "much"]}}, "gamma is 'much'; expected a finite number"),
        ({"focal": {"reduction": ["sum"]}}, "training uses the mean"),
        (GRID | {"trials": 0}, "expected a whole number of at least 1 (got 0)"),
        (GRID | {"trials": True}, "expected a whole number of at least 1 (got True)"),
        ({"trials": 3}, "names no values to choose from"),
        ({}, "names no values to choose from"),
        ([1], "tune: expected keys with values"),
    ],
)
def test_mistakes_in_a_grid_are_told_with_file_and_line(tune, message):
    lines = mistakes(VALIDATED, study(tune=tune))
    assert len(lines) == 1 and lines[0].startswith("2.yaml, line "), lines
    assert "studies.main.tune" in lines[0] and message in lines[0], lines


def test_values_that_a_loss_refuses_are_told_before_any_job():
    with pytest.raises(UserError, match=r'condition "focal-uniform": the loss "focal" cannot be built: gamma is -2'):
        check_losses(*(lambda config, found: (config, {"main": found}))(*tuned({"focal": {"gamma": [1, -2]}})))


def test_a_dataset_without_a_validation_part_is_refused():
    (line,) = mistakes(study(tune=GRID))
    assert "studies.main.tune: values are chosen on a validation part, and the dataset drawn has none" in line


# The choice.


@given(st.lists(st.sampled_from([0.1, 0.5, 0.9, math.nan]), min_size=1, max_size=6), st.booleans())
def test_the_best_score_is_chosen_the_first_of_equals(scores, higher):
    best = choose.best_of(scores, higher)
    known = [score for score in scores if not math.isnan(score)]
    if not known:
        assert best == 0
        return
    wanted = max(known) if higher else min(known)
    assert scores[best] == wanted and wanted not in scores[:best]


ROWS = [
    {
        "subject": f"s{n}",
        "group": f"s{n}",
        "class": "ab"[n % 2],
        "label": str(n % 2),
        "cohort": "x",
        "split": "validation",
    }
    for n in range(6)
]


def predicted(place, right, labels=ROWS):
    """A trial's validation predictions of which the first ``right`` are right; None: it diverged."""
    place.mkdir(parents=True)
    label = np.array([int(row["label"]) for row in labels])
    guess = np.where(np.arange(len(labels)) < (right or 0), label, 1 - label)
    values = np.full((len(labels), 2), np.nan) if right is None else np.eye(2)[guess] * 0.8 + 0.1
    (place / "validation_predictions.csv").write_text(predictions_csv(labels, ["a", "b"], values))


def chosen_from(folder, trials, primary="balanced_accuracy", labels=ROWS):  # noqa: F811  # a folder of its own
    split = folder / "results/trials/main/drawn/ce/seed-3-repeat-1/fold-2"
    for name, right in trials.items():
        predicted(split / name, right, labels)
    grid = json.dumps({name: {"training.learning_rate": n} for n, name in enumerate(trials)})
    choose.run(argparse.Namespace(grid=grid, primary=primary, out=split / "trials.csv"))
    return split / "trials.csv"


def test_a_choice_is_written_with_every_trial(tmp_path, caplog):
    found = read_trials(chosen_from(tmp_path, {"a": 2, "b": None, "c": 4, "d": 4}))
    assert [trial.chosen for trial in found] == [False, False, True, False], "the first of equals"
    assert [trial.score for trial in found if trial.trial != "b"] == pytest.approx([1 / 3, 2 / 3, 2 / 3])
    assert math.isnan(found[1].score)
    (place,) = {(trial.dataset, trial.condition, trial.seed, trial.repeat, trial.fold) for trial in found}
    assert place == ("drawn", "ce", 3, 1, 2)
    assert {(trial.trials, trial.metric) for trial in found} == {(4, "balanced_accuracy")}
    assert found[2].values == {"training.learning_rate": 2} and not caplog.messages


def test_a_metric_of_which_less_is_better_and_trials_that_all_diverged(tmp_path, caplog):
    found = read_trials(chosen_from(tmp_path / "less", {"a": 2, "b": 5}, "log_loss"))
    assert METRICS["log_loss"].better == "lower" and [trial.chosen for trial in found] == [False, True]
    found = read_trials(chosen_from(tmp_path / "none", {"a": None, "b": None}))
    assert [trial.chosen for trial in found] == [True, False] and "all trials diverged" in caplog.text


def test_a_metric_that_is_undefined_on_the_validation_part_is_told(tmp_path):
    one_class = [row for row in ROWS if row["class"] == "a"]
    with pytest.raises(UserError, match="auroc_macro is undefined on the validation part"):
        chosen_from(tmp_path, {"a": 1}, "auroc_macro", one_class)


TRIAL = Trial("d", "ce", 0, 0, None, "t", {"training.learning_rate": 0.1}, "mcc", 0.5, True, 1)


@few(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.text(max_size=6), st.none() | st.floats(allow_nan=False) | st.text(max_size=6), max_size=3),
    st.floats(allow_infinity=False),
    st.none() | st.integers(0, 9),
)
def test_trials_are_read_as_they_were_written(tmp_path_factory, values, score, fold):
    path = tmp_path_factory.getbasetemp() / "trials.csv"
    trial = replace(TRIAL, values=values, score=score, fold=fold)
    path.write_text(trials_csv([trial, replace(trial, condition="other")]), encoding="utf-8")
    found = read_trials(path)
    assert [replace(one, score=0) for one in found] == [
        replace(one, score=0) for one in (trial, replace(trial, condition="other"))
    ]
    assert all(np.array_equal(one.score, score, equal_nan=True) for one in found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("true", "yes"), "line 2: not the trials"),
        (lambda text: text.replace("true", "false"), "not exactly one trial"),
        (lambda text: text.replace(",0.5,", ",half,"), "line 2: not the trials"),
        (lambda text: text.replace("score,", ""), "lacks the column score"),
    ],
)
def test_a_damaged_table_of_trials_is_told(tmp_path, change, message):
    path = tmp_path / "trials.csv"
    path.write_text(change(trials_csv([TRIAL])))
    with pytest.raises(UserError, match=message):
        read_trials(path)


# Trials and runs.


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """The phantoms of training, a third of whose training samples are a validation part."""
    place = write_dataset(tmp_path_factory.mktemp("dataset"))
    rows = list(csv.DictReader((place / "samples.csv").open(newline="")))
    for number, row in enumerate(row for row in rows if row["split"] == "train"):
        row["split"] = "validation" if number % 3 == 0 else "train"
    _write(place, rows)
    return place


def _write(place, rows):
    with (place / "samples.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)


OPTIONS = settings(condition={"loss": {"focal": 1}}, training={"epochs": 2, "select": "best"})
OPTIONS["validation_metric"] = "balanced_accuracy"
VALUES = {"training.learning_rate": 0.01, "focal.gamma": 1}
CODE = "0" * 16


def arguments(step, dataset, out, seed, *more):
    parser = argparse.ArgumentParser()
    step.add_arguments(parser)
    paths = ["--images", str(dataset / "images.npy"), "--samples", str(dataset / "samples.csv")]
    return parser.parse_args([*paths, "--seed", str(seed), "--out", str(out), "--code", CODE, *more])


def of_values(values):
    return with_values(RunSettings.model_validate(OPTIONS), values).model_dump_json()


def try_one(dataset, out, seed=0, values=VALUES):
    train.run(arguments(train, dataset, out, seed, "--settings", of_values(values), "--without-test"))


def run_chosen(dataset, folder, seed):  # noqa: F811  # a folder of its own
    """Write a table of trials, and make the run of a seed; returns its folder."""
    name = Point(VALUES).name
    table = folder / "trials.csv"
    folder.mkdir(exist_ok=True)
    table.write_text(
        trials_csv([replace(TRIAL, trial=name, values=VALUES), replace(TRIAL, trial="other", chosen=False)])
    )
    out = folder / "runs" / f"seed-{seed}"
    more = [
        "--trials",
        str(table),
        "--trained",
        str(folder / "trials" / f"seed-{seed}"),
        "--settings",
        json.dumps(OPTIONS),
    ]
    train_chosen.run(arguments(train_chosen, dataset, out, seed, *more))
    return out


def same_run(one, other):
    """Whether two folders hold the same run to the last bit, but for the time it took and how values were chosen."""
    for name in ("predictions.csv", "validation_predictions.csv", "training_predictions.csv", "features.npy"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    tables = [pd.read_csv(place / "history.csv").drop(columns="seconds") for place in (one, other)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    models = [torch.load(place / "model.pt", weights_only=True) for place in (one, other)]
    assert models[0]["input"] == models[1]["input"]
    assert all(torch.equal(value, models[1]["weights"][name]) for name, value in models[0]["weights"].items())
    configs = [yaml.safe_load((place / "config.yaml").read_text()) for place in (one, other)]
    for config, model in zip(configs, models, strict=True):
        assert model["config"]["recorded"] == config["recorded"]
        config["recorded"].pop("tuning", None)
    assert configs[0] == configs[1]


def features_of(dataset, out):
    """What rivals are given of a run."""
    parser = argparse.ArgumentParser()
    keep_features.add_arguments(parser)
    files = ["--images", str(dataset / "images.npy"), "--samples", str(dataset / "samples.csv")]
    features = out / "part_features.npz"
    keep_features.run(parser.parse_args([*files, "--model", str(out / "model.pt"), "--out", str(features)]))
    return features


@pytest.mark.parametrize("seed", [0, 1])
def test_a_run_with_chosen_values_is_the_run_that_has_them_from_the_start(dataset, tmp_path, seed, monkeypatch):
    """Of the seed of the trials its network is taken over; of another seed it is trained."""
    trained = []
    monkeypatch.setattr(train, "run", lambda args, *more, run=train.run: (trained.append(args.out), run(args, *more)))
    if seed == 0:
        try_one(dataset, tmp_path / "trials/seed-0" / Point(VALUES).name)
        trained.clear()
    out = run_chosen(dataset, tmp_path, seed)
    assert len(trained) == (seed != 0)
    plain = tmp_path / "plain"
    train.run(arguments(train, dataset, plain, seed, "--settings", of_values(VALUES)))
    same_run(out, plain)
    assert finished(out)["recorded"]["tuning"] == {
        "values": VALUES,
        "trials": 1,
        "metric": "mcc",
        "score": 0.5,
        "seed": 0,
    }
    features = read_part_features(features_of(dataset, out))
    np.testing.assert_array_equal(features.parts["test"].features, np.load(out / "features.npy"), "rivals can use it")
    trained.clear()
    (out / "predictions.csv").unlink()
    run_chosen(dataset, tmp_path, seed)
    same_run(out, plain)
    assert trained == [], "its network is there"


def test_a_run_that_is_stopped_continues_and_ends_as_if_nothing_had_been(dataset, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_after(patch, 4)
        run_chosen(dataset, tmp_path / "stopped", 1)
    place = tmp_path / "stopped/trials/seed-1" / Point(VALUES).name
    assert len([*place.glob(CHECKPOINTS)]) == 1 and not (tmp_path / "stopped/runs/seed-1/config.yaml").exists()
    same_run(run_chosen(dataset, tmp_path / "stopped", 1), run_chosen(dataset, tmp_path / "whole", 1))
    assert not [*place.glob(CHECKPOINTS)]


def test_a_trial_of_other_code_settings_or_data_is_trained_again(dataset, tmp_path, monkeypatch):
    place = tmp_path / "trials/seed-0" / Point(VALUES).name
    try_one(dataset, place, values={**VALUES, "focal.gamma": 2})
    trained = []
    monkeypatch.setattr(train, "run", lambda args, *more, run=train.run: (trained.append(args.out), run(args, *more)))
    out = run_chosen(dataset, tmp_path, 0)
    assert trained == [place] and finished(out)["condition"]["kwargs"] == {"focal": {"gamma": 1}}


def test_a_trial_is_given_no_test_part(dataset, tmp_path):
    """Neither labels nor images of the test part change it, and it predicts nothing of them."""
    other = write_dataset(tmp_path / "other")
    rows = list(csv.DictReader((dataset / "samples.csv").open(newline="")))
    tested = [row for row in rows if row["split"] == "test"]
    classes = [(row["class"], row["label"]) for row in reversed(tested)]
    for row, (name, label) in zip(tested, classes, strict=True):
        row["class"], row["label"] = name, label
    assert classes != classes[::-1], "labels of the test part are exchanged"
    _write(other, rows)
    folders = [tmp_path / "one", tmp_path / "two"]
    for place, of in zip(folders, (dataset, other), strict=True):
        try_one(of, place)
    files = {"config.yaml", "history.csv", "model.pt", "training_predictions.csv", "validation_predictions.csv"}
    subjects = {row["subject"] for row in tested}
    assert len(subjects) == sum(SIZES["test"].values())
    for place in folders:
        assert {path.name for path in place.iterdir() if path.is_file()} == files == {*outputs(finished(place))}
        seen = {
            row["subject"]
            for name in ("training", "validation")
            for row in csv.DictReader((place / f"{name}_predictions.csv").open())
        }
        assert seen and not seen & subjects
    for name in ("training_predictions.csv", "validation_predictions.csv"):
        assert len({(place / name).read_bytes() for place in folders}) == 1
    weights = [torch.load(place / "model.pt", weights_only=True)["weights"] for place in folders]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ("", "no sample is in the validation part, by which trials are compared"),
        ("ab", "cannot be used to choose values"),
    ],
)
def test_a_trial_that_cannot_be_judged_is_refused_before_it_trains(dataset, tmp_path, kept, message):
    rows = list(csv.DictReader((dataset / "samples.csv").open(newline="")))
    for row in rows:
        if row["split"] == "validation" and row["class"] not in kept:
            row["split"] = "train"
    other = write_dataset(tmp_path / "other")
    _write(other, rows)
    options = json.loads(of_values(VALUES)) | {"validation_metric": "auroc_macro"}
    options["training"]["select"] = "last"
    with pytest.raises(UserError, match=message):
        train.run(arguments(train, other, tmp_path / "run", 0, "--settings", json.dumps(options), "--without-test"))
    assert not (tmp_path / "run/history.csv").exists()


@pytest.mark.slow
def test_a_bundle_of_a_tuned_study_trains_trials_and_what_they_chose(dataset, tmp_path, monkeypatch):
    """Back in the workflow, the test part is all that is left to predict."""
    trials = {Point(values).name: values for values in ({"training.learning_rate": 1e-30}, VALUES)}
    conditions_ = {"focal": {"settings": json.loads(of_values({})), "code": CODE, "trials": trials}}
    archive = tmp_path / "tuned.tar"
    parser = argparse.ArgumentParser()
    bundle.add_arguments(parser)
    files = ["--images", str(dataset / "images.npy"), "--samples", str(dataset / "samples.csv"), "--out", str(archive)]
    names_ = ["--study", "tiny", "--dataset", "d", "--seeds", "0", "1"]
    bundle.run(parser.parse_args([*files, *names_, "--settings", json.dumps({"conditions": conditions_})]))
    with tarfile.open(archive) as content:
        content.extractall(tmp_path, filter="data")
    parser = argparse.ArgumentParser()
    train_bundle.add_arguments(parser)
    train_args = parser.parse_args(["--bundle", str(tmp_path / "tiny-d"), "--out", str(tmp_path / "results")])
    train_bundle.run(train_args)
    place = tmp_path / "results/trials/tiny/d/focal"
    (chosen,) = (trial for trial in read_trials(place / "seed-0/trials.csv") if trial.chosen)
    trained = {path.parent.relative_to(place).as_posix() for path in place.rglob("model.pt")}
    assert trained == {*(f"seed-0/{name}" for name in trials), f"seed-1/{chosen.trial}"}
    assert not [*(tmp_path / "results").rglob("predictions.csv")]
    monkeypatch.setattr(train_bundle, "_train", lambda jobs, *rest: pytest.fail("trained again") if jobs else [])
    train_bundle.run(train_args)
    monkeypatch.setattr(train, "run", lambda *args: pytest.fail("trained again"))
    out = tmp_path / "results/runs/tiny/d/focal/seed-1"
    more = ["--trials", str(place / "seed-0/trials.csv"), "--trained", str(place / "seed-1")]
    train_chosen.run(arguments(train_chosen, dataset, out, 1, *more, "--settings", json.dumps(OPTIONS)))
    assert finished(out)["recorded"]["tuning"]["values"] == trials[chosen.trial]


def test_a_bundle_of_a_study_that_is_not_tuned_is_what_it_was():
    condition = Condition(settings=RunSettings.model_validate(OPTIONS), code=CODE)
    assert {*condition.model_dump()} == {*json.loads(condition.model_dump_json())} == {"settings", "code"}


def test_steps_from_the_command_line(dataset, tmp_path, capsys):
    table = chosen_from(tmp_path, {"a": 2, "b": 4})
    out = tmp_path / "all.csv"
    assert main(["collect_trials", "--out", str(out), str(table)]) == 0
    assert out.read_bytes() == table.read_bytes()
    parser = argparse.ArgumentParser()
    collect.add_arguments(parser)
    common = ["--images", "x", "--samples", "x", "--settings", "{}", "--seed", "0", "--out", str(tmp_path / "run")]
    assert main(["train_chosen", *common, "--trials", str(table), "--trained", "x"]) == 2
    assert "--code: needed" in capsys.readouterr().err


# What is said.

LABELS = {"ce": "CE, Uniform", "focal": "Focal, Uniform"}


def several(n_ce=2, n_focal=3, folds=(0, 1)):
    """Trials of two conditions in two folds; the last of each is the best, and two of focal are equal in fold 0."""
    found = []
    for fold in folds:
        for condition, number in (("ce", n_ce), ("focal", n_focal)):
            best = number - 1 if fold else 0
            for n in range(number):
                score = 0.9 if n == best or (condition == "focal" and not fold) else 0.5
                found.append(
                    Trial("d", condition, 0, 0, fold, f"t{n}", {"focal.gamma": n + 1}, "mcc", score, n == best, number)
                )
    return found


def metrics_of(*conditions_):
    rows = [
        {"dataset": "d", "condition": name, "loss": name, "sampling": "uniform", "weighted": False}
        for name in conditions_
    ]
    return pd.DataFrame(rows)


def test_the_table_has_trials_values_and_how_often_they_were_chosen():
    grid, numbers = make_tuning(several(), metrics_of("ce", "focal"))
    assert numbers[["condition", "trials", "chosen", "times", "splits", "score"]].to_numpy().tolist() == [
        ["ce", 2, "focal.gamma = 1", 1, 2, 0.9],
        ["ce", 2, "focal.gamma = 2", 1, 2, 0.9],
        ["focal", 3, "focal.gamma = 1", 1, 2, 0.9],
        ["focal", 3, "focal.gamma = 3", 1, 2, 0.9],
    ]
    (panel,) = grid.panels
    assert panel.columns == ("Chosen", "Splits", "Validation score")
    assert [row.labels for row in panel.rows] == [
        ("CE", "Uniform", "2"),
        ("", "", "2"),
        ("Focal", "Uniform", "3"),
        ("", "", "3"),
    ]
    text_of_notes = "\n".join(grid.notes)
    assert "1 of 4 choices were made between trials with equal scores." in text_of_notes
    assert "Smallest or largest value of its list: focal.gamma (Focal, Uniform)." in text_of_notes
    assert at_an_end(several()) == {"focal.gamma": ["focal"]}, "two values have no inside"
    (panel,) = make_tuning(several(folds=(0,)), metrics_of("ce", "focal"))[0].panels
    assert panel.columns == ("Chosen", "Validation score")


def test_unequal_budgets_are_said_wherever_conditions_are_compared():
    equal, unequal = several(3, 3), several(2, 3)
    (line,) = notes(equal, LABELS)
    assert "3 trials for every condition" in line and "never on test" in line
    first, second = notes(unequal, LABELS)
    assert "2 trials for CE, Uniform; 3 trials for Focal, Uniform" in first
    assert second.startswith("Unequal tuning budgets: the best of more trials is better")
    assert of_tuning({"ce": 3, "focal": 3}) == of_tuning({}) == []
    (warning,) = of_tuning({"ce": 2, "focal": 3})
    budgets = "Unequal tuning budgets (2 trials for CE, Uniform; 3 trials for Focal, Uniform): "
    assert text(warning, LABELS) == budgets + second.partition(": ")[2]


def test_the_design_counts_trials():
    config, found = tuned(GRID)
    design = study_design(found, config)
    assert design["tuning"] == {
        "tried": {"training.learning_rate": [3e-4, 1e-3], "focal.gamma": [1, 2, 5]},
        "trials": {"ce-uniform": 2, "focal-uniform": 6, "both-weighted": 6},
    }
    *before, line = training(design)
    assert any("Adam, learning rate as chosen below (cosine), 250 epochs" in one for one in before)
    assert "from unequal numbers, 2 to 6, trials of each condition: learning_rate 0.0003, 0.001; focal.gamma" in line
    assert trainings(design, {"drawn": "Drawn"}) == [
        "Drawn: 3 conditions × 1 seed = 3 training runs, and 11 trials that are not chosen"
    ]
    config, found = tuned(GRID | {"trials": 2})
    assert "from 2 trials of each condition" in training(study_design(found, config))[-1]


def test_texts_say_all_values_that_differ_between_runs():
    parts = [
        (Path(name), {"learning_rate": rate, "mixup": mix, "epochs": 3})
        for name, rate, mix in (("a", 0.1, None), ("b", 0.01, 0.2))
    ]
    with pytest.raises(UserError, match="one text cannot describe both"):
        shared(parts, "training")
    found = shared(parts, "training", ["learning_rate", "mixup"])
    assert found == {"learning_rate": "0.1 or 0.01", "mixup": "none or 0.2", "epochs": 3}
    assert recipe_words(found) == ["mixup (alpha none or 0.2)"]
    assert either([2, 2]) == 2
