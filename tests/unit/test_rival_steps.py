"""The steps `part_features` and `rival` on runs that the step `train` made: 2D, 3D and a fold."""

import json
import shutil

import numpy as np
import pytest
import yaml
from training_cases import arguments, edited, read, settings, write, write_dataset

from imbalance_aware.__main__ import main
from imbalance_aware.rivals.catalogue import RIVALS
from imbalance_aware.rivals.part_features import read_part_features
from imbalance_aware.runs import train
from imbalance_aware.runs.model_file import load_model
from imbalance_aware.runs.run_folder import PART_FEATURES, clear
from imbalance_aware.tables.folds import folds_csv
from imbalance_aware.tables.predictions import read_predictions

EPOCH = {"epochs": 1}


def trained(dataset, out, more=(), metric=None, **changes):
    options = settings(training=EPOCH, **changes) | {"validation_metric": metric}
    train.run(arguments(dataset, out, json.dumps(options), 3, "--code", "0", *more))
    return out


def with_validation(dataset, folder):
    """The same dataset, in which every third training sample is in the validation part."""

    def change(rows):
        for number, row in enumerate(row for row in rows if row["split"] == "train"):
            row["split"] = "train" if number % 3 else "validation"

    return edited(dataset, folder, change)


@pytest.fixture(scope="module")
def run(dataset, tmp_path_factory):
    """A run with the features of its parts."""
    folder = trained(dataset, tmp_path_factory.mktemp("runs") / "s/d/ce-uniform/seed-3")
    assert keep(folder, dataset) == 0
    return folder


def keep(folder, dataset, *more):
    paths = ["--images", str(dataset / "images.npy"), "--samples", str(dataset / "samples.csv")]
    options = ["--model", str(folder / "model.pt"), *paths, "--out", str(folder / PART_FEATURES), *more]
    return main(["part_features", "--device", "cpu", *options])


def rival(name, folder, dataset, out, *more):
    options = ["--features", str(folder / PART_FEATURES), "--config", str(folder / "config.yaml")]
    return main(
        ["rival", "--rival", name, *options, "--samples", str(dataset / "samples.csv"), "--out", str(out), *more]
    )


def test_features_of_the_test_part_are_those_of_training_and_the_last_layer_is_the_networks(run):
    known = read_part_features(run / PART_FEATURES)
    assert known.parts["test"].features.tobytes() == np.load(run / "features.npy").tobytes()
    model, _, _ = load_model(run / "model.pt")
    assert known.weight.tobytes() == model.fc.weight.detach().numpy().tobytes()
    assert known.bias.tobytes() == model.fc.bias.detach().numpy().tobytes()
    predicted = read_predictions(run / "training_predictions.csv")
    assert known.parts["train"].subjects.tolist() == predicted.subjects.tolist()
    logits = known.parts["train"].features.astype(float) @ known.weight.astype(float).T + known.bias
    given = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(given, predicted.probabilities, atol=1e-5)
    assert len(known.parts["validation"].subjects) == 0


def test_the_same_features_give_the_same_bytes(run, dataset, tmp_path):
    again = shutil.copytree(run, tmp_path / "again")
    (again / PART_FEATURES).unlink()
    assert keep(again, dataset) == 0
    assert (again / PART_FEATURES).read_bytes() == (run / PART_FEATURES).read_bytes()


@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_writes_the_tables_of_a_run(name, run, dataset, tmp_path):
    for place in ("first", "second"):
        assert rival(name, run, dataset, tmp_path / place) == 0
    files = ["config.yaml", "predictions.csv", "training_predictions.csv"]
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == files
    assert all((tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes() for file in files)
    for file in files[1:]:
        own, networks = read_predictions(tmp_path / "first" / file), read_predictions(run / file)
        assert own.subjects.tolist() == networks.subjects.tolist() and own.classes == networks.classes
        assert own.labels.tolist() == networks.labels.tolist() and (own.probabilities > 0).all()
        assert np.abs(own.probabilities - networks.probabilities).max() > 1e-4
    config, networks = (yaml.safe_load((place / "config.yaml").read_text()) for place in (tmp_path / "first", run))
    about = config.pop("rival")
    assert config == networks and about["name"] == name
    assert ("chosen_by" in about) == ("value" in about) == (name not in ("crt", "lws"))


def test_a_hyperparameter_is_chosen_on_the_validation_part_and_never_on_the_test_part(dataset, tmp_path):
    validated = with_validation(dataset, tmp_path / "dataset")
    folder = trained(validated, tmp_path / "run", metric="balanced_accuracy")
    assert keep(folder, validated) == 0
    assert rival("knn", folder, validated, tmp_path / "knn", "--primary", "balanced_accuracy") == 0
    own = read_predictions(tmp_path / "knn/validation_predictions.csv")
    networks = read_predictions(folder / "validation_predictions.csv")
    assert own.subjects.tolist() == networks.subjects.tolist() != []
    about = yaml.safe_load((tmp_path / "knn/config.yaml").read_text())["rival"]
    assert about["chosen_by"] == "balanced_accuracy on the validation part"
    assert about["tried"][str(about["value"])] == max(about["tried"].values())
    # With every test label exchanged, the same is chosen and predicted.
    other = shutil.copytree(validated, tmp_path / "other")
    text = (other / "samples.csv").read_text().splitlines()
    exchanged = [line.replace(",c,2,test", ",a,0,test") for line in text]
    assert exchanged != text
    (other / "samples.csv").write_text("\n".join(exchanged) + "\n")
    assert rival("knn", folder, other, tmp_path / "again", "--primary", "balanced_accuracy") == 0
    assert yaml.safe_load((tmp_path / "again/config.yaml").read_text())["rival"] == about
    again = read_predictions(tmp_path / "again/predictions.csv")
    np.testing.assert_array_equal(again.probabilities, read_predictions(tmp_path / "knn/predictions.csv").probabilities)


def test_a_fold_of_volumes(tmp_path):
    dataset = write_dataset(tmp_path / "volumes", dimensions=3, edge=12, channels=1)
    rows = read(dataset / "samples.csv")
    subjects = [row["subject"] for row in rows]
    write(dataset / "samples.csv", [row | {"split": ""} for row in rows])
    parts = [["test" if number % 2 == fold else "train" for number in range(len(subjects))] for fold in (0, 1)]
    table = tmp_path / "repeat-0.csv"
    table.write_text(folds_csv(subjects, parts))
    fold = ["--folds", str(table), "--fold", "1"]
    flips = {"flip_axes": [0, 1, 2]}
    folder = trained(dataset, tmp_path / "s/d/ce-uniform/seed-3/fold-1", fold, augmentation=flips)
    assert keep(folder, dataset, *fold) == 0
    known = read_part_features(folder / PART_FEATURES)
    assert known.parts["test"].subjects.tolist() == subjects[1::2]
    assert known.parts["train"].subjects.tolist() == subjects[::2]
    out = tmp_path / "s/d/ce-uniform+tau/seed-3/fold-1"
    assert rival("tau", folder, dataset, out) == 0
    assert read_predictions(out / "predictions.csv").subjects.tolist() == subjects[1::2]


def test_features_of_other_data_than_the_networks_are_refused(run, dataset, tmp_path, capsys):
    """They would mix training and test samples without a word."""
    other = with_validation(dataset, tmp_path / "dataset")
    copy = shutil.copytree(run, tmp_path / "run")
    assert keep(copy, other) == 2
    assert "was trained on other images or other parts than those of" in capsys.readouterr().err
    foreign = trained(other, tmp_path / "foreign", metric="balanced_accuracy")
    shutil.copy(run / PART_FEATURES, foreign / PART_FEATURES)
    assert rival("tau", foreign, other, tmp_path / "out") == 2
    assert "not of the run of" in capsys.readouterr().err


def test_files_that_are_missing_or_damaged_are_told(run, dataset, tmp_path, capsys):
    copy = shutil.copytree(run, tmp_path / "run")
    for content, message in ((None, "no such file"), (b"", "damaged"), (b"PK\x03\x04 cut short", "damaged")):
        (copy / PART_FEATURES).unlink()
        if content is not None:
            (copy / PART_FEATURES).write_bytes(content)
        assert rival("tau", copy, dataset, tmp_path / "out") == 2
        told = capsys.readouterr().err
        assert message in told and PART_FEATURES in told and "Traceback" not in told
        (copy / PART_FEATURES).touch()
    assert keep(copy, dataset, "--fold", "1") == 2
    assert "--folds and --fold belong together" in capsys.readouterr().err


@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_of_a_run_that_diverged_has_diverged_too(name, run, dataset, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    with np.load(copy / PART_FEATURES) as arrays:
        content = {key: arrays[key].copy() for key in arrays}
    content["test_features"][0, 0] = np.nan
    np.savez(copy / PART_FEATURES, **content)
    assert rival(name, copy, dataset, tmp_path / "out") == 0
    assert np.isnan(read_predictions(tmp_path / "out/predictions.csv").probabilities).all()
    assert yaml.safe_load((tmp_path / "out/config.yaml").read_text())["rival"]["name"] == name


def test_features_do_not_outlive_their_network(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    clear(copy)
    assert not (copy / PART_FEATURES).exists()
