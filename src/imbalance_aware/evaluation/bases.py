"""Data to which decision rules may be fitted, for every run on a dataset: class counts, validation predictions."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.decision_rules import AnyBasis, Basis
from imbalance_aware.evaluation.logit_adjustment import training_class_counts
from imbalance_aware.metrics.declaration import Context, Metric, Outcome
from imbalance_aware.runs.identity import Run, identify
from imbalance_aware.tables.csv_text import make_again
from imbalance_aware.tables.folds import read_folds
from imbalance_aware.tables.predictions import Predictions, read_predictions

#: Training samples of each class, under the repeat and, of a cross-validation, the fold.
ClassCounts = Mapping[int, list[int] | Mapping[int, list[int]]]


def class_counts(samples: Path, folds: Iterable[Path], classes: tuple[str, ...], cross_validated: bool) -> ClassCounts:
    """Training samples of each class, of each repeat; of a fixed split under 0.

    Args:
        samples: ``samples.csv`` of the dataset.
        folds: its tables of folds, ``repeat-R.csv``.
        classes: those predicted.
        cross_validated: whether there are folds.

    Raises:
        UserError: no table of folds where there must be one, or tables that do not fit.
    """
    if not cross_validated:
        return {0: training_class_counts(samples, classes)}
    tables = sorted(folds)
    if not tables:
        raise UserError(f"{samples}: from a cross-validation; --folds must name the tables of its folds")
    return {
        int(path.stem.rpartition("-")[2]): {
            number: training_class_counts(samples, classes, parts) for number, parts in enumerate(read_folds(path))
        }
        for path in tables
    }


def validation_outcomes(paths: Iterable[Path], classes: tuple[str, ...], context: Context) -> dict[Run, Outcome]:
    """Validation predictions of each trained run.

    Raises:
        UserError: no such file, or one of other classes.
    """
    found = {}
    for path in paths:
        table = read_predictions(path)
        if table.classes != classes:
            raise UserError(f"{path}: its classes are not those of the test predictions. {make_again(path)}")
        found[identify(path)] = Outcome(table.labels, table.probabilities, context=context)
    return found


def bases(
    runs: Mapping[Run, Predictions], counts: ClassCounts, validation: Mapping[Run, Outcome], metric: Metric
) -> dict[Run, AnyBasis]:
    """The basis of each run; of predictions pooled over folds, that of each fold.

    Args:
        runs: test predictions.
        counts: from `class_counts`.
        validation: from `validation_outcomes`; runs without have no tuned rules.
        metric: that offsets are tuned for.

    Raises:
        UserError: the tables of folds lack a repeat, or a fold that a run names.
    """
    return {place: _basis(place, run, counts, validation, metric) for place, run in runs.items()}


def _basis(
    place: Run, run: Predictions, counts: ClassCounts, validation: Mapping[Run, Outcome], metric: Metric
) -> AnyBasis:
    if place.repeat not in counts:
        raise UserError(f"{place.place}: --folds names no table of the repeat {place.repeat}")
    of_repeat = counts[place.repeat]
    if not isinstance(of_repeat, Mapping):
        return Basis(of_repeat, validation.get(place), metric)
    if run.fold is not None and (absent := sorted({*run.fold.tolist()} - {*of_repeat})):
        raise UserError(f"{place.place}: names the fold {absent[0]}, which the table of its repeat does not have")
    return {
        fold: Basis(of_fold, validation.get(replace(place, fold=fold)), metric) for fold, of_fold in of_repeat.items()
    }
