"""Draw the rank of every condition and decision rule: expected rank, its 95 % range, and who may be best."""

import argparse

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from imbalance_aware.evaluation.candidates import condition_and_rule
from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.reporting import interval_rows, study_tables, style
from imbalance_aware.reporting.grid import number
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.looks import Look, Looks, looks_of, rule_handles
from imbalance_aware.reporting.study_tables import of_dataset, run_counts, with_labels
from imbalance_aware.tables.frames import PROCEDURE
from imbalance_aware.tables.metrics import read_metrics
from imbalance_aware.tables.ranks import RANKS

RANGE = {
    True: "Ranges are over resamples of patients and seeds.",
    False: "Ranges are over resamples of patients only, for these trained models.",
}
FIRST = "First: share of resamples in which a condition ranks first, which is not the probability of being best."
#: Behind the rows of those that may be best.
BEST_COLOUR = "#E3EEF7"
#: The rank of the values as they are.
TICK: Look = {"marker": "|", "markersize": 6, "markeredgewidth": 1.6, "color": "#999999", "linestyle": "none"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    study_tables.add_arguments(parser, "ranks")


def run(args: argparse.Namespace) -> None:
    """Draw a row per candidate, the best first."""
    metrics = read_metrics(args.metrics)
    table = of_dataset(RANKS, args.ranks, args.dataset)
    table = table[table["rank"].notna()]
    if table.empty:
        with style.figure(args, style.TWO_COLUMNS_INCH, 1.0) as canvas:
            style.nothing_to_draw(canvas, readable(args.dataset), "no condition has a rank")
        return
    counts = run_counts(args.values, table["unit"].iloc[0], args.dataset)
    table = with_labels(table, "candidate", metrics)
    table = table.sort_values(["expected_rank", "rank"], kind="stable", ignore_index=True)
    looks = looks_of(metrics)
    with style.figure(args, style.TWO_COLUMNS_INCH, interval_rows.ROW_INCH * len(table) + 0.75) as canvas:
        axes = canvas.subplots()
        draw(axes, table, counts, looks)
        axes.set_xlabel(f"{METRICS[table['metric'].iloc[0]].label}: rank (1 is best)")
        rules = [condition_and_rule(name)[1] for name in table["candidate"]]
        handles = [*looks.sampling_handles(table["sampling_label"]), *rule_handles(rules), *_handles(table)]
        style.legend_above(canvas, handles, readable(args.dataset))
        style.note_below(canvas, note(table, counts))


def note(table: pd.DataFrame, counts: pd.DataFrame) -> str:
    """What the ranges are over, and how alike the orders of two replicates are."""
    tau = table["kendall_tau"].iloc[0]
    parts = [
        RANGE[table["question"].iloc[0] == PROCEDURE] if table["rank_low"].notna().any() else "",
        FIRST if table["first"].notna().any() else "",
        f"Kendall's tau between the orders of two replicates: {number(tau, 2)}." if np.isfinite(tau) else "",
        " ".join(f"{said[0].upper()}{said[1:]}." for said in dict.fromkeys(table["note"]) if said),
        interval_rows.marks_note(counts),
    ]
    return " ".join(filter(None, parts))


def _handles(table: pd.DataFrame) -> list[Artist]:
    if not table["rank_low"].notna().any():
        return []
    return [
        Line2D([], [], label="95 % range of the rank", color=style.GREY, linewidth=0.8, marker="|", markersize=4),
        Line2D([], [], label="Rank of the values", **TICK),
        Patch(color=BEST_COLOUR, label="May be best"),
    ]


def draw(axes: Axes, table: pd.DataFrame, counts: pd.DataFrame, looks: Looks) -> None:
    """Range, expected rank and rank of the values of every candidate; where there is no range the rank alone."""
    places = [float(place) for place in range(len(table))]
    labels, first = [], []
    for place, row in zip(places, table.to_dict("records"), strict=True):
        condition, rule = condition_and_rule(row["candidate"])
        look = looks.mark(row["loss_label"], row["sampling_label"], rule)
        labels.append(interval_rows.with_marks(row["label"], counts.loc[condition]))
        ranged = np.isfinite(row["rank_low"])
        first.append(f"{100 * row['first']:.0f} %" if ranged else "")
        if not ranged:
            axes.plot(row["rank"], place, **look)
            continue
        if row["possible_best"]:
            axes.axhspan(place - 0.5, place + 0.5, color=BEST_COLOUR, zorder=0, linewidth=0)
        axes.plot(row["rank"], place, **TICK)
        ends = [row["rank_low"], row["rank_high"]]
        axes.plot(ends, [place, place], color=look["color"], linewidth=0.8, marker="|", markersize=4)
        axes.plot(row["expected_rank"], place, **look)
    interval_rows.frame_rows(axes, places, labels)
    if any(first):
        interval_rows.write_column(axes, 1.08, places, first, "First", "right")
    axes.set_xlim(0.5, len(table) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
