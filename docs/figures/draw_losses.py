"""Draw the figures of docs/losses.md beside this file, as PNG and PDF: ``python docs/figures/draw_losses.py``.

``loss_surfaces``: the losses of a two-parameter classifier on an imbalanced problem whose best thresholds are known.
``loss_gradients``: how much gradient is left on the way to collapse, and how well a batch's gradient points where the
gradient of all samples points.
"""

from pathlib import Path
from statistics import NormalDist

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import BoundaryNorm
from torch import Tensor, nn

from imbalance_aware.losses.build import build_loss

FOLDER = Path(__file__).resolve().parent
# Okabe and Ito's palette, distinct under colour blindness.
BLACK, ORANGE, SKY, GREEN, BLUE, RED = "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00"
STYLE = {
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "pdf.fonttype": 42,
}

NEGATIVES, POSITIVES, DISTANCE = 900, 100, 2.0
SURFACES = {
    "cross-entropy": {"ce": 1},
    "focal, γ = 2": {"focal": 1},
    "balanced softmax": {"balanced_softmax": 1},
    "soft F1": {"soft_f1": 1},
    "soft MCC": {"soft_mcc": 1},
    "cross-entropy + soft MCC": {"ce": 1, "soft_mcc": 1},
}

LINES = {
    "cross-entropy": ({"ce": 1}, {}, BLACK, "-"),
    "focal": ({"focal": 1}, {}, ORANGE, "-"),
    "soft F1": ({"soft_f1": 1}, {}, SKY, "-"),
    "soft MCC": ({"soft_mcc": 1}, {}, RED, "-"),
    "CE + soft MCC": ({"ce": 1, "soft_mcc": 1}, {}, GREEN, "-"),
    "soft MCC, queue of 500": ({"soft_mcc": 1}, {"soft_mcc": {"queue_size": 500}}, RED, "--"),
}


def normal_quantiles(mean: float, count: int) -> np.ndarray:
    """A sample that represents a normal distribution of variance 1 without chance: its evenly spaced quantiles."""
    return np.array([NormalDist(mean).inv_cdf((i + 0.5) / count) for i in range(count)])


def draw_surfaces() -> plt.Figure:
    feature = torch.tensor(np.concatenate((normal_quantiles(0, NEGATIVES), normal_quantiles(DISTANCE, POSITIVES))))
    target = torch.tensor([0] * NEGATIVES + [1] * POSITIVES)
    thresholds, steepness = np.linspace(-0.5, 4, 73), np.geomspace(0.3, 30, 61)
    # Where both densities are equal, and where both densities times their frequencies are.
    balanced = DISTANCE / 2
    frequent = DISTANCE / 2 + np.log(NEGATIVES / POSITIVES) / DISTANCE

    figure, axes = plt.subplots(2, 3, figsize=(7.2, 4.6), sharex=True, sharey=True, layout="constrained")
    for ax, (title, terms) in zip(axes.flat, SURFACES.items(), strict=True):
        loss = build_loss(terms, class_counts=[NEGATIVES, POSITIVES]).double()
        values = np.array([[loss(a * (feature - b), target).item() for b in thresholds] for a in steepness])
        # Levels are quantiles: every loss has its own unit, and only shapes are compared.
        levels = np.unique(np.quantile(values, np.linspace(0, 1, 13)))
        ax.contourf(thresholds, steepness, values, levels=levels, cmap="cividis_r", norm=BoundaryNorm(levels, 256))
        for x, dash in ((balanced, "--"), (frequent, ":")):
            ax.axvline(x, color="black", linestyle=dash, linewidth=1)
        row, column = np.unravel_index(values.argmin(), values.shape)
        ax.plot(thresholds[column], steepness[row], "o", color=ORANGE, markeredgecolor="black", clip_on=False, zorder=5)
        ax.set(title=title, yscale="log")
    for ax in axes[-1]:
        ax.set_xlabel("threshold b")
    for ax in axes[:, 0]:
        ax.set_ylabel("steepness a")
    handles = [
        plt.Line2D(
            [], [], color=ORANGE, marker="o", markeredgecolor="black", linestyle="", label="minimum of the loss"
        ),
        plt.Line2D([], [], color="black", linestyle="--", label="best balanced accuracy"),
        plt.Line2D([], [], color="black", linestyle=":", label="best accuracy"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def gradient_norm(loss: nn.Module, logits: Tensor, target: Tensor) -> float:
    logits = logits.clone().requires_grad_()
    loss(logits, target).backward()
    return logits.grad.norm().item()


def draw_gradients() -> plt.Figure:
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.9), layout="constrained")
    generator = torch.Generator().manual_seed(0)
    target = torch.repeat_interleave(torch.arange(3), torch.tensor([400, 60, 40]))
    features = torch.randn(len(target), 8, generator=generator) + 1.5 * torch.nn.functional.one_hot(target, 8)
    scores = features[:, :3]

    offsets = np.linspace(0, 14, 57)
    for name, (terms, kwargs, colour, dash) in LINES.items():
        loss = build_loss(terms, kwargs, class_counts=[400, 60, 40])
        if not kwargs:
            shifts = [scores + torch.tensor([offset, 0.0, 0.0]) for offset in offsets.tolist()]
            norms = [gradient_norm(loss, logits, target) * len(target) ** 0.5 for logits in shifts]
            left.plot(offsets, norms, color=colour, linestyle=dash, label=name)
        sizes, cosines = alignment(terms, kwargs, features, target)
        right.plot(sizes, cosines, color=colour, linestyle=dash, label=name)
    left.set(yscale="log", xlabel="logit added to the majority class", ylabel="norm of the gradient by the logits × √n")
    left.set_title("On the way to collapse")
    right.set(xscale="log", xlabel="batch size", ylabel="cosine to the gradient of all samples", ylim=(0, 1))
    right.set_xticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    right.minorticks_off()
    right.set_title("What a batch tells of the whole")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def alignment(terms: dict, kwargs: dict, features: Tensor, target: Tensor) -> tuple[list[int], list[float]]:
    """Mean cosine between the gradient of a batch and that of all samples, by the weights of a linear classifier.

    A batch without gradient counts as 0. Batches are drawn uniformly; a queue has seen 500 samples before.
    """
    counts = [int((target == label).sum()) for label in range(3)]
    weights = 0.3 * torch.eye(8)[:, :3]
    whole = weight_gradient(build_loss(terms, None, counts), weights, features, target)
    sizes, means = [2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100], []
    for size in sizes:
        generator = torch.Generator().manual_seed(size)
        loss = build_loss(terms, kwargs, counts)
        cosines = []
        for step in range(300 + 500 // size):
            drawn = torch.randint(len(target), (size,), generator=generator)
            gradient = weight_gradient(loss, weights, features[drawn], target[drawn])
            if step >= 500 // size:
                cosines.append(torch.nn.functional.cosine_similarity(gradient, whole, dim=0).item())
        means.append(float(np.mean(cosines)))
    return sizes, means


def weight_gradient(loss: nn.Module, weights: Tensor, features: Tensor, target: Tensor) -> Tensor:
    weights = weights.clone().requires_grad_()
    loss(features @ weights, target).backward()
    return weights.grad.flatten()


def main() -> None:
    plt.rcParams.update(STYLE)
    for name, figure in (("loss_surfaces", draw_surfaces()), ("loss_gradients", draw_gradients())):
        figure.savefig(FOLDER / f"{name}.png", dpi=160, metadata={"Software": None})
        figure.savefig(FOLDER / f"{name}.pdf", metadata={"CreationDate": None, "Producer": None, "Creator": None})


if __name__ == "__main__":
    main()
