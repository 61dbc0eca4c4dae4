"""Draw the F1 score of every class under every condition of one dataset, with the intervals of both questions."""

import argparse
import math
from pathlib import Path

import pandas as pd

from imbalance_aware.metrics.catalogue import TEST_GROUPS, TEST_SUBJECTS, named
from imbalance_aware.reporting import interval_rows, metric_dots, style
from imbalance_aware.reporting.labels import distinct, readable
from imbalance_aware.reporting.looks import looks_of
from imbalance_aware.reporting.small_classes import few_test_subjects, note
from imbalance_aware.reporting.study_tables import read_values
from imbalance_aware.reporting.summary import in_order, label_conditions
from imbalance_aware.tables.metrics import read_metrics

METRIC = "f1"
#: Most panels side by side.
COLUMNS = 4
#: Longest name of a class above a panel, in columns.
MOST_LETTERS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study")
    parser.add_argument("--values", type=Path, required=True, help="values.csv of the study, for the intervals")
    parser.add_argument("--dataset", required=True, help="name of the dataset to draw")
    parser.add_argument(
        "--unit", choices=["sample", "group"], default="sample", help="unit of the metric (default: sample)"
    )


def run(args: argparse.Namespace) -> None:
    """Draw a panel per class, side by side, on one scale."""
    metrics = read_metrics(args.metrics, args.unit)
    here = metrics[(metrics["dataset"] == args.dataset) & metrics["value"].notna()]
    classes = classes_of(here)
    if not classes:
        with style.figure(args, style.ONE_COLUMN_INCH, 1.0) as canvas:
            style.nothing_to_draw(canvas, readable(args.dataset), "every run diverged")
        return
    values = read_values(args.values, args.unit)
    names = [f"{METRIC}_{name}" for name in classes]
    table = in_order(label_conditions(here[here["metric"].isin(names)]), ["loss_key", "sampling_label"])
    looks = looks_of(metrics)
    columns = min(COLUMNS, len(classes))
    rows = math.ceil(len(classes) / columns)
    height_inch = rows * (metric_dots.ROW_INCH * metric_dots.rows_of_panel(table) + 0.35) + 0.6
    drawn = []
    with style.figure(args, style.TWO_COLUMNS_INCH, height_inch) as canvas:
        panels = canvas.subplots(rows, columns, squeeze=False, sharex=True).ravel()
        for place, (axes, name, title) in enumerate(zip(panels, names, titles_of(here, classes), strict=False)):
            part = metric_dots.rows_of(values, name)
            drawn.append(part[part["dataset"] == args.dataset])
            own = table[table["metric"] == name]
            metric_dots.draw(axes, own, metric_dots.intervals_of(drawn[-1], args.dataset), looks)
            axes.set_title(title)
            axes.tick_params(labelleft=place % columns == 0, labelbottom=place >= len(classes) - columns)
        for axes in panels[len(classes) :]:
            axes.set_axis_off()
        shown = pd.concat(drawn)
        style.legend_above(canvas, metric_dots.legend(table, shown, looks), readable(args.dataset))
        few = note(few_test_subjects(metrics), [args.dataset])
        style.note_below(canvas, f"{interval_rows.interval_note(shown)} {few}".strip(), "F1")


def classes_of(metrics: pd.DataFrame) -> list[str]:
    """Classes of a dataset as the names of its metrics have them, in their order."""
    found = (named(name) for name in metrics["metric"].drop_duplicates() if name.startswith(f"{METRIC}_"))
    return [what.of_class for what in found if what.of_class and what.metric.name == METRIC]


def titles_of(metrics: pd.DataFrame, classes: list[str]) -> list[str]:
    """``"Early (n = 17)"`` of each class: its test subjects, or groups where these are counted."""
    count = TEST_GROUPS if set(metrics["unit"]) == {"group"} else TEST_SUBJECTS
    sizes = metrics.drop_duplicates("metric").set_index("metric")["value"]
    numbers = (sizes.get(f"{count}_{name}") for name in classes)
    labels = style.shortened([*distinct(classes).values()], MOST_LETTERS)
    return [label if size is None else f"{label} (n = {size:.0f})" for label, size in zip(labels, numbers, strict=True)]
