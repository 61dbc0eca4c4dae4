"""Pool what the folds of one cross-validation predict for the subjects that they test.

Writes one table for the whole dataset, in the order of samples.csv, with a column `fold`. Every subject must be tested
exactly once, by the fold that the table of folds names.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.runs.identity import identify
from imbalance_aware.tables.csv_text import make_again
from imbalance_aware.tables.folds import read_folds
from imbalance_aware.tables.predictions import Predictions, predictions_csv, read_predictions
from imbalance_aware.tables.samples import read_samples

#: Fold -> its table and what it holds.
Tables = Mapping[int, tuple[Path, Predictions]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--samples", type=Path, required=True, help="samples.csv of the dataset")
    parser.add_argument("--folds", type=Path, required=True, help="table of the folds of this repeat")
    parser.add_argument("--out", type=Path, required=True, help="pooled predictions.csv to write")
    parser.add_argument("predictions", type=Path, nargs="+", help="…/fold-K/predictions.csv of every fold")


def run(args: argparse.Namespace) -> None:
    """Write the pooled table.

    Raises:
        UserError: a subject that is not tested exactly once, or tables that do not fit each other.
    """
    samples = read_samples(args.samples)
    tested = tested_by(args.folds, [sample["subject"] for sample in samples])
    tables = _by_fold(args.predictions)
    if absent := sorted({*tested.values()} - {*tables}):
        raise UserError(f"{args.folds}: the fold {absent[0]} tests subjects, but its predictions are not given")
    classes = next(iter(tables.values()))[1].classes
    probabilities: dict[str, np.ndarray] = {}
    for number, (path, table) in tables.items():
        if table.classes != classes:
            raise UserError(f"{path}: its classes are not those of the other folds. {make_again(path)}")
        _check_subjects(path, table, {subject for subject, fold in tested.items() if fold == number})
        probabilities |= dict(zip(table.subjects, table.probabilities, strict=True))
    _check_labels(samples, tables)
    rows = np.stack([probabilities[sample["subject"]] for sample in samples])
    write_text(args.out, predictions_csv(samples, classes, rows, [tested[sample["subject"]] for sample in samples]))


def tested_by(path: Path, subjects: Sequence[str]) -> dict[str, int]:
    """The fold that tests each subject.

    Args:
        path: the table of the folds of one repeat.
        subjects: those of ``samples.csv``.

    Raises:
        UserError: other subjects, or a subject that not exactly one fold tests.
    """
    folds = read_folds(path)
    if {*folds[0]} != {*subjects}:
        raise UserError(f"{path}: its subjects are not those of the dataset's samples.csv. {make_again(path)}")
    tested = {}
    for subject in subjects:
        numbers = [number for number, parts in enumerate(folds) if parts[subject] == "test"]
        if len(numbers) != 1:
            by = f"the folds {', '.join(map(str, numbers))}" if numbers else "no fold"
            raise UserError(f"{path}: the subject {subject} is tested by {by}, not by exactly one. {make_again(path)}")
        tested[subject] = numbers[0]
    return tested


def _by_fold(paths: Sequence[Path]) -> Tables:
    tables: dict[int, tuple[Path, Predictions]] = {}
    for path in paths:
        fold = identify(path).fold
        if fold is None:
            raise UserError(f"{path}: not the predictions of a fold: expected …/fold-K/predictions.csv")
        if fold in tables:
            raise UserError(f"{path}: the fold {fold} is given twice")
        tables[fold] = path, read_predictions(path)
    return tables


def _check_subjects(path: Path, table: Predictions, expected: set[str]) -> None:
    """The subjects of a fold are those that it tests; `read_predictions` has seen that none is there twice."""
    found = {*table.subjects.tolist()}
    if strange := sorted(found - expected):
        raise UserError(f"{path}: contains the subject {strange[0]}, which this fold does not test. {make_again(path)}")
    if absent := sorted(expected - found):
        raise UserError(f"{path}: lacks the subject {absent[0]}, which this fold tests. {make_again(path)}")


def _check_labels(samples: Sequence[Mapping[str, str]], tables: Tables) -> None:
    known = {sample["subject"]: (int(sample["label"]), sample["class"]) for sample in samples}
    for path, table in tables.values():
        for subject, label in zip(table.subjects, table.labels.tolist(), strict=True):
            if known[subject] != (label, table.classes[label]):
                raise UserError(
                    f"{path}: subject {subject} is of class {table.classes[label]} here and of class "
                    f"{known[subject][1]} in samples.csv. {make_again(path)}"
                )
