"""Write the tables of a study, each as .csv (full precision), .md, .tex and .html.

With --published, the paper's value and the difference from it stand below each value that the paper has (same dataset,
condition, batch size and metric). With --comparison, the table
comparison_with_baseline is written too.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from imbalance_aware.errors import UserError
from imbalance_aware.files import write_csv, write_text
from imbalance_aware.reporting import formats
from imbalance_aware.reporting.comparison import make_comparison
from imbalance_aware.reporting.grid import Grid, Panel
from imbalance_aware.reporting.layouts import losses_across, metrics_across
from imbalance_aware.reporting.notes import notes
from imbalance_aware.reporting.small_classes import few_test_subjects
from imbalance_aware.reporting.summary import read_published, summarise, unadjusted
from imbalance_aware.tables.metrics import read_metrics

CLASS_F1 = "f1_<class>"
FORMATS = {"md": formats.to_markdown, "tex": formats.to_latex, "html": formats.to_html}


@dataclass(frozen=True)
class Table:
    """What a table shows: its title, its metrics, and how they are laid out."""

    title: str
    metrics: tuple[str, ...]
    layout: Callable[[pd.DataFrame], tuple[Panel, ...]]


TABLES = {
    "table1_balanced_accuracy": Table("Balanced accuracy", ("balanced_accuracy",), losses_across),
    "table2_f1_by_class": Table("F1 score of each class", (CLASS_F1,), metrics_across),
    "table3_f1_macro": Table("Macro F1 score", ("f1_macro",), losses_across),
    "table4_auroc_macro": Table(
        "Area under the ROC curve, one class against the rest, mean over classes",
        ("auroc_macro",),
        losses_across,
    ),
    "table5_mcc": Table("Matthews correlation coefficient (multi-class)", ("mcc",), losses_across),
    "table6_small_batches": Table(
        "Small batches (batch size {batch_size})", ("balanced_accuracy", "mcc", "auroc_macro"), metrics_across
    ),
    "posthoc_logit_adjustment": Table(
        "After post-hoc logit adjustment",
        ("posthoc_balanced_accuracy", "posthoc_f1_macro", "posthoc_mcc"),
        metrics_across,
    ),
    "calibration": Table("Calibration (lower is better)", ("brier", "ece"), metrics_across),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of a study, from collect")
    parser.add_argument("--published", type=Path, help="the paper's values, if the study is the paper's")
    parser.add_argument("--comparison", type=Path, help="differences.csv from compare, for one more table")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES), help="default: all")
    parser.add_argument("--out", type=Path, required=True, help="folder for <table>.csv, .md, .tex and .html")


def run(args: argparse.Namespace) -> None:
    """Write the tables asked for, in every format."""
    metrics = read_metrics(args.metrics)
    published = read_published(args.published) if args.published else None
    made = [make_table(name, metrics, published) for name in args.tables]
    if args.comparison:
        made.append(make_comparison(args.comparison, metrics))
    for grid, numbers in made:
        write_csv(args.out / f"{grid.name}.csv", numbers)
        for suffix, convert in FORMATS.items():
            write_text(args.out / f"{grid.name}.{suffix}", convert(grid))


def make_table(name: str, metrics: pd.DataFrame, published: pd.DataFrame | None = None) -> tuple[Grid, pd.DataFrame]:
    """The table ``name`` of `TABLES`, ready to print, and the numbers behind it."""
    table = TABLES[name]
    wanted = [metric for item in table.metrics for metric in _expand(item, metrics)]
    if not wanted:
        raise UserError(f"{name}: no run has the metric {' or '.join(table.metrics)}")
    posthoc = wanted[0].startswith("posthoc_")
    summary = summarise(metrics, wanted, unadjusted(metrics, wanted) if posthoc else published)
    title = table.title.format(batch_size=summary["batch_size"].iloc[0])
    return Grid(name, title, table.layout(summary), notes(summary, few_test_subjects(metrics))), summary


def _expand(metric: str, metrics: pd.DataFrame) -> list[str]:
    """``f1_<class>`` as the F1 of every class, in the order of the classes."""
    if metric != CLASS_F1:
        return [metric]
    return [name for name in metrics["metric"].unique() if name.startswith("f1_") and name != "f1_macro"]
