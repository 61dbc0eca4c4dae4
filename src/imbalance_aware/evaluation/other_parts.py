"""Metrics of what a run predicts of its own training samples and of its validation part, by the weights that are kept.

In a cross-validation every fold has such parts of its own, and a sample is in those of several folds. So metrics are
computed in each fold and averaged, of all folds that define them; pooled they would count samples several times.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.metrics import COLLAPSED, DIVERGED, OK, classification_metrics
from imbalance_aware.evaluation.units import samples_of, take
from imbalance_aware.metrics.catalogue import metric_names
from imbalance_aware.metrics.declaration import Context
from imbalance_aware.runs.run_folder import PREDICTIONS
from imbalance_aware.tables.csv_text import make_again
from imbalance_aware.tables.predictions import Predictions, read_predictions


def read_part(paths: Sequence[Path], option: str, predictions: Predictions) -> list[Predictions]:
    """The predictions of a part, of the run or of each fold.

    Args:
        paths: its tables; none where the part was not recorded.
        option: of the command line, for messages.
        predictions: those of the test.

    Raises:
        UserError: no such file (training made it beside the test predictions), other classes, or not one of each fold.
    """
    folds = 1 if predictions.fold is None else len(np.unique(predictions.fold))
    if paths and len(paths) != folds:
        raise UserError(f"{option}: {len(paths)} tables for {folds} folds; name that of each, in order")
    tables = []
    for path in paths:
        if not path.is_file():
            again = make_again(path.with_name(PREDICTIONS))
            raise UserError(f"{path}: no such file; training writes it beside {PREDICTIONS}. {again}")
        table = read_predictions(path)
        if table.classes != predictions.classes:
            raise UserError(f"{path}: its classes are not those of the test predictions. {make_again(path)}")
        tables.append(table)
    return tables


def part_metrics(tables: Sequence[Predictions], unit: str, context: Context) -> dict[str, Any]:
    """The metrics of a part.

    Args:
        tables: of the run, or of each fold; at least one.
        unit: what metrics count, see `imbalance_aware.evaluation.units`.
        context: what is known of the classes.

    Returns:
        ``n`` and ``n_groups`` (of several folds a list of those of each), ``status`` and each of `metric_names`, None
        where no fold defines it. Of several folds the status is ``diverged`` if one diverged (then there are no
        metrics), ``collapsed`` if all did.
    """
    classes = tables[0].classes
    units = [take(unit, samples_of(table)) for table in tables]
    reports = [classification_metrics(of.labels, of.probabilities, classes, context=context) for of in units]
    sizes = {"n": [len(of.labels) for of in units], "n_groups": [len(np.unique(of.groups)) for of in units]}
    status = _status([report["status"] for report in reports])
    values = {name: [report[name] for report in reports] for name in metric_names(classes, context)}
    return {
        **{name: counts if len(counts) > 1 else counts[0] for name, counts in sizes.items()},
        "status": status,
        **{name: None if status == DIVERGED else _mean(of_folds) for name, of_folds in values.items()},
    }


def _status(of_folds: Sequence[str]) -> str:
    if DIVERGED in of_folds:
        return DIVERGED
    return COLLAPSED if {*of_folds} == {COLLAPSED} else OK


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None
