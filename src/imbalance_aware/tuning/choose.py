"""Choose one of the trials of a condition: the best by the declared metric on the validation part.

Reads what every trial predicted of the validation part, and nothing else. Of equally good trials the first in the order
of the grid is chosen. A trial that diverged has no score and is chosen only if all diverged.
"""

import argparse
import json
import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.json_text import read_argument
from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.metrics.overall import overall_metric
from imbalance_aware.runs.identity import identify
from imbalance_aware.runs.run_folder import VALIDATION_PREDICTIONS
from imbalance_aware.tables.predictions import read_predictions
from imbalance_aware.tables.trials import Trial, trials_csv

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--grid", required=True, help="JSON: name of each trial -> its values, in order")
    parser.add_argument("--primary", required=True, help="metric to choose by")
    parser.add_argument(
        "--out", type=Path, required=True, help="trials.csv to write, in the folder that has one folder per trial"
    )


def run(args: argparse.Namespace) -> None:
    """Write the table.

    Raises:
        UserError: a trial's predictions are missing or damaged, there is no such metric, or it is undefined on the
            validation part.
    """
    grid = read_argument(args.grid, "--grid")
    if not isinstance(grid, dict) or not grid:
        raise UserError(f"--grid: expected names of trials with their values (got {json.dumps(grid)})")
    place = identify(args.out)
    if place.seed is None:
        raise UserError(f"{args.out}: expected …/study/dataset/condition/seed-N/trials.csv")
    scores = {name: score(args.out.parent / name / VALIDATION_PREDICTIONS, args.primary) for name in grid}
    best = best_of([*scores.values()], METRICS[args.primary].better == "higher")
    if all(map(math.isnan, scores.values())):
        log.warning("%s: all trials diverged; the first is used", args.out.parent)
    trials = [
        Trial(
            dataset=place.dataset,
            condition=place.condition,
            seed=place.seed,
            repeat=place.repeat,
            fold=place.fold,
            trial=name,
            values=values,
            metric=args.primary,
            score=scores[name],
            chosen=False,
            trials=len(grid),
        )
        for name, values in grid.items()
    ]
    trials[best] = replace(trials[best], chosen=True)
    write_text(args.out, trials_csv(trials))


def score(path: Path, primary: str) -> float:
    """The metric of a trial's predictions of the validation part; NaN where it diverged.

    Raises:
        UserError: the file cannot be read, there is no such metric, or it is undefined for these labels.
    """
    _, metric = overall_metric(primary, "--primary")
    found = read_predictions(path)
    if not np.isfinite(found.probabilities).all():
        return math.nan
    value = metric(found.labels, found.probabilities)
    if value is None:
        raise UserError(
            f"{path}: {primary} is undefined on the validation part, so nothing can be chosen by it; make the part "
            "larger (`validation` in the dataset's `split`), or choose another `evaluation.primary`"
        )
    return float(value)


def best_of(scores: Sequence[float], higher: bool) -> int:
    """Place of the best score, the first of equals; NaN is worse than anything."""
    sign = 1 if higher else -1
    return max(range(len(scores)), key=lambda place: -math.inf if math.isnan(scores[place]) else sign * scores[place])
