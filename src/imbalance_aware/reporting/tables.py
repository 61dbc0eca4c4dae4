"""Write the tables of a study, each as .csv (full precision), .md, .tex and .html.

With --published, the paper's value and the difference from it are below each value that the paper has (same dataset,
condition, batch size and metric). With --comparison, the table comparison_with_baseline is written too, with
--ensembles the table ensembles, with --overfitting the table overfitting, with --cohorts the table cohorts. With
--published and --values, the table published_cells has every value of the paper beside ours; with --claims the table
claims has what the paper claims.
"""

import argparse
from pathlib import Path

import pandas as pd

from imbalance_aware.errors import UserError
from imbalance_aware.files import write_csv, write_text
from imbalance_aware.metrics.catalogue import Named, is_count, named
from imbalance_aware.reporting import formats, layouts
from imbalance_aware.reporting.claims_table import make_claims
from imbalance_aware.reporting.cohort_table import make_cohorts
from imbalance_aware.reporting.comparison_table import make_comparison
from imbalance_aware.reporting.ensemble_table import make_ensembles
from imbalance_aware.reporting.grid import Grid
from imbalance_aware.reporting.notes import counted, cross_validation, notes, who_may_be_best
from imbalance_aware.reporting.overfitting_table import make_overfitting
from imbalance_aware.reporting.paper_checks import contradictions
from imbalance_aware.reporting.published_cells import make_published_cells
from imbalance_aware.reporting.reference_rows import NOTE, read_references, with_references
from imbalance_aware.reporting.small_classes import few_test_subjects, headed
from imbalance_aware.reporting.summary import read_published, summarise, unadjusted
from imbalance_aware.reporting.table_catalogue import TABLES
from imbalance_aware.tables.frames import of_unit
from imbalance_aware.tables.metrics import read_metrics
from imbalance_aware.tables.ranks import RANKS

#: In the name of a metric: every class of a dataset.
CLASS = "<class>"
FORMATS = {"md": formats.to_markdown, "tex": formats.to_latex, "html": formats.to_html}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of a study, from collect")
    parser.add_argument("--published", type=Path, help="the paper's values, if the study is the paper's")
    parser.add_argument("--comparison", type=Path, help="comparisons.csv from statistics, for one more table")
    parser.add_argument(
        "--references", type=Path, help="values.csv from statistics, for rows of the reference classifiers"
    )
    parser.add_argument("--ranks", type=Path, help="ranks.csv from statistics, for a note on how many may be the best")
    parser.add_argument("--ensembles", type=Path, help="ensemble_metrics.csv from collect, for one more table")
    parser.add_argument("--overfitting", metavar="METRIC", help="the primary metric, for one more table")
    parser.add_argument("--cohorts", type=Path, help="cohort_metrics.csv, for one more table")
    parser.add_argument("--values", type=Path, help="values.csv from statistics, for the comparison with --published")
    parser.add_argument("--claims", type=Path, help="claim_estimates.csv from claims, for one more table")
    parser.add_argument("--stated", type=Path, help="the paper's claims; --claims needs it, and --published")
    parser.add_argument(
        "--unit", choices=["sample", "group"], default="sample", help="unit of the metrics (default: sample)"
    )
    parser.add_argument(
        "--tables",
        nargs="*",
        choices=TABLES,
        default=[name for name, table in TABLES.items() if not table.only],
        help="tables to write (default: those that every study has)",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for <table>.csv, .md, .tex and .html")


def run(args: argparse.Namespace) -> None:
    """Write the tables asked for, in every format."""
    metrics = read_metrics(args.metrics, args.unit)
    published = read_published(args.published) if args.published else None
    references = read_references(args.references, args.unit) if args.references else None
    ranks = of_unit(RANKS.read(args.ranks), args.unit) if args.ranks else None
    made = [make_table(name, metrics, published, references, ranks) for name in args.tables]
    if args.comparison:
        made.append(make_comparison(args.comparison, metrics))
    if args.ensembles:
        made.append(make_ensembles(args.ensembles, metrics, args.unit))
    if args.overfitting:
        made.append(make_overfitting(args.overfitting, metrics))
    if args.cohorts:
        made.append(make_cohorts(args.cohorts, metrics, args.unit))
    if args.values:
        if published is None:
            raise UserError("--values needs --published, the paper's values to compare with")
        made.append(make_published_cells(metrics, published, args.values, args.unit))
    if args.claims:
        if published is None or not args.stated:
            raise UserError("--claims needs --stated, the paper's claims, and --published, its values")
        made.append(make_claims(args.claims, args.stated, published))
    for grid, numbers in made:
        write_csv(args.out / f"{grid.name}.csv", numbers)
        for suffix, convert in FORMATS.items():
            write_text(args.out / f"{grid.name}.{suffix}", convert(grid))


def make_table(
    name: str,
    metrics: pd.DataFrame,
    published: pd.DataFrame | None = None,
    references: pd.DataFrame | None = None,
    ranks: pd.DataFrame | None = None,
) -> tuple[Grid, pd.DataFrame]:
    """The table ``name`` of `TABLES`, ready to print, and the numbers behind it.

    Args:
        name: of the table.
        metrics: the tidy table of the study.
        published: values to compare with, from `read_published`.
        references: what needs no image, from `read_references`; its rows come first.
        ranks: of the candidates, of one unit.

    Raises:
        UserError: a metric of the table does not exist, or no run has any of its metrics.
    """
    table = TABLES[name]
    wanted = [metric for item in table.metrics for metric in _expand(item, metrics)]
    if not wanted:
        raise UserError(f"{name}: no run has the metric {' or '.join(table.metrics)}")
    shown = [named(metric) for metric in wanted]
    summary = summarise(metrics, wanted, unadjusted(metrics, wanted) if shown[0].adjustment else published)
    title = table.title.format(batch_size=summary["batch_size"].iloc[0], better=shown[0].metric.better)
    lines = [*notes(summary, few_test_subjects(metrics))]
    if ranks is not None:
        lines[1:1] = who_may_be_best(ranks, wanted, summary["dataset"])
    if references is not None and not shown[0].adjustment:
        summary = with_references(summary, references, table.layout)
        lines.append(NOTE)
    panels = getattr(layouts, table.layout)(summary)
    lines += [
        *_contradictions(summary, published),
        *cross_validation(metrics, summary["dataset"]),
        *counted(metrics),
    ]
    return Grid(name, headed(title, metrics, summary["dataset"]), panels, tuple(lines)), summary


def _contradictions(summary: pd.DataFrame, published: pd.DataFrame | None) -> list[str]:
    """What does not add up in the paper's values that are shown."""
    if published is None or summary.get("reference_mean") is None:
        return []
    shown = summary.dropna(subset="reference_mean")
    return contradictions(published, shown["reference"], shown["dataset"])


def _expand(metric: str, metrics: pd.DataFrame) -> list[str]:
    """``f1_<class>`` as the F1 of every class, in the order of the classes."""
    wanted = named(metric)
    if wanted.of_class != CLASS:
        return [metric]
    names = [name for name in metrics["metric"].unique() if not is_count(name)]
    return [name for name in names if (found := named(name)).of_class and _alike(found, wanted)]


def _alike(found: Named, wanted: Named) -> bool:
    return (found.metric, found.adjustment) == (wanted.metric, wanted.adjustment)
