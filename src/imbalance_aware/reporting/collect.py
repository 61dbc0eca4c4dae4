"""Gather the metrics of all runs of a study into one tidy table, one row per run, unit and metric.

The unit is a sample (image); where a group (patient) has more than one, there are rows of groups beside those of
samples.

Of a cross-validated dataset, all folds of one seed and repeat are one run here. Of the ensemble of a condition's seeds,
the cell of the seed is empty. Metrics after post-hoc logit adjustment are called posthoc_<metric>, those under other
decision rules offsets_<metric> and cost_<metric>, those after temperature scaling temperature_<metric>. Those of a
run's own training samples are called training_<metric>, those of its validation part validation_<metric>. An undefined
metric has a row with an empty value. The number of test subjects of each class is there as test_subjects_<class>, that
of groups as test_groups_<class>.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from imbalance_aware.conditions import read_rows
from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.runs.identity import identify
from imbalance_aware.tables.metrics import COLUMNS, metrics_csv
from imbalance_aware.tables.run_metrics import metric_values


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--study", required=True, help="name of the study, the same in all paths")
    parser.add_argument(
        "--conditions",
        required=True,
        help="conditions.tsv, or a JSON list of objects with condition, loss, sampling and weighted",
    )
    parser.add_argument("--batch-size", type=int, required=True, help="batch size of the study")
    parser.add_argument("--out", type=Path, required=True, help="metrics.csv to write")
    parser.add_argument(
        "runs",
        nargs="+",
        type=Path,
        help="…/study/dataset/condition/seed-N/metrics.json, or …/seed-N-repeat-R/… or …/ensemble/…",
    )


def run(args: argparse.Namespace) -> None:
    """Write the tidy table."""
    table = collect(args.study, read_conditions(args.conditions), args.batch_size, args.runs)
    write_text(args.out, metrics_csv(table))


def read_conditions(text: str) -> dict[str, dict[str, Any]]:
    """Condition -> its loss, sampling and weighted, in the order given, from a table's path or inline JSON.

    Raises:
        UserError: no such table, or a column is missing.
    """
    if text.lstrip().startswith("["):
        return _inline(text)
    return {
        row["condition"]: {"loss": row["loss"], "sampling": row["sampling"], "weighted": row["weighted"] == "true"}
        for _, row in read_rows(Path(text))
    }


def _inline(text: str) -> dict[str, dict[str, Any]]:
    try:
        table = pd.DataFrame(json.loads(text))[["condition", "loss", "sampling", "weighted"]]
    except (KeyError, ValueError) as error:
        raise UserError(f"--conditions: expected condition, loss, sampling and weighted: {error}") from None
    return {row.pop("condition"): row for row in table.to_dict("records")}


def collect(study: str, conditions: dict[str, dict[str, Any]], batch_size: int, paths: list[Path]) -> pd.DataFrame:
    """The tidy table of the runs at ``paths``, sorted by dataset (as they come), condition (as listed), repeat and
    seed.

    Raises:
        UserError: a path is of another study, of an unlisted condition or there twice, or no metrics.json.
    """
    runs = {}
    for path in paths:
        place = identify(path)
        if place.study != study:
            raise UserError(f'{path}: is of the study "{place.study}", not "{study}"')
        if place.fold is not None:
            raise UserError(f"{path}: is from one fold; only the metrics of all folds together can be collected")
        if place.condition not in conditions:
            raise UserError(f'{path}: the condition "{place.condition}" is not among --conditions')
        if place in runs:
            raise UserError(f"{path}: given twice")
        runs[place] = path
    datasets = list(dict.fromkeys(place.dataset for place in runs))
    order = list(conditions)
    places = sorted(
        runs, key=lambda run: (datasets.index(run.dataset), order.index(run.condition), run.repeat, run.seed or 0)
    )
    rows = [
        {"study": study, "dataset": place.dataset, "condition": place.condition, **conditions[place.condition]}
        | {"batch_size": batch_size, "seed": "" if place.seed is None else place.seed}
        | {"repeat": place.repeat, "unit": unit, "metric": metric, "value": value, "status": status}
        for place in places
        for unit, metric, value, status in metric_values(runs[place])
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"value": float})
