"""Write a CSV table as a page for the report, every column and row as it is."""

import argparse
from pathlib import Path

import pandas as pd

from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.reporting.formats import to_html
from imbalance_aware.reporting.grid import Cell, Grid, Panel, Row
from imbalance_aware.reporting.labels import readable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--table", type=Path, required=True, help="table to show")
    parser.add_argument("--title", required=True, help="title of the table")
    parser.add_argument("--out", type=Path, required=True, help="page to write, .html")


def run(args: argparse.Namespace) -> None:
    """Write the page; a table without rows says so."""
    try:
        table = pd.read_csv(args.table, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise UserError(f"{args.table}: no such file") from None
    write_text(args.out, to_html(as_grid(table, args.title, args.table.stem)))


def as_grid(table: pd.DataFrame, title: str, name: str) -> Grid:
    """The table as it is, its columns under readable names."""
    rows = tuple(Row((), tuple(Cell(value) for value in row)) for row in table.itertuples(index=False, name=None))
    columns = tuple(readable(column) for column in table.columns)
    return Grid(name, title, (Panel((), columns, rows),), notes=() if rows else ("None.",))
