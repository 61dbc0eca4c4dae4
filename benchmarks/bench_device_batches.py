"""Launches and memory traffic of the batches made on a device, before and after a change of the code.

python benchmarks/bench_device_batches.py --before 620cc8d [--device cuda] [--out docs/benchmarks.md]

Writes a section of docs/benchmarks.md. Needs git and the revision to compare with.

Launches and bytes are counted by `device_counter.Counter`, on tensors that have shapes but no data (torch's device
`meta`), where anything that waits for a value is an error.

Timed on the device asked for: on the CPU with one thread (CPU time), beside the path for CPUs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
import torch

from device_counter import Counter
from imbalance_aware.runs.settings import Augmentation2D, Augmentation3D
from imbalance_aware.training.augmentation import AugmentationParameters, sample_parameters
from imbalance_aware.training.batches import CpuImages, DeviceImages
from page_section import replace_section

CHECKOUT = Path(__file__).resolve().parents[1]
META = torch.device("meta")
#: The paper's settings: name -> augmentation, shape of an image, samples in a batch.
CASES = {
    "3D, 64³ from 96³, 4 channels, batch 50": (Augmentation3D(), (4, 96, 96, 96), 50),
    "2D, 240 x 240, 3 channels, batch 50": (Augmentation2D(), (3, 240, 240), 50),
}
#: Batches of an epoch. Their changes are drawn as in training.
BATCHES = 10
#: The least time of so many rounds counts.
ROUNDS = 3
#: Samples of a batch that is timed, and batches of a round, by device: a CPU is slower, a GPU needs full batches.
TIMED = {"cpu": (10, 4), "cuda": (50, 20)}

NOTES = """\
- Gamma and contrast are look-up tables, computed once an epoch in float64 and rounded to float32, contrast only
  for the images that have it. In a step they are one look-up, of the same shape whatever was drawn. This
  costs memory traffic: with its indices 1 + 4 + 4 + 4 bytes for each voxel, whereas a power without contrast
  would read 1 and write 4.
- The blur is one batched matrix product for each axis, in float32: TF32 and autocast are off for it. Most of a
  matrix is zeros, which are multiplied too. Without blur in the settings there is no product."""


def epoch(
    augmentation, shape: tuple[int, ...], batch_size: int, count: int
) -> tuple[list[np.ndarray], AugmentationParameters]:
    """Rows and parameters of an epoch on a dataset of as many images as a batch."""
    return [np.arange(batch_size)] * count, sample_parameters(
        augmentation, count * batch_size, shape[1:], seed=0, epoch=0
    )


def counted(augmentation, shape: tuple[int, ...], batch_size: int) -> dict[str, float]:
    """What a step costs, and what an epoch costs beside its steps."""
    images = DeviceImages(np.zeros((batch_size, *shape), dtype=np.uint8), META)
    batches = images.batches(*epoch(augmentation, shape, batch_size, BATCHES))
    with Counter() as counter:
        # With the first batch comes what is made for all.
        next(batches)
        first = counter.launches, counter.bytes
        counter.reset()
        for _ in batches:
            pass
    launches, traffic = counter.launches / (BATCHES - 1), counter.bytes / (BATCHES - 1)
    return {
        "launches": launches,
        "GB": traffic / 1e9,
        "GFLOP": counter.flops / (BATCHES - 1) / 1e9,
        "launches, epoch": first[0] - launches,
        "GB, epoch": (first[1] - traffic) / 1e9,
    }


def timed(make: Callable[[np.ndarray], object], augmentation, shape: tuple[int, ...], device: str) -> float:
    """Milliseconds for each sample, its share of what is made once an epoch included."""
    batch_size, count = TIMED[device]
    images = make(np.random.default_rng(0).integers(0, 256, (batch_size, *shape), dtype=np.uint8))
    rows, parameters = epoch(augmentation, shape, batch_size, count)
    # Other work on the machine disturbs CPU time less; it does not tell how long a GPU takes.
    clock, times = {"cpu": time.process_time, "cuda": time.perf_counter}[device], []
    for _ in range(ROUNDS):
        start = clock()
        for _ in images.batches(rows, parameters):
            pass
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(clock() - start)
    return 1e3 * min(times) / (count * batch_size)


def measured(device: str) -> dict[str, dict[str, float]]:
    """All numbers of the code that is imported, by case."""
    torch.set_num_threads(1)
    results = {}
    for name, (augmentation, shape, batch_size) in CASES.items():
        results[name] = counted(augmentation, shape, batch_size)
        on_device = partial(DeviceImages, device=torch.device(device))
        results[name]["ms"] = timed(on_device, augmentation, shape, device)
        results[name]["ms, path for CPUs"] = timed(CpuImages, augmentation, shape, "cpu")
    return results


def measured_at(source: Path, device: str) -> dict[str, dict[str, float]]:
    """`measured` with the package in the folder ``source``."""
    command = [sys.executable, __file__, "--measure", "--device", device]
    environment = os.environ | {"PYTHONPATH": str(source)}
    return json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)


def measured_before(revision: str, device: str) -> dict[str, dict[str, float]]:
    """`measured` with the package of a revision."""
    with tempfile.TemporaryDirectory() as folder:
        archive = ["git", "-C", str(CHECKOUT), "archive", "--format=tar", revision, "src"]
        packed = subprocess.run(archive, check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["tar", "x", "-C", folder], input=packed, check=True)
        return measured_at(Path(folder) / "src", device)


def page(before: dict, after: dict, revision: str, device: str) -> str:
    """The section, Markdown."""
    lines = [
        "## Batches made on a GPU",
        "",
        f"`python benchmarks/bench_device_batches.py --before {revision}`, torch {torch.__version__}.",
        "",
        "Launches and memory traffic of one training step's batch, counted on tensors without data by the rules of",
        f"`benchmarks/device_counter.py`. *Before* is the code at revision `{revision}`; *once an epoch* is what all",
        f"batches of an epoch share, here {BATCHES}. The paper's settings, stored as uint8.",
        "",
        NOTES,
        "",
        "| a batch | | launches | GB read and written | GFLOP in matrix products | launches, once an epoch | "
        "GB, once an epoch |",
        "| --- | --- | --: | --: | --: | --: | --: |",
    ]
    for case in CASES:
        for label, values in (("before", before[case]), ("after", after[case])):
            lines.append(
                f"| {case} | {label} | {values['launches']:.0f} | {values['GB']:.2f} | {values['GFLOP']:.1f} | "
                f"{values['launches, epoch']:.0f} | {values['GB, epoch']:.3f} |"
            )
    place = torch.cuda.get_device_name() if device == "cuda" else "the CPU, since no GPU was available"
    lines += [
        "",
        f"The same code timed on {place}, and the path for CPUs in the same run (on a CPU:",
        "CPU time of one thread):",
        "",
        "| ms for each sample | before | after | path for CPUs |",
        "| --- | --: | --: | --: |",
    ]
    for case, values in after.items():
        sample = case.rpartition(",")[0]
        lines.append(
            f"| {sample} | {before[case]['ms']:.3f} | {values['ms']:.3f} | {values['ms, path for CPUs']:.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", help="revision to compare with")
    parser.add_argument("--device", choices=list(TIMED), default="cpu", help="what is timed (default: cpu)")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "docs/benchmarks.md", help="page with the section")
    parser.add_argument("--measure", action="store_true", help="only print the numbers of the imported code (JSON)")
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measured(args.device)))
        return
    if not args.before:
        parser.error("--before is required")
    before, after = measured_before(args.before, args.device), measured_at(CHECKOUT / "src", args.device)
    replace_section(args.out, "device batches", Path(__file__).name, page(before, after, args.before, args.device))


if __name__ == "__main__":
    main()
