"""Compare each condition of a study with a baseline, on the same seeds and test subjects.

For each metric: the mean over seeds of the difference (condition minus baseline), its smallest and largest value among
the seeds, and a 95 % confidence interval from a stratified, paired bootstrap over test subjects. The interval speaks of
other test subjects for these trained models; what other seeds would give is seen in the range over seeds. Intervals are
not adjusted for the number of comparisons. Where all replicates give the same difference, as with one test subject of a
class or with equal predictions, there is no interval. Runs that diverged, and their partners, are left out.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.metrics import is_collapsed
from imbalance_aware.evaluation.statistics import bootstrap_metrics
from imbalance_aware.files import write_text
from imbalance_aware.metrics.catalogue import RESAMPLED
from imbalance_aware.runs.identity import Run, identify
from imbalance_aware.tables.differences import COLUMNS, differences_csv
from imbalance_aware.tables.predictions import Predictions, read_predictions

LEVELS = (2.5, 97.5)
#: An interval not wider than this has no width but that of rounding in the last bits.
NO_WIDTH = 1e-9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--baseline", default="ce-uniform", help="condition to compare with (default: ce-uniform)")
    parser.add_argument("--replicates", type=int, default=2000, help="bootstrap replicates (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the bootstrap (default: 0)")
    parser.add_argument("--out", type=Path, required=True, help="table of differences to write")
    parser.add_argument("predictions", type=Path, nargs="+", help="…/study/dataset/condition/seed-N/predictions.csv")


def run(args: argparse.Namespace) -> None:
    """Write one row per dataset, condition and metric."""
    runs = {identify(path): read_predictions(path) for path in args.predictions}
    datasets = dict.fromkeys(place.dataset for place in runs)
    tables = [
        compare(
            {place: predictions for place, predictions in runs.items() if place.dataset == dataset},
            args.baseline,
            args.replicates,
            args.seed,
        )
        for dataset in datasets
    ]
    write_text(args.out, differences_csv(pd.concat(tables)))


def compare(runs: dict[Run, Predictions], baseline: str, replicates: int, seed: int) -> pd.DataFrame:
    """Differences of the conditions of one dataset from ``baseline``.

    Returns:
        Columns of `imbalance_aware.tables.differences`: ``n_seeds`` are pairs of finite runs, ``n_runs`` those of the
        condition, of which ``n_collapsed`` and ``n_diverged``; NaN without pairs or where the metric is undefined,
        ``ci_low`` and ``ci_high`` also where all replicates are equal.

    Raises:
        UserError: no run of the baseline, or runs on different test subjects.
    """
    first = next(iter(runs.values()))
    for place, predictions in runs.items():
        same = np.array_equal(predictions.subjects, first.subjects) and predictions.classes == first.classes
        if not same or not np.array_equal(predictions.labels, first.labels):
            raise UserError(f"{place}: its test subjects or classes are not those of the other runs of {place.dataset}")
    dataset = next(iter(runs)).dataset
    if baseline not in {place.condition for place in runs}:
        raise UserError(f'no run of the baseline "{baseline}" on {dataset}')
    finite = [place for place, predictions in runs.items() if np.isfinite(predictions.probabilities).all()]
    values = dict(
        zip(
            finite,
            bootstrap_metrics(first.labels, [runs[place].probabilities for place in finite], replicates, seed)
            if finite
            else (),
            strict=True,
        )
    )
    collapsed = [place for place in finite if is_collapsed(first.labels, runs[place].probabilities.argmax(axis=1))]
    rows = []
    for condition in dict.fromkeys(place.condition for place in runs):
        if condition != baseline:
            pairs = _paired_differences(values, condition, baseline)
            counts = (
                _count(runs, condition),
                _count(collapsed, condition),
                _count(runs, condition) - _count(finite, condition),
                _count(collapsed, baseline),
            )
            rows += [
                (dataset, condition, baseline, metric, n_seeds, *counts, *values_of_metric)
                for metric, n_seeds, *values_of_metric in _summarise(pairs)
            ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _count(places: Iterable[Run], condition: str) -> int:
    return sum(place.condition == condition for place in places)


def _paired_differences(values: dict[Run, np.ndarray], condition: str, baseline: str) -> list[np.ndarray]:
    """Condition minus baseline for each seed that both have, each of shape (1 + replicates, metrics)."""
    by_seed = {
        name: {place.seed: value for place, value in values.items() if place.condition == name}
        for name in (condition, baseline)
    }
    return [value - by_seed[baseline][seed] for seed, value in by_seed[condition].items() if seed in by_seed[baseline]]


def _summarise(pairs: list[np.ndarray]) -> list[tuple]:
    """A row per metric: name, number of pairs, mean difference, interval, range over seeds."""
    if not pairs:
        return [(metric, 0, *[np.nan] * 5) for metric in RESAMPLED]
    stacked = np.stack(pairs)
    means, seeds = stacked.mean(axis=0), stacked[:, 0]
    low, high = np.percentile(means[1:], LEVELS, axis=0)
    low, high = (np.where(high - low > NO_WIDTH, bound, np.nan) for bound in (low, high))
    columns = (means[0], low, high, seeds.min(axis=0), seeds.max(axis=0))
    return [(metric, len(pairs), *(float(column[k]) for column in columns)) for k, metric in enumerate(RESAMPLED)]
