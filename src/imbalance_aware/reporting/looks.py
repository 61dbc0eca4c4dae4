"""One look for the same thing in every figure of a study: a colour per loss, a marker per sampling, a fill per rule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import pandas as pd
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.path import Path as Path2D
from matplotlib.textpath import TextPath

from imbalance_aware.evaluation.candidates import ARGMAX, MARK
from imbalance_aware.reporting import style
from imbalance_aware.reporting.candidate_labels import KEYS, rule_label
from imbalance_aware.reporting.fonts import OWN
from imbalance_aware.reporting.grid import COLLAPSED
from imbalance_aware.reporting.labels import SAMPLINGS, paper_first
from imbalance_aware.reporting.summary import in_order, label_conditions

if TYPE_CHECKING:
    from matplotlib.typing import FillStyleType, LineStyleType, MarkerType

#: How much of a marker is filled under each decision rule; under any other it is empty.
FILLS: "Mapping[str, FillStyleType]" = {ARGMAX: "full", "prior": "none", "offsets": "left", "cost": "top"}
MARKER_SIZE = 3.2


class Look(TypedDict, total=False):
    """How a marker is drawn: arguments of matplotlib's lines."""

    color: str
    marker: "MarkerType"
    markersize: float
    markerfacecolor: str
    markerfacecoloralt: str
    markeredgewidth: float
    fillstyle: "FillStyleType"
    linestyle: "LineStyleType"


@dataclass(frozen=True)
class Looks:
    """Of the losses and samplings of a study, by their labels, in the order of tables and figures.

    Attributes:
        colours: of losses.
        lines: of losses; the same for those that have colours of their own.
        markers: of samplings.
        dashes: of samplings, where their lines are in one panel.
    """

    colours: Mapping[str, str]
    lines: "Mapping[str, LineStyleType]"
    markers: Mapping[str, str]
    dashes: "Mapping[str, LineStyleType]"

    def mark(self, loss: str, sampling: str, rule: str = ARGMAX) -> Look:
        """The marker of a condition under a decision rule."""
        return _marker(self.colours[loss], self.markers[sampling], rule)

    def sampling_handles(self, drawn: Iterable[str]) -> list[Line2D]:
        """For a legend: the samplings that are drawn."""
        names = {*drawn}
        return [
            Line2D([], [], label=name, **_marker(style.GREY, marker))
            for name, marker in self.markers.items()
            if name in names
        ]


def looks_of(metrics: pd.DataFrame) -> Looks:
    """The looks that a study has in all of its figures.

    Args:
        metrics: the tidy table of the whole study, not of one dataset of it.
    """
    known = in_order(label_conditions(metrics[KEYS].drop_duplicates()), ["loss_key", "sampling_label"])
    losses = list(dict.fromkeys(known["loss_label"]))
    samplings = paper_first(known["sampling_label"], SAMPLINGS.values())
    return Looks(
        style.loss_colours(losses), style.loss_lines(losses), style.markers(samplings), style.dashes(samplings)
    )


def rule_handles(rules: Sequence[str]) -> list[Line2D]:
    """For a legend: what the fill of a marker means; none if all are decided as usual."""
    drawn = {*rules}
    shown = [rule for rule in FILLS if rule in drawn] + sorted(drawn - {*FILLS})
    if shown == [ARGMAX]:
        return []
    return [
        Line2D(
            [],
            [],
            label=f"{MARK}{rule}: {rule_label(rule)}" if rule_label(rule) else "Most probable class",
            **_marker(style.GREY, "o", rule),
        )
        for rule in shown
    ]


def _marker(colour: str, marker: str, rule: str = ARGMAX) -> Look:
    return {
        "color": colour,
        "marker": marker,
        "markersize": MARKER_SIZE,
        "markeredgewidth": 0.8,
        "fillstyle": FILLS.get(rule, "none"),
        "markerfacecoloralt": "white",
        "linestyle": "none",
    }


def collapsed_look() -> Look:
    """The dagger that marks a collapsed run in the tables, as a marker."""
    outline = TextPath((0, 0), COLLAPSED, prop=FontProperties(family=OWN))
    extents = outline.get_extents()
    middle = [(extents.x0 + extents.x1) / 2, (extents.y0 + extents.y1) / 2]
    return {"marker": Path2D(outline.vertices - middle, outline.codes), "markersize": 6, "markeredgewidth": 0.3}


def collapsed_handle() -> Line2D:
    """For a legend."""
    look: Look = {"color": style.GREY, "linestyle": "none"}
    return Line2D([], [], label="Collapsed", **(look | collapsed_look()))
