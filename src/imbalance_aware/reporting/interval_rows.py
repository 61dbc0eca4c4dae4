"""Rows of a figure that each show a value or a difference with its intervals, one below the other.

Thick and pale: other patients, these trained models. Thin: other patients and other seeds. Dotted, only of
cross-validated datasets: other training data too.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from imbalance_aware.reporting import style
from imbalance_aware.reporting.cells import run_marks
from imbalance_aware.reporting.grid import COLLAPSED, DIVERGED
from imbalance_aware.statistics.notes import FOLDS
from imbalance_aware.tables.frames import MODELS, NEW_DATA, PROCEDURE

ROW_INCH = 0.15
#: Room between the blocks of two losses, in rows.
GAP = 0.4
#: Longest label of a row, in columns.
MOST_LETTERS = 44
LABELS = {
    MODELS: "95 %: patients",
    PROCEDURE: "95 %: patients and seeds",
    NEW_DATA: "95 %: training data too",
}
ONE_REPLICATE = (
    "One seed: the interval covers other patients for these models; there is no interval for this procedure. Whether "
    "retraining would give the same order is unknown."
)


OF_FOLDS = "The thin interval is for these data and this size of training set."
#: Notes in the tables that say how well the variance over seeds or repeats is known.
OF_VARIANCE = re.compile(r"(Seed|Repeat) variance from |\d+ (seed|repeat)s only: ")


def draw_intervals(axes: Axes, place: float, row: Mapping, colour: str) -> None:
    """The intervals of one row of `imbalance_aware.tables.values` or ``comparisons`` at the height ``place``."""
    if known(row, NEW_DATA):
        axes.plot(_ends(row, NEW_DATA), [place, place], color=colour, linewidth=0.8, linestyle=(0, (1, 1.2)))
    if known(row, MODELS):
        axes.plot(_ends(row, MODELS), [place, place], color=colour, linewidth=3.4, alpha=0.35, solid_capstyle="butt")
    if known(row, PROCEDURE):
        axes.plot(_ends(row, PROCEDURE), [place, place], color=colour, linewidth=0.8, marker="|", markersize=4)


def known(row: Mapping, interval: str) -> bool:
    """Whether a row has that interval."""
    return bool(np.isfinite(_ends(row, interval)).all())


def _ends(row: Mapping, interval: str) -> tuple[float, float]:
    return float(row.get(f"{interval}_low", np.nan)), float(row.get(f"{interval}_high", np.nan))


def interval_handles(rows: pd.DataFrame) -> list[Line2D]:
    """For a legend: those of the intervals that some of ``rows`` have."""
    looks: Mapping[str, dict] = {
        MODELS: {"linewidth": 3.4, "alpha": 0.35},
        PROCEDURE: {"linewidth": 0.8, "marker": "|", "markersize": 4},
        NEW_DATA: {"linewidth": 0.8, "linestyle": (0, (1, 1.2))},
    }
    return [
        Line2D([], [], color=style.GREY, label=LABELS[name], **look)
        for name, look in looks.items()
        if np.isfinite(rows[f"{name}_low"].astype(float)).any()
    ]


def interval_note(rows: pd.DataFrame) -> str:
    """What the intervals of ``rows`` do not cover, and where there are none."""
    if rows.empty:
        return ""
    said = []
    single = rows["n_replicates"] == 1
    if single.any():
        said.append(ONE_REPLICATE if single.all() else "Where the thin interval is missing, one seed is left.")
    reasons = [note for note in rows["note"] if note.startswith("not estimable")]
    if reasons:
        which = "No interval is estimable" if len(reasons) == len(rows) else "Without an interval"
        said.append(f"{which}: {'; '.join(dict.fromkeys(r.removeprefix('not estimable: ') for r in reasons))}.")
    if rows["note"].str.contains(FOLDS.rstrip("."), regex=False).any():
        said.append(OF_FOLDS)
    parts = [part for note in rows["note"] for part in note.split("; ")]
    few = [part.removesuffix(": approximate") for part in parts if part.startswith("rare class")]
    said += [f"Intervals are approximate: {'; '.join(dict.fromkeys(few))}."] if few else []
    said += [f"{part}." for part in dict.fromkeys(parts) if OF_VARIANCE.match(part)]
    return " ".join(said)


def places_of(groups: Sequence[str]) -> list[float]:
    """Heights of rows, from 0 down; where the group changes there is a gap."""
    places, place = [], 0.0
    for number, group in enumerate(groups):
        place += 0 if number == 0 else 1 if group == groups[number - 1] else 1 + GAP
        places.append(place)
    return places


def shade_groups(axes: Axes, groups: Sequence[str], places: Sequence[float]) -> None:
    """A pale band behind every second group."""
    for number, group in enumerate(dict.fromkeys(groups)):
        own = [place for place, name in zip(places, groups, strict=True) if name == group]
        if number % 2 == 0:
            axes.axhspan(own[0] - 0.5 - GAP / 2, own[-1] + 0.5 + GAP / 2, color="#F2F2F2", zorder=0, linewidth=0)


def frame_rows(axes: Axes, places: Sequence[float], labels: Sequence[str]) -> None:
    """Label the rows, the first at the top."""
    axes.set_yticks(list(places), style.shortened(labels, MOST_LETTERS))
    axes.set_ylim(places[-1] + 0.5 + GAP / 2, places[0] - 0.5 - GAP / 2)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_axisbelow(True)


def write_column(
    axes: Axes, x: float, places: Iterable[float], texts: Iterable[str], head: str, side: Literal["left", "right"]
) -> None:
    """A column of text on the right of the rows, its ``side`` at ``x`` in widths of the axes, under a ``head``."""
    look: dict[str, Any] = {"fontsize": style.NOTE_SIZE, "ha": side}
    for place, text in zip(places, texts, strict=True):
        axes.text(x, place, text, transform=axes.get_yaxis_transform(), va="center", **look)
    axes.text(x, 1.0, head, transform=axes.transAxes, va="bottom", color=style.GREY, **look)


def with_marks(label: str, counts: Mapping) -> str:
    """``"CE, Uniform †2 ‡1"``: how many runs of a condition collapsed and diverged."""
    return f"{label} {run_marks(counts)}".rstrip()


def marks_note(values: pd.DataFrame) -> str:
    """What the marks of runs mean, where there are any."""
    said = []
    if values["n_collapsed"].any():
        said.append(f"{COLLAPSED}k: k runs collapsed, that is, predict one class for every subject.")
    if values["n_diverged"].any():
        said.append(f"{DIVERGED}k: k runs diverged and are excluded.")
    return " ".join(said)
