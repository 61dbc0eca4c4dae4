"""Values of a grid in the settings of a run."""

from collections.abc import Mapping
from typing import Any

from imbalance_aware.runs.settings import ConditionSettings, RunSettings, TrainingSettings


def with_values(settings: RunSettings, values: Mapping[str, Any]) -> RunSettings:
    """The settings with these values in place of their own.

    Args:
        settings: of a run.
        values: place -> value, as in `imbalance_aware.tuning.grid`.
    """
    training, condition = settings.training.model_dump(), settings.condition.model_dump()
    for place, value in values.items():
        group, _, name = place.partition(".")
        if group == "training":
            training[name] = value
        else:
            condition["kwargs"].setdefault(group, {})[name] = value
    return settings.model_copy(
        update={
            "training": TrainingSettings.model_validate(training),
            "condition": ConditionSettings.model_validate(condition),
        }
    )
