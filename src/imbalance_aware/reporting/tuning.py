"""What was tried and chosen in a tuned study, in words: for tables, the verdict and their notes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.reporting.labels import in_a_sentence
from imbalance_aware.tables.trials import Trial

#: Conditions with the same number of trials that are named one by one; more are counted.
MOST_NAMED = 4
#: From so many values on, a choice at the end of a list says that the list may be too short.
ENDS_FROM = 3
NOTHING = "nothing to choose"


def values_in_words(values: Mapping[str, Any]) -> str:
    """``"learning_rate = 0.001, focal.gamma = 2"``."""
    return ", ".join(f"{key.removeprefix('training.')} = {value}" for key, value in values.items()) or NOTHING


def budgets(trials: Iterable[Trial]) -> dict[str, int]:
    """Condition -> how many trials it had in each split."""
    return {trial.condition: trial.trials for trial in trials}


def are_equal(of: Mapping[str, int]) -> bool:
    """Whether all conditions had the same number of trials."""
    return len({*of.values()}) <= 1


def budgets_in_words(of: Mapping[str, int], label: Mapping[str, str]) -> str:
    """``"2 trials for CE, Uniform; 6 trials for Focal, Uniform"``, the smallest number first.

    Args:
        of: from `budgets`.
        label: names of conditions in print.
    """
    if are_equal(of):
        number = next(iter(of.values()))
        return f"{number} trial{'s' * (number != 1)} for every condition"
    parts = []
    for number in sorted({*of.values()}):
        names = [label.get(name, name) for name, trials in of.items() if trials == number]
        told = " and ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} conditions"
        parts.append(f"{number} trial{'s' * (number != 1)} for {told}")
    return "; ".join(parts)


#: What follows from numbers of trials that differ.
FAVOURED = "the best of more trials is better, also by chance, so differences favour the conditions with more trials."


def unequal_in_words(of: Mapping[str, int], label: Mapping[str, str]) -> str:
    """That numbers of trials differ, and what follows."""
    return f"Unequal tuning budgets ({budgets_in_words(of, label)}): {FAVOURED}"


def notes(trials: Sequence[Trial], label: Mapping[str, str]) -> list[str]:
    """Notes below every table of a tuned study: how values were chosen, from how many trials."""
    of, metric = budgets(trials), in_a_sentence(METRICS[trials[0].metric].label)
    line = (
        f"Hyperparameters were chosen on the validation part by {metric} (table tuning), never on test: "
        f"{budgets_in_words(of, label)}."
    )
    return [line] if are_equal(of) else [line, f"Unequal tuning budgets: {FAVOURED}"]


def at_an_end(trials: Iterable[Trial]) -> dict[str, list[str]]:
    """Key -> conditions of which a chosen number is the smallest or largest of at least `ENDS_FROM` that were tried."""
    tried: dict[tuple[str, str], set[float]] = {}
    chosen: dict[tuple[str, str], set[float]] = {}
    for trial in trials:
        for key, value in trial.values.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                place = (key, trial.condition)
                tried.setdefault(place, set()).add(value)
                chosen.setdefault(place, set()).update([value] if trial.chosen else [])
    found: dict[str, list[str]] = {}
    for (key, condition), values in tried.items():
        if len(values) >= ENDS_FROM and chosen[key, condition] & {min(values), max(values)}:
            found.setdefault(key, []).append(condition)
    return found
