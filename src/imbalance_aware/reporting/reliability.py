"""Draw how often each class is true at the probabilities that it is given, for every condition of one dataset."""

import argparse

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from imbalance_aware.metrics.calibration import MASS_BINS
from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.reporting import class_panels, curves, style


def perfect(axes: Axes, outcome: Outcome, label: int) -> None:
    """Probabilities that are as frequent as they say."""
    axes.plot([0, 1], [0, 1], **class_panels.REFERENCE)


def explain(folds: bool) -> str:
    """What a point is."""
    pooled = " Test subjects of all folds are pooled." if folds else ""
    return f"Each point is one of {MASS_BINS} bins with equally many subjects, sorted by the probability.{pooled}"


KIND = class_panels.Kind(
    "Probability that is predicted for the class",
    "Share of subjects that are of the class",
    curves.reliability,
    perfect,
    [Line2D([], [], label="Perfectly calibrated", **class_panels.REFERENCE)],
    explain,
    points=True,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    class_panels.add_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Draw a panel per sampling and class."""
    class_panels.draw_figure(args, KIND)
