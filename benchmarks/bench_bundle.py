"""Runs of a bundle in one process for each slot, beside one process for each run.

python benchmarks/bench_bundle.py [--runs 5] [--images 2000] [--edge 96] [--epochs 1] [--device cpu]

Trains the same runs of a tiny network on made-up images three times: with `train_bundle`, one slot; with a process for
each run (`python -m imbalance_aware train`); and once one of them alone. Prints wall and CPU seconds and their ratios.
What a run itself computes is kept small, so this is the cost of start-up: imports, reading and checking all images, on
a GPU also its context and the copy of the images. Of longer runs it is a smaller share.
"""

import argparse
import csv
import json
import os
import tarfile
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np

from imbalance_aware.image_digests import image_digest, short
from imbalance_aware.runs import bundle
from imbalance_aware.tables.samples import COLUMNS
from measure import job

MODEL = {"blocks": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "stem_kernel": 3}
CODE = "0" * 16


def write_dataset(folder: Path, images: int, edge: int) -> None:
    """``images.npy``, ``samples.csv``, and one fold: noise of three classes, 60 for training, 30 for the test.

    The fold leaves out all others: they are only read and checked.
    """
    pixels = np.random.default_rng(0).integers(0, 256, (images, 3, edge, edge), dtype=np.uint8)
    np.save(folder / "images.npy", pixels)
    with (folder / "samples.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(COLUMNS)
        for number, image in enumerate(pixels):
            name = f"s{number}"
            writer.writerow([name, name, "noise", "abc"[number % 3], number % 3, "", short(image_digest(image))])
    with (folder / "repeat-0.csv").open("w", newline="") as handle:
        parts = ["train"] * 60 + ["test"] * 30 + [""] * images
        csv.writer(handle).writerows([["subject", "fold-0"], *([f"s{row}", parts[row]] for row in range(images))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="default: 5")
    parser.add_argument("--images", type=int, default=2000, help="of the dataset; 60 are trained on (default: 2000)")
    parser.add_argument("--edge", type=int, default=96, help="pixels (default: 96)")
    parser.add_argument("--epochs", type=int, default=1, help="default: 1")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="default: cpu")
    args = parser.parse_args()
    training = {"epochs": args.epochs, "batch_size": 10, "device": args.device, "training_predictions": False}
    settings = {"condition": {"loss": {"ce": 1}}, "model": MODEL, "training": training}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dataset(folder, args.images, args.edge)
        data = ["--images", str(folder / "images.npy"), "--samples", str(folder / "samples.csv")]
        unpacked = bundled(folder, data, settings, args.runs)
        train = [
            *data,
            "--folds",
            str(folder / "repeat-0.csv"),
            "--fold",
            "0",
            "--settings",
            json.dumps(settings),
            "--code",
            CODE,
        ]

        def alone(seed: int) -> tuple[float, float]:
            out = ["--seed", str(seed), "--out", str(folder / f"alone-{seed}")]
            return job(["-m", "imbalance_aware", "train", *train, *out])

        one = alone(args.runs)
        start = time.perf_counter()
        each = sum(alone(seed)[1] for seed in range(args.runs))
        processes = time.perf_counter() - start, each
        slot = job([str(unpacked / "run.py"), "--out", str(folder / "results")])
        print(f"{args.runs} runs on {args.images} images of {args.edge} x {args.edge} pixels, {args.device}")
        print("| | wall s | CPU s | wall, times a slot | CPU, times a slot |")
        print("| --- | --: | --: | --: | --: |")
        rows = {"one process for the slot": slot, "one process for each run": processes, "one run alone": one}
        for label, (wall, cpu) in rows.items():
            print(f"| {label} | {wall:.1f} | {cpu:.1f} | {wall / slot[0]:.2f} | {cpu / slot[1]:.2f} |")


def bundled(folder: Path, data: list[str], settings: dict, runs: int) -> Path:
    """The bundle of these runs, unpacked, its images too, as they are after the first call."""
    parser = argparse.ArgumentParser()
    bundle.add_arguments(parser)
    conditions = {"conditions": {"ce-uniform": {"settings": settings, "code": CODE}}}
    names = ["--study", "s", "--dataset", "d", "--seeds", *map(str, range(runs)), "--out", str(folder / "s.tar")]
    names += ["--folds", str(folder / "repeat-0.csv"), "--settings", json.dumps(conditions)]
    bundle.run(parser.parse_args([*data, *names]))
    with tarfile.open(folder / "s.tar") as archive:
        archive.extractall(folder, filter="data")
    (folder / "s-d/images.npy").hardlink_to(folder / "images.npy")
    return folder / "s-d"


if __name__ == "__main__":
    main()
