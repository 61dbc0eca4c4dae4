"""Gather the trials of all conditions and splits of a study into one table."""

import argparse
from pathlib import Path

from imbalance_aware.files import write_text
from imbalance_aware.tables.trials import read_trials, trials_csv


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--out", type=Path, required=True, help="trials.csv of the study to write")
    parser.add_argument("tables", nargs="+", type=Path, help="trials.csv of each condition and split")


def run(args: argparse.Namespace) -> None:
    """Write the table, in the order in which the others are given.

    Raises:
        UserError: a table cannot be read.
    """
    write_text(args.out, trials_csv([trial for path in args.tables for trial in read_trials(path)]))
