"""The options of training beyond optimiser and schedule that a run uses, in words."""

from collections.abc import Mapping
from typing import Any

from imbalance_aware.runs.settings import TrainingSettings

#: Key of `TrainingSettings` -> what a text says of its value.
RECIPE = {
    "weight_decay": "a weight decay of {:g} (not of biases and normalisation layers)",
    "warmup_epochs": "a linear warm-up of {:g} epochs",
    "clip_norm": "gradients clipped to a norm of {:g}",
    "accumulate": "batches computed in {:g} parts",
    "mixup": "mixup (alpha {:g})",
    "ema": "an exponential moving average of the weights (decay {:g}), which was kept in their place",
}


def recipe_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are on, by name; a run of an earlier version lacks some."""
    off = {name: TrainingSettings.model_fields[name].default for name in RECIPE}
    return {name: settings[name] for name in RECIPE if settings.get(name, off[name]) != off[name]}


def recipe_words(settings: Mapping[str, Any]) -> list[str]:
    """A phrase for each option that is on."""
    return [RECIPE[name].format(value) for name, value in recipe_of(settings).items()]
