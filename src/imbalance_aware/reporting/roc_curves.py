"""Draw the ROC curve of each class against the rest, for every condition of one dataset."""

import argparse
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.reporting import class_panels, curves, style

CHANCE: dict = {"color": "#999999", "linewidth": 0.6, "linestyle": (0, (4, 3))}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    class_panels.add_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Draw a panel per sampling and class."""
    class_panels.draw_figure(
        args,
        class_panels.Kind(
            "1 − specificity",
            "Sensitivity",
            band,
            chance,
            [Line2D([], [], label="Chance", **CHANCE)],
            explain,
        ),
    )


def band(outcomes: Sequence[Outcome], label: int) -> curves.Band | None:
    """Of the runs of a condition; the area under its mean is the mean AUROC of the class."""
    found = [curve for outcome in outcomes if (curve := curves.of_class(outcome, label, curves.roc)) is not None]
    return curves.band_of(found) if found else None


def chance(axes: Axes, outcome: Outcome, label: int) -> None:
    """What probabilities that know nothing reach."""
    axes.plot([0, 1], [0, 1], **CHANCE)


def explain(folds: bool) -> str:
    """What is averaged."""
    return f"Sensitivity is averaged at equal specificity{style.WITHIN_FOLDS if folds else ''}."
