"""Average what the runs of one condition, one per seed, predict for the same test subjects.

The mean of the probabilities is what `predict` gives for the folder of the condition. If a run diverged, the mean is
not finite either, and the ensemble counts as diverged.
"""

import argparse
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.tested import classes_of_part, require_subjects
from imbalance_aware.files import write_text
from imbalance_aware.tables.csv_text import make_again
from imbalance_aware.tables.predictions import predictions_csv, read_predictions
from imbalance_aware.tables.samples import read_samples


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--samples", type=Path, required=True, help="samples.csv of the dataset, with a fixed split")
    parser.add_argument("--out", type=Path, required=True, help="predictions.csv of the ensemble to write")
    parser.add_argument("predictions", type=Path, nargs="+", help="…/condition/seed-N/predictions.csv")


def run(args: argparse.Namespace) -> None:
    """Write the mean probabilities, in the order of the first table.

    Raises:
        UserError: tables of other subjects or classes than those of the test part.
    """
    first, *others = [read_predictions(path) for path in args.predictions]
    for path, table in zip(args.predictions[1:], others, strict=True):
        same = np.array_equal(table.subjects, first.subjects) and np.array_equal(table.labels, first.labels)
        if not same or table.classes != first.classes:
            raise UserError(
                f"{path}: its test subjects or classes are not those of {args.predictions[0]}. {make_again(path)}"
            )
    require_subjects(first, classes_of_part(args.samples, "test"), args.predictions[0], args.samples)
    samples = {sample["subject"]: sample for sample in read_samples(args.samples)}
    mean = np.mean([table.probabilities for table in (first, *others)], axis=0)
    write_text(args.out, predictions_csv([samples[subject] for subject in first.subjects], first.classes, mean))
