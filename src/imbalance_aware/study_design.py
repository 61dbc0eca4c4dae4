"""Settings for the figure of a study's design, from the configuration: no prose and no counts."""

from collections.abc import Mapping
from typing import Any

from imbalance_aware.config import Config, Study
from imbalance_aware.reporting.recipe_words import recipe_of

#: Of the settings of training: what shapes a comparison. Devices and precision are left to the run's own record.
TRAINING = ("epochs", "batch_size", "learning_rate", "optimiser", "schedule", "select", "patience")
EVALUATION = ("primary", "relevant_difference", "unit")


def study_design(study: Study, config: Config) -> dict[str, Any]:
    """The settings that the figure shows, as values of JSON.

    Raises:
        UserError: the table that decides a dataset's split cannot be read.
    """
    evaluation = config.evaluation.model_dump(mode="json", include={*EVALUATION})
    return {
        "datasets": {name: _dataset(config.datasets[name], config) for name in study.settings.datasets},
        "conditions": [condition.columns() for condition in study.conditions.values()],
        "model": study.model.model_dump(mode="json"),
        "training": _training(study),
        "seeds": study.settings.seeds,
        "evaluation": evaluation | {"baseline": study.baseline},
    }


def _training(study: Study) -> dict[str, Any]:
    """What is always shown, and the options that are on."""
    settings = study.training.model_dump(mode="json")
    return {name: settings[name] for name in TRAINING} | recipe_of(settings)


def _dataset(settings: Any, config: Config) -> Mapping[str, Any]:
    folds = settings.cross_validation()
    shown = {
        "kind": settings.kind,
        "split": settings.chosen_split().model_dump(mode="json", exclude_none=True),
        "folds": folds and folds.folds,
        "repeats": folds.repeats if folds else 1,
        "shape": list(settings.training_shape),
        "augmentation": getattr(config.augmentation, settings.kind).model_dump(mode="json"),
    }
    if settings.kind == "volumes":
        steps = settings.preprocessing
        shown |= {
            "sequences": list(settings.sequences),
            "start": getattr(settings, "start", "raw"),
            "reference_sequence": settings.reference_sequence,
            "atlas_transform": steps.registration.atlas_transform,
            "brain_extraction": steps.brain_extraction.method,
            "percentiles": [steps.normalisation.lower, steps.normalisation.upper],
            "mask": steps.mask.method,
        }
    return shown
