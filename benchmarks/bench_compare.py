"""Time and memory of the step `statistics` on a study of 60 runs on 386 images: one table (Markdown) on stdout.

Predictions are made up, written as the workflow leaves them, and the step is run on them from the files on, every
condition under every decision rule.

OMP_NUM_THREADS=1 python benchmarks/bench_compare.py [--conditions 15] [--seeds 4] [--sizes 197 72 117]
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from bench_statistics import study
from imbalance_aware.__main__ import main as step
from imbalance_aware.tables.predictions import predictions_csv

CLASSES = ("no", "early", "advanced")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conditions", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--sizes", type=int, nargs=3, default=[197, 72, 117], help="images of each class")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arguments = write(folder, args.conditions, args.seeds, args.sizes)
        start, cpu = time.perf_counter(), time.process_time()
        assert step(arguments) == 0
        print("| runs | images | seconds | of processor time | peak memory, MiB |\n|---|---|---|---|---|")
        print(
            f"| {args.conditions * args.seeds} | {sum(args.sizes)} | {time.perf_counter() - start:.1f} | "
            f"{time.process_time() - cpu:.1f} | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} |"
        )


def write(folder: Path, conditions: int, seeds: int, sizes: list[int]) -> list[str]:
    """Files of a study; the arguments of the step."""
    design, outcomes = study(conditions, seeds, sizes)
    names = [f"loss{number}-{'oversampling' if number % 2 else 'uniform'}" for number in range(conditions)]
    renamed = dict(zip(design.conditions, names, strict=True))
    rows = [
        {"subject": f"s{i}", "group": f"s{i}", "cohort": "x", "class": CLASSES[label], "label": str(label)}
        for i, label in enumerate(design.labels.tolist())
    ]
    paths = []
    for (condition, seed), outcome in outcomes.items():
        path = folder / "runs" / "study" / "toy" / renamed[condition] / seed / "predictions.csv"
        path.parent.mkdir(parents=True)
        path.write_text(predictions_csv(rows, CLASSES, outcome.probabilities))
        paths.append(str(path))
    samples = folder / "datasets" / "toy" / "samples.csv"
    samples.parent.mkdir(parents=True)
    head = "subject,group,cohort,class,label,split,image_sha256"
    training = [
        f"t{i},t{i},x,{CLASSES[label]},{label},train,0" for i, label in enumerate(np.repeat(design.labels, 3).tolist())
    ]
    samples.write_text("\n".join([head, *training]) + "\n")
    known = [{"condition": name, "loss": "ce", "sampling": name.partition("-")[2], "weighted": False} for name in names]
    return [
        *("statistics", "--conditions", json.dumps(known), "--evaluation", json.dumps({"baseline": names[0]})),
        *("--samples", str(samples), "--out", str(folder / "out"), "--predictions", *paths),
    ]


if __name__ == "__main__":
    main()
