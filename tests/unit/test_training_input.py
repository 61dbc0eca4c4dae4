"""What cannot be trained on, or with, is told before training."""

import numpy as np
import pytest
import torch
from training_cases import edited, settings
from training_runs import run

from imbalance_aware.errors import UserError


def set_all(key, value, **where):
    def change(rows):
        for row in rows:
            if all(row[name] == wanted for name, wanted in where.items()):
                row[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.pop(), "holds 53 images and .* 52 rows"),
        (set_all("split", "train", split="test"), "no sample is in the split test"),
        (set_all("split", "test", split="train"), "no sample is in the split train"),
        (set_all("split", "", subject="s3"), 'line 5: split is ""'),
        (set_all("label", "nan", subject="s3"), 'line 5: label is "nan"'),
        (set_all("label", "3", label="2"), "expected labels 0 … K-1"),
        (set_all("label", "1", subject="s0"), "label 1 is used for both"),
        (set_all("class", "b", label="2"), "each with its own name"),
        (set_all("split", "test", label="2"), "no training sample of the class c"),
    ],
)
def test_tables_that_cannot_be_used(dataset, tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        run(edited(dataset, tmp_path / "data", change), tmp_path / "run")


def values(array):
    return lambda path: np.save(path, array)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.write_bytes(b"hello"), "not a NumPy array, or truncated"),
        (values(np.zeros((53, 2, 16, 16), dtype=np.float32)), "expected uint8 or float16 images"),
        (values(np.zeros((53, 256), dtype=np.uint8)), "expected uint8 or float16 images"),
        (values(np.full((53, 2, 8, 8), 1.5, dtype=np.float16)), "values outside"),
        (values(np.full((53, 2, 8, 8), np.nan, dtype=np.float16)), "values outside"),
        (values(np.full((53, 2, 8, 8), -0.5, dtype=np.float16)), "values outside"),
    ],
)
def test_arrays_that_cannot_be_used(dataset, tmp_path, write, message):
    (tmp_path / "samples.csv").symlink_to(dataset / "samples.csv")
    write(tmp_path / "images.npy")
    with pytest.raises(UserError, match=message):
        run(tmp_path, tmp_path / "run")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_asking_for_a_gpu_without_one(dataset, tmp_path):
    with pytest.raises(UserError, match="finds no GPU"):
        run(dataset, tmp_path / "run", settings(training={"device": "cuda"}))


def test_a_negative_seed(dataset, tmp_path):
    with pytest.raises(UserError, match="--seed is -1"):
        run(dataset, tmp_path / "run", seed=-1)


def test_bfloat16_on_the_cpu_is_refused(dataset, tmp_path):
    with pytest.raises(UserError, match="bfloat16 gradients of some convolutions are wrong"):
        run(dataset, tmp_path / "run", settings(training={"precision": "bfloat16"}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"training": {"epochs": 0}}, "training.epochs: input should be greater than or equal to 1"),
        ({"training": {"batch_size": 1}}, "training.batch_size"),
        ({"training": {"epoch": 3}}, 'unknown key "epoch" in training. Did you mean "epochs"'),
        ({"condition": {"sampling": "over"}}, '"over" is not known'),
        ({"condition": {"loss": {"cee": 1}}}, 'unknown loss "cee". Did you mean "ce"'),
        ({"augmentation": {"gamma": [1.5, 0.5]}}, "a range is"),
        ({"augmentation": {"crop": 40}}, "crop is 40, larger than the images: 16 x 16"),
        ({"model": {"blocks": [1]}}, "model.blocks: expected a number of at least 1 for each of the 4 stages"),
        ({"model": {"stem_kernel": 4}}, "model.stem_kernel: must be odd"),
    ],
)
def test_settings_that_cannot_be_used(dataset, tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        run(dataset, tmp_path / "run", settings(**options))
