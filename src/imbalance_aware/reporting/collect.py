"""Gather the metrics of all runs of a study into one tidy table.

Columns: study, dataset, condition, loss, sampling, weighted, batch_size, seed, metric, value, status. Metrics after
post-hoc logit adjustment are called posthoc_<metric>. An undefined metric has a row with an empty value. The number of
test subjects of each class is there as test_subjects_<class>.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from imbalance_aware.class_names import metric_of_class
from imbalance_aware.errors import UserError
from imbalance_aware.files import write_csv
from imbalance_aware.metrics.table import POSTHOC, TEST_SUBJECTS, metric_names
from imbalance_aware.runs.place import identify

COLUMNS = [
    *("study", "dataset", "condition", "loss", "sampling", "weighted"),
    *("batch_size", "seed", "metric", "value", "status"),
]


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
    parser.add_argument("runs", nargs="+", type=Path, help="…/study/dataset/condition/seed-N/metrics.json")


def run(args: argparse.Namespace) -> None:
    """Write the tidy table."""
    write_csv(args.out, collect(args.study, read_conditions(args.conditions), args.batch_size, args.runs))


def read_conditions(text: str) -> dict[str, dict[str, Any]]:
    """Condition -> its loss, sampling and weighted, in the order given, from a table's path or inline JSON.

    Raises:
        UserError: no such table, or a column is missing.
    """
    try:
        if text.lstrip().startswith("["):
            table = pd.DataFrame(json.loads(text))
        else:
            table = pd.read_csv(text, sep="\t", comment="#", dtype=str, quoting=3, keep_default_na=False)
            table["weighted"] = table["weighted"] == "true"
        table = table[["condition", "loss", "sampling", "weighted"]]
    except FileNotFoundError:
        raise UserError(f"{text}: no such table of conditions") from None
    except (KeyError, ValueError) as error:
        raise UserError(f"--conditions: expected condition, loss, sampling and weighted: {error}") from None
    return {row.pop("condition"): row for row in table.to_dict("records")}


def collect(study: str, conditions: dict[str, dict[str, Any]], batch_size: int, paths: list[Path]) -> pd.DataFrame:
    """The tidy table of the runs at ``paths``, sorted by dataset (as they come), condition (as listed) and seed.

    Raises:
        UserError: a path is of another study, of an unlisted condition or there twice, or no metrics.json.
    """
    runs = {}
    for path in paths:
        place = identify(path)
        if place.study != study:
            raise UserError(f'{path}: is of the study "{place.study}", not "{study}"')
        if place.condition not in conditions:
            raise UserError(f'{path}: the condition "{place.condition}" is not among --conditions')
        if place in runs:
            raise UserError(f"{path}: given twice")
        runs[place] = path
    datasets = list(dict.fromkeys(place.dataset for place in runs))
    order = list(conditions)
    places = sorted(runs, key=lambda run: (datasets.index(run.dataset), order.index(run.condition), run.seed))
    rows = [
        {"study": study, "dataset": place.dataset, "condition": place.condition, **conditions[place.condition]}
        | {"batch_size": batch_size, "seed": place.seed, "metric": metric, "value": value, "status": status}
        for place in places
        for metric, value, status in _metrics(runs[place])
    ]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"value": float})


def _metrics(path: Path) -> Iterator[tuple[str, float | None, str]]:
    """(metric, value, status) of one metrics.json."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        names = {*metric_names(report["classes"])}
        blocks = {"": report, POSTHOC: report.get("posthoc_logit_adjustment", {})}
        for prefix, block in blocks.items():
            yield from ((prefix + name, value, block["status"]) for name, value in block.items() if name in names)
        for name, count in report.get(TEST_SUBJECTS, {}).items():
            yield metric_of_class(TEST_SUBJECTS, name), count, report["status"]
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (json.JSONDecodeError, KeyError, AttributeError, TypeError) as error:
        raise UserError(f"{path}: not the metrics of a run: {error!r}") from None
