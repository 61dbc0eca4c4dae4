"""Models trained on phantoms, and new images that they classify."""

import csv
import json
from argparse import ArgumentParser

import nibabel
import numpy as np
from training_cases import arguments, settings, write_dataset

from imbalance_aware.prediction import predict
from imbalance_aware.runs import train

VOLUMES = {"gamma": [0.5, 1.5], "flip_axes": [0, 1, 2], "crop": 8}


def trained(folder, augmentation=None, max_value=None, **dataset):
    source = write_dataset(folder / "data", **dataset)
    options = settings(training={"epochs": 1}) | {"max_value": max_value}
    options["augmentation"] = augmentation or options["augmentation"]
    train.run(arguments(source, folder / "run", json.dumps(options)))
    return folder


def classify(trained_in, *images, more=()):
    parser = ArgumentParser()
    predict.add_arguments(parser)
    out = trained_in / "out.csv"
    out.unlink(missing_ok=True)
    given = ["--model", str(trained_in / "run"), "--images", *map(str, images), "--out", str(out), *more]
    predict.run(parser.parse_args([*given, "--device", "cpu"]))
    with out.open(newline="") as handle:
        return list(csv.DictReader(handle))


def probabilities(rows):
    return np.array([[float(row[f"prob_{name}"]) for name in "abc"] for row in rows])


def of_training(folder):
    with (folder / "run" / "predictions.csv").open(newline="") as handle:
        return probabilities(list(csv.DictReader(handle)))


#: Axes to the left, to the back and up, as preprocessing leaves them.
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def save_nifti(path, volume, affine=LPS):
    nibabel.save(nibabel.Nifti1Image(volume.astype(np.float32), affine), path)
    return path


def images_of(folder):
    return folder / "data" / "images.npy"
