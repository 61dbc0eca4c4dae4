"""Write the tables of a study, each as .csv (full precision), .md, .tex and .html.

With --published, the paper's value and the difference from it stand below each value that the paper has (same dataset,
condition, batch size and metric). With --comparison, the table
comparison_with_baseline is written too.
"""

import argparse
from pathlib import Path

import pandas as pd

from imbalance_aware.errors import UserError
from imbalance_aware.files import write_csv, write_text
from imbalance_aware.metrics.catalogue import TEST_SUBJECTS, Named, named
from imbalance_aware.reporting import formats, layouts
from imbalance_aware.reporting.comparison import make_comparison
from imbalance_aware.reporting.grid import Grid
from imbalance_aware.reporting.notes import notes
from imbalance_aware.reporting.small_classes import few_test_subjects
from imbalance_aware.reporting.summary import read_published, summarise, unadjusted
from imbalance_aware.reporting.table_catalogue import TABLES
from imbalance_aware.tables.metrics import read_metrics

#: In the name of a metric: every class of a dataset.
CLASS = "<class>"
FORMATS = {"md": formats.to_markdown, "tex": formats.to_latex, "html": formats.to_html}


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
    """The table ``name`` of `TABLES`, ready to print, and the numbers behind it.

    Raises:
        UserError: the table wants a metric that there is not, or no run has any of its metrics.
    """
    table = TABLES[name]
    wanted = [metric for item in table.metrics for metric in _expand(item, metrics)]
    if not wanted:
        raise UserError(f"{name}: no run has the metric {' or '.join(table.metrics)}")
    shown = [named(metric) for metric in wanted]
    summary = summarise(metrics, wanted, unadjusted(metrics, wanted) if shown[0].posthoc else published)
    title = table.title.format(batch_size=summary["batch_size"].iloc[0], better=shown[0].metric.better)
    panels = getattr(layouts, table.layout)(summary)
    return Grid(name, title, panels, notes(summary, few_test_subjects(metrics))), summary


def _expand(metric: str, metrics: pd.DataFrame) -> list[str]:
    """``f1_<class>`` as the F1 of every class, in the order of the classes."""
    wanted = named(metric)
    if wanted.of_class != CLASS:
        return [metric]
    names = [name for name in metrics["metric"].unique() if not name.startswith(TEST_SUBJECTS)]
    return [name for name in names if (found := named(name)).of_class and _alike(found, wanted)]


def _alike(found: Named, wanted: Named) -> bool:
    return (found.metric, found.posthoc) == (wanted.metric, wanted.posthoc)
