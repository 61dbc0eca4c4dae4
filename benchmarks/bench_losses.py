"""Time of value and gradient of the losses, as multiples of torch's cross-entropy: one table (Markdown) on stdout.

    OMP_NUM_THREADS=1 python benchmarks/bench_losses.py [--device cuda] [--rounds 150] [--sizes 10x3 4096x1000]

Losses of MONAI, segmentation-models-pytorch (smp) and imbalanced-losses are measured too if those libraries can be
imported and have the loss. Every round times every loss in turn and the least time of all rounds counts, so that other
work on the machine affects all equally. Where two rows compute the same, their values are checked to agree.
"""

import argparse
import importlib.metadata
import importlib.util
import platform
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from imbalance_aware.losses import CrossEntropyLoss, FocalLoss, SoftF1Loss, SoftMCCLoss

SIZES = ["10x3", "50x3", "512x3", "4096x3", "64x100", "4096x100", "64x1000", "1024x1000", "4096x1000"]
REFERENCE = "cross-entropy"
TURN_S = 0.002


class Row(NamedTuple):
    """What is computed, by whom, and the function from the number of classes to the loss (logits, target) -> value."""

    formula: str
    library: str
    make: Callable[[int], Callable[[Tensor, Tensor], Tensor]]


def one_hot(target: Tensor, logits: Tensor) -> Tensor:
    return functional.one_hot(target, logits.shape[1]).to(logits.dtype)


def on_one_hot(loss: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda logits, target: loss(logits, one_hot(target, logits))


def as_image(loss: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """The batch as the pixels of one image, ``(1, C, B)``: the form in which smp's losses sum over samples."""
    return lambda logits, target: loss(logits.t().unsqueeze(0), target.unsqueeze(0))


class Empty(torch.autograd.Function):
    """A node written in Python whose gradient is one product: below it no loss with a closed form can come."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> Tensor:
        ctx.save_for_backward(logits)
        return logits.new_zeros(())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (logits,) = ctx.saved_tensors
        return logits * gradient


def rows_of_ours() -> list[Row]:
    return [
        Row(REFERENCE, "torch", lambda classes: nn.CrossEntropyLoss()),
        Row("empty node", "torch", lambda classes: lambda logits, target: Empty.apply(logits)),
        Row(REFERENCE, "ours", lambda classes: CrossEntropyLoss()),
        Row("focal", "ours", lambda classes: FocalLoss()),
        Row("soft F1, macro", "ours", lambda classes: SoftF1Loss()),
        Row("soft MCC, R_K", "ours", lambda classes: SoftMCCLoss()),
        Row("soft MCC, macro", "ours", lambda classes: SoftMCCLoss("macro")),
        Row("soft MCC, pearson", "ours", lambda classes: SoftMCCLoss("pearson")),
        Row("soft F1, queue of 512", "ours", lambda classes: SoftF1Loss(queue_size=512, num_classes=classes)),
        Row("soft MCC, queue of 512", "ours", lambda classes: SoftMCCLoss(queue_size=512, num_classes=classes)),
    ]


def rows_of_monai() -> list[Row]:
    from monai.losses import DiceLoss, FocalLoss, MCCLoss

    def focal(classes: int) -> Callable[[Tensor, Tensor], Tensor]:
        loss = FocalLoss(gamma=2, use_softmax=True, reduction="sum")
        return lambda z, t: loss(z.unsqueeze(2), one_hot(t, z).unsqueeze(2)) / len(z)

    exact = {"softmax": True, "batch": True, "smooth_nr": 0, "smooth_dr": 1e-12}
    return [
        Row("focal", "MONAI", focal),
        Row("soft F1, macro", "MONAI", lambda classes: on_one_hot(DiceLoss(**exact))),
        Row("soft MCC, macro", "MONAI", lambda classes: on_one_hot(MCCLoss(**exact))),
    ]


def rows_of_smp() -> list[Row]:
    from segmentation_models_pytorch.losses import DiceLoss

    return [Row("soft F1, macro", "smp", lambda classes: as_image(DiceLoss("multiclass")))]


def rows_of_imbalanced_losses() -> list[Row]:
    from imbalanced_losses import SoftmaxFocalLoss

    return [Row("focal", "imbalanced-losses", lambda classes: SoftmaxFocalLoss(gamma=2.0))]


RIVALS = {
    "monai": rows_of_monai,
    "segmentation_models_pytorch": rows_of_smp,
    "imbalanced_losses": rows_of_imbalanced_losses,
}


def times_us(rows: list[Row], samples: int, classes: int, rounds: int, device: str) -> list[float]:
    """Least time of value and gradient of each row, in microseconds."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(samples, classes, generator=generator).to(device).requires_grad_()
    target = torch.randint(classes, (samples,), generator=generator).to(device)
    losses = [row.make(classes) for row in rows]
    losses = [loss.to(device) if isinstance(loss, nn.Module) else loss for loss in losses]
    check_agreement(rows, [loss(logits, target).item() for loss in losses], logits, target)

    def step(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
        logits.grad = None
        loss(logits, target).backward()

    def seconds(loss: Callable[[Tensor, Tensor], Tensor], repeats: int) -> float:
        start = time.perf_counter()
        for _ in range(repeats):
            step(loss)
        if device != "cpu":
            torch.cuda.synchronize()
        return (time.perf_counter() - start) / repeats

    best = [seconds(loss, 3) for loss in losses]
    for _ in range(rounds):
        best = [min(least, seconds(loss, int(TURN_S / least) + 1)) for least, loss in zip(best, losses, strict=True)]
    return [1e6 * least for least in best]


def check_agreement(rows: list[Row], values: list[float], logits: Tensor, target: Tensor) -> None:
    """Rows of one formula have one value; smp's soft F1 differs where a class is absent from the batch."""
    every_class_present = len(target.unique()) == logits.shape[1]
    reference: dict[str, float] = {}
    for row, value in zip(rows, values, strict=True):
        if row.library == "smp" and not every_class_present:
            continue
        expected = reference.setdefault(row.formula, value)
        if abs(value - expected) > 1e-4 * max(1, abs(expected)):
            raise SystemExit(f"{row.formula} by {row.library} is {value}, by others {expected}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="BxC", help="samples x classes")
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.set_num_threads(1)

    rows, versions = rows_of_ours(), [f"torch {torch.__version__}"]
    for module, rows_of_rival in RIVALS.items():
        if importlib.util.find_spec(module) is None:
            versions.append(f"{module} not installed")
            continue
        versions.append(f"{module} {importlib.metadata.version(module.replace('_', '-'))}")
        rows += rows_of_rival()
    rows.sort(key=lambda row: row.formula)

    columns = []
    for size in args.sizes:
        samples, classes = map(int, size.split("x"))
        columns.append(times_us(rows, samples, classes, args.rounds, args.device))

    where = platform.processor() or platform.machine()
    print(f"{args.device.upper()} ({where}), 1 thread; Python {platform.python_version()}; {', '.join(versions)}\n")
    print("| value + gradient | by | " + " | ".join(size.replace("x", " × ") for size in args.sizes) + " |")
    print("|---|---|" + "---:|" * len(columns))
    for i, row in enumerate(rows):
        cells = [f"{column[i]:.0f} µs" if i == 0 else f"{column[i] / column[0]:.1f}" for column in columns]
        print(f"| {row.formula} | {row.library} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
