"""Draw the net benefit of acting on the probability of each class, for every condition of one dataset.

Decision curves: Vickers and Elkin 2006, see `imbalance_aware.evaluation.decision_curve`.
"""

import argparse
from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from imbalance_aware.evaluation.context import read_context
from imbalance_aware.evaluation.decision_curve import net_benefit, net_benefit_of_all
from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.reporting import class_panels, style
from imbalance_aware.reporting.curves import Band
from imbalance_aware.tables.predictions import read_predictions

THRESHOLDS = np.arange(0, 100) / 100
#: How far below 0 a panel goes, as a share of its height above 0; lower values are cut off.
BELOW = 0.25
ALL: dict = class_panels.REFERENCE | {"linewidth": 0.8}
NONE: dict = {"color": "#999999", "linewidth": 0.8}

#: Share of each class where the classifier would be used; None: that of the test set.
Prevalence = Sequence[float] | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    class_panels.add_arguments(parser)
    parser.add_argument("--context", help="JSON with the dataset's class settings")


def run(args: argparse.Namespace) -> None:
    """Draw a panel per sampling and class."""
    prevalence: Prevalence = None
    if args.context:
        prevalence = read_context(args.context, read_predictions(args.predictions[0]).classes).prevalence
    class_panels.draw_figure(
        args,
        class_panels.Kind(
            "Threshold of the probability from which a subject is treated as of the class",
            "Net benefit (true positives per subject)",
            partial(band, prevalence=prevalence),
            partial(references, prevalence=prevalence),
            [Line2D([], [], label="Treat all", **ALL), Line2D([], [], label="Treat none", **NONE)],
            partial(explain, prevalence=prevalence),
            square=False,
        ),
    )


def band(outcomes: Sequence[Outcome], label: int, prevalence: Prevalence = None) -> Band | None:
    """Of the runs of a condition; None where the class, or the rest, has no subject."""
    is_of = outcomes[0].labels == label
    if not 0 < is_of.sum() < len(is_of):
        return None
    share = None if prevalence is None else prevalence[label]
    values = np.stack(
        [net_benefit(one.labels == label, one.probabilities[:, label], THRESHOLDS, share) for one in outcomes]
    )
    return Band(THRESHOLDS, values.mean(axis=0), values.min(axis=0), values.max(axis=0))


def references(axes: Axes, outcome: Outcome, label: int, prevalence: Prevalence = None) -> None:
    """Treating everyone and treating nobody; they also set the scale, which is that of the class."""
    share = float((outcome.labels == label).mean()) if prevalence is None else prevalence[label]
    axes.axhline(0, **NONE)
    axes.plot(THRESHOLDS, net_benefit_of_all(share, THRESHOLDS), **ALL)
    highest = share or 1.0
    axes.set(xlim=(0, 1), ylim=(-BELOW * highest, 1.08 * highest), xticks=(0, 0.5, 1))


def explain(folds: bool, prevalence: Prevalence = None) -> str:
    """Whose net benefit it is."""
    where = "of the test set" if prevalence is None else "declared for deployment"
    pooled = " Test subjects of all folds are pooled." if folds else ""
    return (
        f"At the prevalence {where}. A threshold t weighs a false positive as t / (1 − t) of a true positive. A model "
        f"is useful where its curve is above both grey ones.{pooled}"
    )
