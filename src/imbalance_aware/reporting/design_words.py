"""A study's settings in words, line by line, for the figure of its design."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from imbalance_aware.conditions import trained_and_rival
from imbalance_aware.metrics.catalogue import named
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.recipe_words import recipe_words
from imbalance_aware.rivals.catalogue import RIVALS

#: Seeds that are listed one by one; more are counted.
MOST_SEEDS = 8
BRAINS = {"hd_bet": "HD-BET", "hd_bet_fast": "HD-BET (one network)", "threshold": "intensity threshold"}
STARTS = {"raw": "", "registered": " (already registered)", "stripped": " (already registered and skull-stripped)"}


def preprocessing(dataset: Mapping[str, Any]) -> list[str]:
    """Preprocessing from the source files to the training input."""
    if dataset["kind"] == "images":
        return [f"Resized to {_size(dataset['shape'])} pixels, scaled to [0, 1]"]
    sequences = ", ".join(map(_sequence, dataset["sequences"]))
    lines = [f"Sequences: {sequences}{STARTS[dataset['start']]}"]
    if dataset["start"] == "raw" and len(dataset["sequences"]) > 1:
        lines.append(
            f"Registration to {_sequence(dataset['reference_sequence'])}, then to the atlas ({_transform(dataset)})"
        )
    else:
        lines.append(f"Registration to the atlas ({_transform(dataset)})")
    if dataset["start"] != "stripped":
        lines.append(f"Brain extraction: {BRAINS.get(dataset['brain_extraction'], dataset['brain_extraction'])}")
    low, high = dataset["percentiles"]
    ends = "" if (low, high) == (0, 100) else f" (percentiles {low:g} to {high:g})"
    lines.append(f"Scaled to [0, 1] inside the brain{ends}")
    masks = "segmented by a BraTS algorithm" if dataset["mask"] == "brats" else "from the source"
    return [*lines, f"Patch of {_cube(dataset['shape'][0])} voxels around the tumour (masks {masks})"]


def _transform(dataset: Mapping[str, Any]) -> str:
    return str(dataset["atlas_transform"])


def _sequence(name: str) -> str:
    return readable(name)


def augmentation(dataset: Mapping[str, Any]) -> str:
    """Random augmentation of training images."""
    change = dataset["augmentation"]
    parts = [
        *([f"gamma {_range(change['gamma'])}"] if change["gamma"] else []),
        *([f"contrast gain {_range(change['contrast_gain'])}"] if change["contrast_gain"] else []),
        *([f"blur {_range(change['blur_sigma'])} voxels"] if change["blur_sigma"] else []),
        *([f"flips along {len(change['flip_axes'])} axes"] if change["flip_axes"] else []),
        *([f"random crop of {_power(change['crop'], len(dataset['shape']))}"] if change["crop"] else []),
    ]
    if not parts or change["probability"] == 0:
        return "No augmentation"
    return f"Augmentation, each with probability {change['probability']:g}: {', '.join(parts)}"


def split(dataset: Mapping[str, Any], cohorts: Sequence[str], several: bool) -> list[str]:
    """How training and test data are split.

    Args:
        dataset: its settings.
        cohorts: names of its cohorts.
        several: whether a group (patient) has more than one sample.
    """
    how, folds = dataset["split"], dataset["folds"]
    drawn = f"stratified by class{', patients kept whole' if several else ''}"
    times = f", {dataset['repeats']} times" if dataset["repeats"] > 1 else ""
    lines = {
        "authors": "Split: published by the authors",
        "table": "Split: as in the table" if folds is None else f"Cross-validation: {folds} folds of the table",
        "cohorts": f"Split: tested on {', '.join(how.get('test_cohorts') or [])}, excluded from training",
        "random": f"Split: {100 * how.get('test_fraction', 0):g} % test set, {drawn}",
        "folds": f"Cross-validation: {folds} folds{times}, {drawn}",
        "leave_one_cohort_out": f"Cross-validation: each of {len(cohorts)} cohorts tested after training on the others",
    }
    validation = how.get("validation") or 0
    extra = [f"Validation: {100 * validation:g} % of the training part"] if validation else []
    return [lines.get(how["method"], readable(how["method"])), *extra]


def training(design: Mapping[str, Any]) -> list[str]:
    """Network, optimisation and seeds."""
    settings, seeds = design["training"], design["seeds"]
    kept = "weights of the last epoch"
    if settings["select"] == "best":
        patience = f", patience {settings['patience']}" if settings["patience"] else ""
        kept = f"weights of the best epoch on the validation part{patience}"
    recipe = recipe_words(settings)
    listed = ", ".join(map(str, seeds)) if len(seeds) <= MOST_SEEDS else f"{len(seeds)} ({seeds[0]} … {seeds[-1]})"
    return [
        network(design["model"]),
        f"{readable(settings['optimiser'])}, learning rate {settings['learning_rate']:g} ({settings['schedule']}), "
        f"{settings['epochs']} epochs, batches of {settings['batch_size']}; {kept}",
        *([f"With {'; '.join(recipe)}"] if recipe else []),
        f"{'Seed' if len(seeds) == 1 else 'Seeds'}: {listed}",
    ]


def network(model: Mapping[str, Any]) -> str:
    """``ResNet, blocks 3-4-6-3, widths 32-64-128-256``."""
    weights = ", pretrained" + (", frozen" if model.get("freeze") else "") if "weights" in model else ""
    if "network" in model:
        return f"Network: {model['network']}{weights}"
    return f"ResNet, blocks {_joined(model['blocks'])}, widths {_joined(model['widths'])}{weights}"


def trainings(design: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Number of networks trained on each dataset, and in total.

    Args:
        design: the study's settings.
        names: dataset -> its name in print.
    """
    lines, total = [], 0
    for name, dataset in design["datasets"].items():
        factors = {
            "condition": sum(not trained_and_rival(row["condition"])[1] for row in design["conditions"]),
            "seed": len(design["seeds"]),
            "fold": dataset["folds"] or 1,
            "repeat": dataset["repeats"],
        }
        product = math.prod(factors.values())
        total += product
        shown = " × ".join(
            f"{count} {word}{'s' * (count > 1)}"
            for word, count in factors.items()
            if count > 1 or word in ("condition", "seed")
        )
        lines.append(f"{names[name]}: {shown} = {product} training run{'s' * (product > 1)}")
    return lines if len(lines) == 1 else [*lines, f"Total: {total} training runs"]


def rivals(design: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Which rivals use the features of whose networks, a line for each condition that has some.

    Args:
        design: the study's settings.
        names: condition -> how it is called.
    """
    found: dict[str, list[str]] = {}
    for row in design["conditions"]:
        trained, rival = trained_and_rival(row["condition"])
        if rival:
            found.setdefault(trained, []).append(RIVALS[rival].label)
    return [f"Rivals on the features of {names[trained]}: {', '.join(labels)}" for trained, labels in found.items()]


def evaluation(design: Mapping[str, Any], baseline: str) -> list[str]:
    """The declared evaluation of the study.

    Args:
        design: the study's settings.
        baseline: name of the baseline.
    """
    settings = design["evaluation"]
    counted = "every image" if settings["unit"] == "sample" else "every group (patient), by the mean of its images"
    replicated = len(design["seeds"]) > 1 or any(dataset["repeats"] > 1 for dataset in design["datasets"].values())
    second = (
        "and for this procedure (other patients and other seeds)"
        if replicated
        else "only: results with other seeds cannot be inferred from one seed"
    )
    primary = named(settings["primary"]).metric.label
    lines = [
        f"Primary metric, declared before the runs: {primary}; all others are exploratory",
        f"Baseline: {baseline}; relevant difference {settings['relevant_difference']:g}; metrics count {counted}",
        f"95 % intervals: for these models (other patients) {second}",
    ]
    if any(dataset["folds"] for dataset in design["datasets"].values()):
        lines.append(
            "Cross-validated data: predictions of all folds pooled, each by a network not trained on the patient"
        )
    return lines


def _size(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _cube(edge: int) -> str:
    return _power(edge, 3)


def _power(edge: int, dimensions: int) -> str:
    return f"{edge}{'²³'[dimensions - 2]}"


def _range(ends: Sequence[float]) -> str:
    return f"{ends[0]:g}–{ends[1]:g}"


def _joined(numbers: Sequence[int]) -> str:
    return "-".join(map(str, numbers))
