"""A phantom dataset and a small network, for the tests of training."""

import csv
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

import numpy as np

from imbalance_aware.image_digests import image_digest, short
from imbalance_aware.runs import train
from imbalance_aware.tables.samples import COLUMNS

SIZES = {"train": {"a": 24, "b": 11, "c": 7}, "test": {"a": 6, "b": 3, "c": 2}}
MODEL = {"blocks": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "stem_kernel": 3}


def write_dataset(folder: Path, dimensions: int = 2, dtype: str = "uint8", edge: int = 16, channels: int = 2) -> Path:
    """Phantoms of three classes that differ in brightness; returns the folder with images.npy and samples.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    rows = [(split, name) for split, sizes in SIZES.items() for name, size in sizes.items() for _ in range(size)]
    labels = np.array(["abc".index(name) for _, name in rows])
    images = rng.integers(0, 180, (len(rows), channels, *[edge] * dimensions), dtype=np.uint8)
    images += (30 * labels).astype(np.uint8).reshape(-1, *[1] * (dimensions + 1))
    images = images if dtype == "uint8" else (images / 255).astype(dtype)
    np.save(folder / "images.npy", images)
    with (folder / "samples.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(COLUMNS)
        for number, ((split, name), label, digest) in enumerate(zip(rows, labels, tie(images), strict=True)):
            writer.writerow([f"s{number}", f"s{number}", "phantoms", name, label, split, digest])
    return folder


def read(path: Path) -> list[dict[str, str]]:
    """Rows of a table."""
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """Write a table."""
    with path.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def edited(source: Path, folder: Path, change: Callable[[list[dict[str, str]]], object]) -> Path:
    """The dataset ``source`` in a new folder, after ``change`` was applied to the rows of its table."""
    folder.mkdir(parents=True)
    (folder / "images.npy").symlink_to(source / "images.npy")
    rows = read(source / "samples.csv")
    change(rows)
    write(folder / "samples.csv", rows)
    return folder


def tie(images: np.ndarray) -> list[str]:
    """What the table holds of each image."""
    return [short(image_digest(image)) for image in images]


def settings(**changes) -> dict:
    """Settings of a run of a few seconds; ``changes`` replace keys of ``condition``, ``training``, ``augmentation``."""
    base = {
        "condition": {"loss": {"ce": 1}},
        "model": MODEL,
        "training": {"epochs": 3, "batch_size": 8, "device": "cpu"},
        "augmentation": {"gamma": [0.5, 1.5], "contrast_gain": [5, 10], "flip_axes": [0, 1]},
    }
    return {key: value | changes.get(key, {}) for key, value in base.items()}


def arguments(dataset: Path, out: Path, options: str, seed: int = 0, *more: str):
    """Parsed arguments of the train step."""
    parser = ArgumentParser()
    train.add_arguments(parser)
    paths = ["--images", str(dataset / "images.npy"), "--samples", str(dataset / "samples.csv")]
    return parser.parse_args([*paths, "--settings", options, "--seed", str(seed), "--out", str(out), *more])
