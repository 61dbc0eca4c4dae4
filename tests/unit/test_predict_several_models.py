"""Predictions of several models: the mean of their probabilities, flipped images."""

import csv
import json
import shutil

import numpy as np
import pytest
from predict_cases import classify, images_of, probabilities, trained
from training_cases import arguments, settings, write_dataset

from imbalance_aware.__main__ import main
from imbalance_aware.errors import UserError
from imbalance_aware.prediction import several_models
from imbalance_aware.runs import train


@pytest.fixture(scope="module")
def condition(tmp_path_factory):
    """Two seeds of one condition on photographs, as the workflow would leave them, and the data."""
    folder = tmp_path_factory.mktemp("condition")
    source = write_dataset(folder / "data", channels=3)
    for seed in (2, 10):
        train.run(arguments(source, folder / f"run/seed-{seed}", json.dumps(settings(training={"epochs": 1})), seed))
    return folder


def alone(folder, run, more=()):
    """What one of the models predicts by itself."""
    return probabilities(classify(folder, images_of(folder), more=(*more, "--model", str(folder / "run" / run))))


def test_a_condition_gives_the_mean_of_its_seeds(condition):
    expected = (alone(condition, "seed-2") + alone(condition, "seed-10")) / 2
    rows = classify(condition, images_of(condition))
    np.testing.assert_allclose(probabilities(rows), expected, atol=1e-12)
    assert [row["predicted"] for row in rows] == ["abc"[best] for best in expected.argmax(axis=1)]
    files = [str(condition / "run/seed-2"), str(condition / "run/seed-10/model.pt")]
    assert classify(condition, images_of(condition), more=("--model", *files)) == rows


def test_the_step_ensemble_gives_what_predict_gives_for_the_condition(condition):
    out = condition / "run/ensemble/predictions.csv"
    tables = [str(condition / f"run/seed-{seed}/predictions.csv") for seed in (2, 10)]
    samples = str(condition / "data/samples.csv")
    assert main(["ensemble", "--samples", samples, "--out", str(out), *tables]) == 0
    with out.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    expected = probabilities(classify(condition, images_of(condition)))[-len(rows) :]
    np.testing.assert_allclose(probabilities(rows), expected, atol=1e-6)
    with (condition / "run/seed-2/predictions.csv").open(newline="") as handle:
        for row, single in zip(rows, csv.DictReader(handle), strict=True):
            assert {name: row[name] for name in ("subject", "group", "cohort", "class", "label")} == {
                name: single[name] for name in ("subject", "group", "cohort", "class", "label")
            }


def test_flips_are_averaged_over_all_combinations_of_the_axes_of_training(condition):
    images = np.load(images_of(condition))
    expected = []
    for axes in [(), (2,), (3,), (2, 3)]:
        np.save(condition / "flipped.npy", np.flip(images, axes))
        rows = classify(condition, condition / "flipped.npy", more=("--model", str(condition / "run/seed-2")))
        expected.append(probabilities(rows))
    found = alone(condition, "seed-2", ("--flips",))
    np.testing.assert_allclose(found, np.mean(expected, axis=0), atol=1e-6)
    assert np.abs(found - expected[0]).max() > 1e-4, "flips make a difference"


def test_flips_that_training_did_not_make_are_refused(tmp_path):
    folder = trained(tmp_path, {"flip_axes": []})
    with pytest.raises(UserError, match=r"model\.pt: its training images were not flipped"):
        classify(folder, images_of(folder), more=("--flips",))


def test_all_folds_of_all_repeats_take_part_in_order(tmp_path):
    names = ["seed-10/fold-0", "seed-2/fold-0", "seed-2/fold-10", "seed-2/fold-9", "seed-2-repeat-1/fold-0"]
    for name in [*names, "ensemble"]:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model.pt").touch()
    found = [path.parent.relative_to(tmp_path).as_posix() for path in several_models.model_files([tmp_path])]
    assert found == [
        "seed-2/fold-0",
        "seed-2/fold-9",
        "seed-2/fold-10",
        "seed-2-repeat-1/fold-0",
        "seed-10/fold-0",
    ]
    assert len(several_models.model_files([tmp_path / "seed-2"])) == 3


def test_an_ensemble_that_is_not_whole_is_no_ensemble(condition, tmp_path):
    shutil.copytree(condition / "run", tmp_path / "run")
    (tmp_path / "run/seed-10/model.pt").unlink()
    more = ("--model", str(tmp_path / "run"))
    with pytest.raises(UserError, match=r"seed-10/model\.pt: no such file; a run folder contains model\.pt only after"):
        classify(condition, images_of(condition), more=more)
    twice = ("--model", str(condition / "run"), str(condition / "run/seed-2"))
    with pytest.raises(UserError, match="named more than once"):
        classify(condition, images_of(condition), more=twice)


def test_models_of_different_images_are_not_averaged(condition, volumes):
    more = ("--model", str(condition / "run/seed-2"), str(volumes / "run"))
    with pytest.raises(UserError, match=r"requires images of 2 x 10 x 10 x 10 .*cannot be averaged"):
        classify(condition, images_of(condition), more=more)
