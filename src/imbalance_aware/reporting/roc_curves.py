"""Draw the ROC curve of each class against the rest, for every condition of one dataset."""

import argparse
from functools import partial

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.reporting import class_panels, curves, style


def chance(axes: Axes, outcome: Outcome, label: int) -> None:
    """What probabilities that know nothing reach."""
    axes.plot([0, 1], [0, 1], **class_panels.REFERENCE)


def explain(folds: bool) -> str:
    """What is averaged."""
    return f"Sensitivity is averaged at equal specificity{style.WITHIN_FOLDS if folds else ''}."


KIND = class_panels.Kind(
    "1 − specificity",
    "Sensitivity",
    partial(curves.mean_of_runs, make=curves.roc),
    chance,
    [Line2D([], [], label="Chance", **class_panels.REFERENCE)],
    explain,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    class_panels.add_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Draw a panel per sampling and class."""
    class_panels.draw_figure(args, KIND)
