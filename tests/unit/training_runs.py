"""A run of the step `train` on phantoms, as tests make it, stop it and compare it with another."""

import json
import signal
from argparse import ArgumentParser

import pytest
from training_cases import SIZES, arguments, read, settings

from imbalance_aware.prediction import predict
from imbalance_aware.runs import train
from imbalance_aware.runs.interruption import Interruption

OUTPUTS = ["config.yaml", "features.npy", "history.csv", "model.pt", "predictions.csv", "training_predictions.csv"]
#: Training samples, and steps of an epoch.
N = sum(SIZES["train"].values())
STEPS = -(-N // 8)


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the trainer catches it."""


def run(dataset, out, options=None, *more, seed=0):
    """Train into the folder ``out``, which is returned."""
    train.run(arguments(dataset, out, json.dumps(options or settings()), seed, "--code", "0" * 16, *more))
    return out


def contents(folder):
    """Name of each file of a run folder -> its content, without the times in its history."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "history.csv"}
    rows = [{key: cell for key, cell in row.items() if key != "seconds"} for row in read(folder / "history.csv")]
    return found | {"history.csv": rows}


def assert_same(one, other):
    """Two run folders hold the same files, byte for byte but for the times in their histories."""
    one, other = contents(one), contents(other)
    assert sorted(one) == sorted(other)
    for name, content in one.items():
        assert content == other[name], name


def stop_after(monkeypatch, count):
    """Have the run told to stop by SIGTERM when it has asked ``count`` times."""
    asked = iter(range(1, count + 1))
    received = property(lambda self: signal.SIGTERM if next(asked, count) == count else None, lambda self, value: None)
    monkeypatch.setattr(Interruption, "received", received, raising=False)


def run_and_resumed(dataset, folder, options, monkeypatch, stop):
    """Folder of a run that nothing stopped; another, stopped when it asked ``stop`` times, ends with the same bytes."""
    whole = run(dataset, folder / "whole", options)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_after(patch, stop)
        run(dataset, folder / "stopped", options)
    assert_same(run(dataset, folder / "stopped", options), whole)
    return whole


def assert_predicts_its_test_samples(model, dataset, out):
    """The step `predict` gives the probabilities of a run for the images of its dataset; it writes ``out``."""
    parser = ArgumentParser()
    predict.add_arguments(parser)
    images = ["--images", str(dataset / "images.npy"), "--out", str(out)]
    predict.run(parser.parse_args(["--model", str(model), *images]))
    found = dict(zip((row["subject"] for row in read(dataset / "samples.csv")), read(out), strict=True))
    for row in read(model / "predictions.csv"):
        assert float(found[row["subject"]]["prob_a"]) == pytest.approx(float(row["prob_a"]), abs=1e-5)
