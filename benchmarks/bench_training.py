"""Speed and memory of training, measured against other ways in one run; writes a section of docs/benchmarks.md.

python benchmarks/bench_training.py [--out docs/benchmarks.md]

Everything is on the CPU with one thread for each process. The chief number is CPU time, that of the process and its
workers together, which other work on the machine disturbs least; wall time stands beside it.
"""

import argparse
import csv
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import metadata
from itertools import islice
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
import torch
from torch import Tensor

from imbalance_aware.files import write_text
from imbalance_aware.image_digests import image_digest, short
from imbalance_aware.runs.settings import Augmentation2D, Augmentation3D
from imbalance_aware.tables.samples import COLUMNS
from imbalance_aware.training.augment_cpu import by_channel
from measure import best, job, peak_memory, timed
from training_rivals import MONAI, installed, monai
from training_work import BATCHES, CASES, Case, fixed, our_steps, plain_steps

ROUNDS = 3
#: Batches of a round. Workers are in the midst of a batch at both its ends: of ten batches, that would be a tenth.
MEASURED = 4 * BATCHES
BEGIN, END = "<!-- training: written by benchmarks/bench_training.py -->", "<!-- end of training -->"


def consume(batches: Iterator[Tensor], count: int) -> None:
    for batch in islice(batches, count):
        assert batch.numel()


def input_path(case: Case) -> list[list[str]]:
    """Rows of a table: who, samples per second, CPU milliseconds for each sample, ratio."""
    sources = {"this project": lambda *_: case.ours()} | installed(case.crop)
    results = {}
    for name, make in sources.items():
        batches = make(case.images, case.batch_size, case.crop)
        # Workers fetch ahead: what they have in store when they start is taken first.
        consume(batches, BATCHES)
        results[name] = best(
            [timed(lambda batches=batches: consume(batches, MEASURED)) for _ in range(ROUNDS)],
            MEASURED * case.batch_size,
        )
        del batches
    ours = results["this project"]
    return [
        [name, f"{1 / wall:.0f}", f"{1e3 * cpu:.2f}", f"{cpu / ours[1]:.1f}", f"{wall / ours[0]:.1f}"]
        for name, (wall, cpu) in results.items()
    ]


def parts_of_a_sample(case: Case) -> list[list[str]]:
    """Rows of a table: what a photograph with changed intensities cannot do without, CPU milliseconds of each."""
    lookup = torch.rand(256)
    batch = torch.empty(case.batch_size, *case.shape[1:], case.shape[0])
    indices = torch.zeros(batch.shape[1:], dtype=torch.int32)
    parts = {
        "copy the stored image": lambda image, out: image.copy(),
        "put its colours side by side, as 32-bit indices": lambda image, out: by_channel(image, indices),
        "look up each value, into the batch": lambda image, out: torch.index_select(
            lookup, 0, indices.view(-1), out=out.view(-1)
        ),
        "of this, write float32 into the batch": lambda image, out: out.fill_(0.5),
    }

    def all_images(part: Callable) -> None:
        for position, image in enumerate(case.images):
            part(image, batch[position % case.batch_size])

    measured = {name: [timed(partial(all_images, part)) for _ in range(ROUNDS)] for name, part in parts.items()}
    return [[name, f"{1e3 * best(values, len(case.images))[1]:.3f}"] for name, values in measured.items()]


#: What a step consists of -> torch's names for it.
OPERATIONS = {
    "convolutions, backward": ("aten::convolution_backward",),
    "convolutions, forward": ("aten::mkldnn_convolution",),
    "batch normalisation": ("aten::native_batch_norm", "aten::native_batch_norm_backward"),
    "ReLU": ("aten::threshold_backward", "aten::clamp_min_"),
    "Adam": ("aten::_fused_adam_",),
}


def whole_step(case: Case) -> list[list[str]]:
    """Rows of a table: who, wall and CPU seconds for each step, ratio to the bare step."""
    runners = {
        "bare step on a fixed batch": plain_steps(case, fixed(case)),
        "this project": our_steps(case),
    }
    if MONAI in installed(case.crop):
        runners[f"fed by {MONAI}"] = plain_steps(case, monai(case.images, case.batch_size, case.crop))
    measured = {name: [] for name in runners}
    for steps in runners.values():
        steps(1)
    for _ in range(ROUNDS):
        for name, steps in runners.items():
            measured[name].append(timed(lambda steps=steps: steps(case.steps)))
    results = {name: best(values, case.steps) for name, values in measured.items()}
    floor = results["bare step on a fixed batch"]
    return [
        [name, f"{wall:.3f}", f"{cpu:.3f}", f"{cpu / floor[1]:.2f}", f"{wall / floor[0]:.2f}"]
        for name, (wall, cpu) in results.items()
    ]


def profile(case: Case) -> list[list[str]]:
    """Rows of a table: part of a training step, share of its time."""
    steps = our_steps(case)
    steps(1)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        start = time.perf_counter()
        steps(case.steps)
        total = time.perf_counter() - start
    seconds = {event.key: event.self_cpu_time_total / 1e6 for event in profiler.key_averages()}
    shares = {part: sum(seconds.get(name, 0) for name in names) for part, names in OPERATIONS.items()}
    shares["other operations of torch"] = sum(seconds.values()) - sum(shares.values())
    shares["making the batch, Python"] = max(0.0, total - sum(seconds.values()))
    return [[part, f"{100 * share / total:.0f} %"] for part, share in shares.items()]


def training_job(folder: Path, shape: tuple[int, ...], dtype: str, batch_size: int, small: bool) -> list[str]:
    """Command of a run of one epoch of one step."""
    folder.mkdir()
    count = batch_size + 3
    rng = np.random.default_rng(0)
    images = rng.random((count, *shape), dtype=np.float32).astype(dtype)
    np.save(folder / "images.npy", images)
    with (folder / "samples.csv").open("w", newline="") as handle:
        rows = [
            [row, "c", "ab"[row % 2], row % 2, "train" if row < batch_size else "test", short(image_digest(image))]
            for row, image in enumerate(images)
        ]
        csv.writer(handle).writerows([COLUMNS, *rows])
    augmentation = Augmentation2D() if len(shape) == 3 else Augmentation3D()
    settings = {
        "condition": {"loss": {"ce": 1}},
        "training": {"epochs": 1, "batch_size": batch_size, "device": "cpu"},
        "augmentation": augmentation.model_dump(mode="json"),
    }
    if small:
        settings["model"] = {"blocks": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "stem_kernel": 3}
    files = ["--images", f"{folder}/images.npy", "--samples", f"{folder}/samples.csv", "--out", f"{folder}/run"]
    return ["-m", "imbalance_aware", "train", *files, "--settings", json.dumps(settings), "--seed", "0", "--code", "0"]


def start_up(folder: Path) -> list[list[str]]:
    """Rows of a table: what starts, wall and CPU seconds."""
    tiny = training_job(folder / "tiny", (3, 16, 16), "uint8", 8, small=True)
    commands = {
        "python -c 'import torch'": ["-c", "import torch"],
        "a whole training job, of one tiny step": tiny,
    }
    rows = []
    for name, command in commands.items():
        runs = [job(command) for _ in range(ROUNDS)]
        rows.append([f"`{name}`" if "python" in name else name, *(f"{value:.2f}" for value in best(runs, 1))])
    return rows


def memory(folder: Path) -> list[list[str]]:
    """Rows of a table: the paper's settings, peak memory in MB (see `peak_memory`)."""
    jobs = {
        "2D, 240 x 240, batch 50": ((3, 240, 240), "uint8"),
        "3D, 64³ from 96³, 4 channels, batch 50": ((4, 96, 96, 96), "float16"),
    }
    rows = []
    for number, (name, (shape, dtype)) in enumerate(jobs.items()):
        peaks = peak_memory(training_job(folder / f"memory-{number}", shape, dtype, 50, small=False))
        rows.append([name, *(f"{peak:.0f}" for peak in peaks)])
    return rows


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, numbers to the right."""
    rule = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *rows])


def versions() -> str:
    """Packages that are compared."""
    found = [name for name in ("torch", "monai", "torchio", "scikit-image", "scipy") if distribution_version(name)]
    return ", ".join(f"{name} {distribution_version(name)}" for name in found)


def distribution_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def section(folder: Path) -> str:
    """The text of the section."""
    cpu = next(
        (line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    parts = [
        "## Training",
        f"`python benchmarks/bench_training.py` on {cpu} ({os.cpu_count()} cores, with other work on "
        f"the machine): {versions()}.",
        f"One thread for each process; the fastest of {ROUNDS} rounds counts. CPU time includes that of the workers "
        "and is more reliable than wall time on a busy machine. The path for GPUs has not been measured, because no "
        "GPU was available.",
        "### Input: from stored images to changed batches",
        "The other libraries use two worker processes, this project none. *Times ours*: how much more CPU time (or, in "
        "the last column, wall time) each takes.",
    ]
    reached = []
    for case in CASES:
        header = [case.name, "samples / s", "CPU ms / sample", "times ours (CPU)", "times ours (wall)"]
        rows = input_path(case)
        parts.append(table(header, rows))
        reached += [f"{row[3]} ({case.name})" for row in rows if row[0] == MONAI]
    parts.append(
        "The aim is that MONAI takes at least 7 times as much CPU time in 2D and 5 times in 3D: here it takes "
        f"{', '.join(reached)}. This ratio\nchanges by a tenth or more from run to run, mostly because of MONAI's time."
    )
    parts.append(table([f"parts of a changed sample, {CASES[1].name}", "CPU ms"], parts_of_a_sample(CASES[1])))
    parts.append(
        "Unavoidable work takes most of the time of a changed photograph: values stored colour by colour have to be "
        "interleaved,\nlooked up (torch's sigmoid alone takes longer) and written as four times as many bytes. A copy "
        "of all images with\ninterleaved colours would save the first step, but would take as much memory as the "
        "images in every job, whereas now\nall jobs of a machine share them in one file."
    )
    parts += [
        "### A whole training step",
        "ResNet-34, widths 32-256, forward, backward and Adam. *Times bare*: against the same step on one batch that "
        "never changes.",
    ]
    for case in CASES:
        header = [case.name, "wall s / step", "CPU s / step", "times bare (CPU)", "times bare (wall)"]
        parts.append(table(header, whole_step(case)))
    parts += [
        "### Where the time of a step goes",
    ]
    parts += [table([case.name, "share of time"], profile(case)) for case in (CASES[0], CASES[-1])]
    parts += ["### Start-up", table(["", "wall s", "CPU s"], start_up(folder))]
    parts += [
        "### Peak memory of a job",
        "Stored images are mapped from their file and shared by all jobs of a machine: the pages that were read count "
        "in the first column, but a second job does not need them again.",
        table(["the paper's settings on the CPU", "MB", "MB without mapped files"], memory(folder)),
    ]
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"), help="page to write the section into")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        text = f"{BEGIN}\n{section(Path(folder))}\n{END}"
    page = out.read_text(encoding="utf-8") if out.exists() else "# Benchmarks\n"
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    write_text(out, f"{before.rstrip()}\n\n{text}\n{after.lstrip()}".rstrip())
    print(text)


if __name__ == "__main__":
    main()
