"""The options of training beyond optimiser and schedule that a run uses, in words."""

from collections.abc import Mapping
from typing import Any

#: Key of the settings of training -> its value where it is off, and what a text says of another. Reading the settings'
#: own defaults would make torch a package of every step that writes texts.
RECIPE = {
    "weight_decay": (None, "a weight decay of {:g} (not of biases and normalisation layers)"),
    "warmup_epochs": (0, "a linear warm-up of {:g} epochs"),
    "clip_norm": (None, "gradients clipped to a norm of {:g}"),
    "accumulate": (1, "batches computed in {:g} parts"),
    "mixup": (None, "mixup (alpha {:g})"),
    "ema": (None, "an exponential moving average of the weights (decay {:g}), which was kept in their place"),
}


def recipe_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are on, by name; a run of an earlier version lacks some."""
    return {name: settings[name] for name, (off, _) in RECIPE.items() if settings.get(name, off) != off}


def recipe_words(settings: Mapping[str, Any]) -> list[str]:
    """A phrase for each option that is on."""
    return [RECIPE[name][1].format(value) for name, value in recipe_of(settings).items()]
