"""Draw how much every condition and decision rule differs from the baseline, with the intervals of both questions."""

import argparse

import pandas as pd

from imbalance_aware.evaluation.candidates import condition_and_rule
from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.reporting import interval_rows, study_tables, style
from imbalance_aware.reporting.grid import number
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.looks import Looks, looks_of, rule_handles
from imbalance_aware.reporting.study_tables import of_dataset, run_counts, short_labels, with_labels
from imbalance_aware.tables.comparisons import COMPARISONS
from imbalance_aware.tables.frames import MODELS, PROCEDURE
from imbalance_aware.tables.metrics import read_metrics

DECIMALS = 3
#: Better or worse by more than the relevant difference.
RELEVANT = "relevantly "
HOLM = (
    "The intervals are of single differences, at 95 %; conclusions hold for all of these comparisons together (Holm's "
    "correction), so an interval that excludes 0 can still be undecided."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    study_tables.add_arguments(parser, "comparisons")
    parser.add_argument("--relevant-difference", type=float, required=True, help="equivalence margin of the difference")


def run(args: argparse.Namespace) -> None:
    """Draw a row per candidate, the losses one below the other."""
    metrics = read_metrics(args.metrics)
    table = of_dataset(COMPARISONS, args.comparisons, args.dataset)
    table = table[table["with_baseline"]]
    if table.empty:
        with style.figure(args, style.TWO_COLUMNS_INCH, 1.0) as canvas:
            style.nothing_to_draw(canvas, readable(args.dataset), "there is nothing to compare with the baseline")
        return
    counts = run_counts(args.values, table["unit"].iloc[0], args.dataset)
    table = with_labels(table, "a", metrics)
    looks = looks_of(metrics)
    baseline = short_labels([*table["a"], table["b"].iloc[0]], metrics)[table["b"].iloc[0]]
    height_inch = interval_rows.ROW_INCH * (len(table) + interval_rows.GAP * table["loss_key"].nunique()) + 0.75
    with style.figure(args, style.TWO_COLUMNS_INCH, height_inch) as canvas:
        axes = canvas.subplots()
        draw(axes, table, counts, looks, args.relevant_difference)
        axes.set_xlabel(axis_label(table["metric"].iloc[0], baseline))
        rules = [condition_and_rule(name)[1] for name in table["a"]]
        handles = [
            *looks.sampling_handles(table["sampling_label"]),
            *rule_handles(rules),
            *interval_rows.interval_handles(table),
        ]
        style.legend_above(canvas, handles, readable(args.dataset))
        notes = [
            interval_rows.interval_note(table),
            HOLM if table["models_low"].notna().any() else "",
            f"Grey band: differences up to ±{args.relevant_difference:g}, which are not relevant.",
            interval_rows.marks_note(counts),
        ]
        style.note_below(canvas, " ".join(filter(None, notes)))


def axis_label(metric: str, baseline: str) -> str:
    """What is drawn, and which side is better."""
    what = METRICS[metric]
    side = {"higher": "right", "lower": "left"}[what.better]
    return f"{what.label}: difference from {style.shortened([baseline], 60)[0]} ({side} of 0 is better)"


def draw(axes, table: pd.DataFrame, counts: pd.DataFrame, looks: Looks, relevant: float) -> None:
    """Every difference with its intervals, and beside it number and conclusion."""
    groups = table["loss_key"].tolist()
    places = interval_rows.places_of(groups)
    interval_rows.shade_groups(axes, groups, places)
    axes.axvspan(-relevant, relevant, color="#D9D9D9", zorder=0.5, linewidth=0)
    axes.axvline(0, color=style.BLACK, linewidth=0.6)
    rows = table.to_dict("records")
    labels = []
    for place, row in zip(places, rows, strict=True):
        condition, rule = condition_and_rule(row["a"])
        labels.append(interval_rows.with_marks(row["label"], counts.loc[condition]))
        interval_rows.draw_intervals(axes, place, row, looks.colours[row["loss_label"]])
        axes.plot(row["difference"], place, **looks.mark(row["loss_label"], row["sampling_label"], rule))
    interval_rows.frame_rows(axes, places, labels)
    said = [number(row["difference"], DECIMALS, signed=True) if known(row) else "–" for row in rows]
    interval_rows.write_column(axes, 1.1, places, said, "Difference", "right")
    head = "Conclusion" if any(interval_rows.known(row, PROCEDURE) for row in rows) else "For these models"
    interval_rows.write_column(axes, 1.13, places, map(conclusion, rows), head, "left")


def known(row: dict) -> bool:
    """Whether there is a difference; a candidate without a run has none."""
    return not pd.isna(row["difference"])


def conclusion(row: dict) -> str:
    """``better``, ``worse``, ``equivalent`` or ``undecided``; for these models where there is one seed."""
    for interval, which in ((PROCEDURE, ""), (MODELS, "_models")):
        if interval_rows.known(row, interval):
            return RELEVANT * row[f"relevant{which}"] + row[f"decision{which}"]
    return "not estimable"
