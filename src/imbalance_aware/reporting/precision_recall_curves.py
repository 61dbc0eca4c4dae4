"""Draw the precision-recall curve of each class against the rest, for every condition of one dataset."""

import argparse
from functools import partial

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.reporting import class_panels, curves, style


def chance(axes: Axes, outcome: Outcome, label: int) -> None:
    """What probabilities that know nothing reach: the share of the class in the test set."""
    axes.axhline(float((outcome.labels == label).mean()), **class_panels.REFERENCE)


def explain(folds: bool) -> str:
    """What is averaged."""
    return f"Precision is averaged at equal recall{style.WITHIN_FOLDS if folds else ''}."


KIND = class_panels.Kind(
    "Recall (sensitivity)",
    "Precision (positive predictive value)",
    partial(curves.mean_of_runs, make=curves.precision_recall),
    chance,
    [Line2D([], [], label="Share of the class: chance", **class_panels.REFERENCE)],
    explain,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    class_panels.add_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Draw a panel per sampling and class."""
    class_panels.draw_figure(args, KIND)
