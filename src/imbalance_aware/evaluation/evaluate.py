"""Compute the metrics of one run from its predictions.

Nothing but predictions.csv is needed, so metrics can be recomputed anywhere. With --samples, the same metrics are also
given after post-hoc logit adjustment, which takes the class frequencies of the training set out of the predictions.
"""

import argparse
import logging
from pathlib import Path

from imbalance_aware.evaluation.logit_adjustment import adjust_logits, training_class_counts
from imbalance_aware.evaluation.metrics import classification_metrics
from imbalance_aware.files import write_json
from imbalance_aware.tables.predictions import read_predictions
from imbalance_aware.tables.run_metrics import POSTHOC

log = logging.getLogger(__name__)
TAU = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--predictions", type=Path, required=True, help="predictions.csv of a run")
    parser.add_argument("--samples", type=Path, help="samples.csv of its dataset, for the class frequencies")
    parser.add_argument("--out", type=Path, required=True, help="metrics.json to write")


def run(args: argparse.Namespace) -> None:
    """Write the metrics; a run that collapsed or diverged is a result, said in the log."""
    predictions = read_predictions(args.predictions)
    classes = predictions.classes
    report = classification_metrics(predictions.labels, predictions.probabilities, classes)
    if args.samples:
        counts = training_class_counts(args.samples, classes)
        adjusted = adjust_logits(predictions.probabilities, counts, TAU)
        metrics = classification_metrics(predictions.labels, adjusted, classes)
        report[POSTHOC] = {
            "tau": TAU,
            "training_class_counts": dict(zip(classes, counts, strict=True)),
            **{key: value for key, value in metrics.items() if key not in ("n", "classes", "test_subjects")},
        }
    write_json(args.out, report)
    if report["status"] != "ok":
        log.warning("%s: %s", report["status"], args.predictions)
