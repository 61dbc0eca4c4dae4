"""Training steps one by one, with a compiled network, and as one CUDA graph (training.compile, training.capture).

python benchmarks/bench_captured.py --device cuda [--rounds 5] [--out docs/benchmarks.md]

Every way of training is the training loop itself, on the same images and settings, in one process. An epoch is timed
from its first step to the moment when its loss is known, so nothing is left to do on the GPU. The first epochs are not
counted: kernels are chosen, the network is compiled, the graph is recorded. The fastest of the others counts.

Without --device cuda, nothing is timed: only the launches of a step are counted (`device_counter.Counter`), on
tensors without data, without those of the optimiser. --tiny runs all ways that a CPU can run on tiny images, the graph
replaced by calls of the step, to see that the script works; the times mean nothing.
"""

import argparse
import gc
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from device_counter import without_data
from imbalance_aware.runs.select_device import select_device
from imbalance_aware.runs.settings import (
    Augmentation,
    Augmentation2D,
    Augmentation3D,
    ConditionSettings,
    ModelSettings,
    RunSettings,
    TrainingSettings,
)
from imbalance_aware.training import captured
from imbalance_aware.training.augment_device import DeviceImages
from imbalance_aware.training.data import Dataset, Split
from imbalance_aware.training.device import Device
from imbalance_aware.training.loop import Training, begin
from page_section import replace_section

CHECKOUT = Path(__file__).resolve().parents[1]
CLASSES = ("a", "b", "c")
TINY_MODEL = ModelSettings(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), stem_kernel=3)
#: Whole batches of an epoch.
BATCHES = 20
#: Epochs before those that are timed.
BEFORE = 2


class Case:
    """One kind of images, with the paper's settings but for the batch size."""

    def __init__(self, shape: tuple[int, ...], batch_size: int, augmentation: Augmentation, model=ModelSettings()):  # noqa: B008
        self.shape, self.batch_size, self.augmentation, self.model = shape, batch_size, augmentation, model

    def images(self) -> np.ndarray:
        """One batch of noise, which all batches share."""
        return np.random.default_rng(0).integers(0, 256, (self.batch_size, *self.shape), dtype=np.uint8)

    def training(self, images: np.ndarray, device: Device, epochs: int, **ways: bool) -> Training:
        """A run of this case."""
        settings = RunSettings(
            condition=ConditionSettings(loss={"ce": 1, "soft_mcc": 1}),
            model=self.model,
            training=TrainingSettings(batch_size=self.batch_size, epochs=epochs, **ways),
            augmentation=self.augmentation,
        )
        places = np.arange(BATCHES * self.batch_size)
        train, none = Split(places % self.batch_size, places % 3, ()), Split(places[:0], places[:0], ())
        dataset = Dataset(images, CLASSES, train, none, none, "")
        return begin(settings, 0, dataset, device, images=DeviceImages(images, device.torch_device))


CASES = {
    "2D, 96 x 96, batch 50": Case((3, 96, 96), 50, Augmentation2D()),
    "2D, 240 x 240, batch 50": Case((3, 240, 240), 50, Augmentation2D()),
    "2D, 240 x 240, batch 10": Case((3, 240, 240), 10, Augmentation2D()),
    "3D, 64³ from 96³, 4 channels, batch 10": Case((4, 96, 96, 96), 10, Augmentation3D()),
}
TINY = {"2D, 16 x 16, batch 8": Case((2, 16, 16), 8, Augmentation2D(), TINY_MODEL)}
WAYS: dict[str, dict[str, bool]] = {
    "one by one": {},
    "compiled": {"compile": True},
    "captured": {"capture": True},
    "captured, compiled": {"compile": True, "capture": True},
}


class Called:
    """In place of `captured.CudaGraphs` where there are none: a step that is replayed is called."""

    def warm_up(self, work: Callable[[], None]) -> None:
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        return work


def seconds(case: Case, device: Device, rounds: int, ways: dict[str, bool]) -> tuple[float, float]:
    """Of a step, the fastest epoch's mean; and of all epochs before those that are timed together."""
    if ways.get("compile"):
        torch.compiler.reset()  # else the networks of later cases exceed its limit, and are not compiled
    gc.collect()
    if device.torch_device.type == "cuda":
        torch.cuda.empty_cache()
    training, times = case.training(case.images(), device, BEFORE + rounds, **ways), [time.perf_counter()]
    training.run(lambda: None, lambda: times.append(time.perf_counter()))
    epochs = np.diff(times)
    return float(epochs[BEFORE:].min()) / BATCHES, float(epochs[:BEFORE].sum())


def launches(case: Case) -> int:
    """Of a step, without those of the optimiser."""
    training = case.training(case.images(), Device(torch.device("meta"), "float32"), 1)
    steps = iter(training._one_by_one(training._drawn(0)))
    with without_data() as (counter, _):
        next(steps)()
        counter.reset()
        next(steps)()
    return counter.launches


def counted(cases: dict[str, Case]) -> list[str]:
    """A table of launches."""
    rows = [f"| {name} | {launches(case)} | 1 |" for name, case in cases.items()]
    head = ["| a step | launches one by one, at least | launches as a graph |", "| --- | --: | --: |"]
    return [*head, *rows]


def timed(cases: dict[str, Case], device: Device, rounds: int, ways: list[str]) -> list[str]:
    """A table of times."""
    lines = [
        "| | a step, ms | times one by one | the first epochs, s |",
        "| --- | --: | --: | --: |",
    ]
    for name, case in cases.items():
        base = None
        for way in ways:
            step, before = seconds(case, device, rounds, WAYS[way])
            base = base or step
            lines.append(f"| {name}: {way} | {1e3 * step:.2f} | {step / base:.2f} | {before:.1f} |")
    return lines


def page(device: str, rounds: int, tiny: bool) -> str:
    """The section, Markdown."""
    cases = TINY if tiny else CASES
    lines = [
        "## A step as one CUDA graph",
        "",
        "`python benchmarks/bench_captured.py --device cuda --out docs/benchmarks.md` measures on a GPU, in one",
        "process, what `training.capture` and `training.compile` are worth there, and rewrites this section. It takes",
        "a few minutes, most of them for `compile`.",
        "",
        "Kernels that a step launches one after the other, counted on tensors without data by the rules of",
        f"`benchmarks/device_counter.py`, without those of the optimiser (torch {torch.__version__}):",
        "",
        *counted(cases),
        "",
    ]
    if device == "cpu" and not tiny:
        return "\n".join([*lines, "**Not timed, and never run on a GPU:** no GPU was available."])
    if device == "cpu":
        captured.CudaGraphs = Called  # type: ignore[assignment, misc]  # where there is no CUDA
        chosen, ways = Device(torch.device("cpu"), "float32"), ["one by one", "captured"]
        place = "a CPU, where the graph is replaced by calls of the step: these times mean nothing"
    else:
        chosen, ways = select_device(TrainingSettings(device="cuda"), threads=1), [*WAYS]
        place = f"{torch.cuda.get_device_name()}, {chosen.precision}"
    lines += [f"Timed on {place}; the fastest of {rounds} epochs of {BATCHES} steps:", ""]
    return "\n".join([*lines, *timed(cases, chosen, rounds, ways)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="default: cpu, which times nothing")
    parser.add_argument("--rounds", type=int, default=5, help="epochs of which the fastest counts (default: 5)")
    parser.add_argument("--tiny", action="store_true", help="tiny images, to see that the script works")
    parser.add_argument("--out", type=Path, help="page to write the section into (default: only print it)")
    args = parser.parse_args()
    text = page(args.device, args.rounds, args.tiny)
    print(text)
    if args.out:
        replace_section(args.out, "captured steps", Path(__file__).name, text)


if __name__ == "__main__":
    main()
