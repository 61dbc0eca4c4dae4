"""The metric that selects the epoch of a run on its validation part, checked before training."""

import logging
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.metrics.overall import overall_metric
from imbalance_aware.runs.settings import RunSettings
from imbalance_aware.training.data import Dataset
from imbalance_aware.training.validation import Score

log = logging.getLogger(__name__)


def score_of_run(settings: RunSettings, dataset: Dataset, source: Path) -> Score | None:
    """The metric of the validation part of a dataset; None where the dataset has no such part.

    A metric is computed over the classes that the part has, as the metric defines; a warning names a class that it
    lacks.

    Args:
        settings: of the run.
        dataset: of the run.
        source: table that says which samples are in the validation part, for messages.

    Raises:
        UserError: the run is to keep the best epoch's weights, and there is no validation part, or one on which the
            metric is undefined; or there is one and no known metric is named, or one whose package is not installed.
    """
    best = settings.training.select == "best"
    if not len(dataset.validation.rows):
        if best:
            raise UserError(
                f"{source}: no sample is in the validation part, from which `training.select: best` selects the "
                "epoch; give the dataset one (`validation: 0.15` in its `split`), or set `training.select: last`"
            )
        return None
    if settings.validation_metric is None:
        raise UserError(
            f"{source}: has a validation part, but the settings do not name a metric for it: set validation_metric, "
            "such as balanced_accuracy"
        )
    score = score_of(settings.validation_metric)
    labels = dataset.validation.labels
    undefined = _is_undefined(score, labels, len(dataset.classes))
    if absent := [name for label, name in enumerate(dataset.classes) if not (labels == label).any()]:
        lack = f"{source}: the validation part has no sample of the class {', '.join(absent)}"
        if undefined and best:
            raise UserError(
                f"{lack}, without which {score.name} is undefined and cannot be used to select the epoch; make the "
                "part larger (`validation` in the dataset's `split`), or choose another `evaluation.primary`"
            )
        meaning = "is undefined and stays empty" if undefined else "is that of the other classes alone"
        log.warning("%s: %s there %s", lack, score.name, meaning)
    return score


def _is_undefined(score: Score, labels: np.ndarray, classes: int) -> bool:
    """Whether a metric has no value for samples with these labels, tried with even probabilities.

    Raises:
        UserError: a package that the metric needs is not installed.
    """
    try:
        return score.function(labels, np.full((len(labels), classes), 1 / classes)) is None
    except ModuleNotFoundError as error:
        raise UserError(
            f"the metric {score.name} of the validation part needs the package {error.name}, which is not installed; "
            "envs/train.yaml lists the packages that training needs"
        ) from None


def score_of(name: str) -> Score:
    """A metric of the catalogue that has one value for all classes together.

    Raises:
        UserError: there is none of that name.
    """
    metric, function = overall_metric(name, "validation_metric")
    return Score(name, metric.better, function)
