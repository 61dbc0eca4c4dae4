"""Settings shared by the runs of a study, from the ``config.yaml`` of each: network, optimisation, versions."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imbalance_aware.errors import UserError
from imbalance_aware.runs.identity import identify
from imbalance_aware.runs.run_config import read_config

#: Names in print of the packages that a run records.
PACKAGES = {"imbalance_aware": "imbalance-aware", "python": "Python", "torch": "PyTorch", "numpy": "NumPy"}


def run_facts(configs: Sequence[Path]) -> dict[str, Any]:
    """What the runs of a study share and what they recorded.

    Args:
        configs: ``config.yaml`` of every training of the study.

    Returns:
        ``model`` and ``training``; ``augmentation`` by dataset; ``n`` trainings; and of what they recorded
        ``versions``, ``devices``, ``precisions``, ``threads`` and ``codes``, each as different values in order.

    Raises:
        UserError: two runs that should agree do not, or a file cannot be read.
    """
    runs = [(path, identify(path), read_config(path)) for path in configs]
    datasets = dict.fromkeys(run.dataset for _, run, _ in runs)
    recorded = [content["recorded"] for _, _, content in runs]
    return {
        "n": len(runs),
        "model": shared([(path, content["model"]) for path, _, content in runs], "model"),
        "training": shared([(path, content["training"]) for path, _, content in runs], "training"),
        "augmentation": {
            name: shared(
                [(path, content["augmentation"]) for path, run, content in runs if run.dataset == name], "augmentation"
            )
            for name in datasets
        },
        "versions": versions(recorded),
        "devices": different(recorded, "device"),
        "precisions": different(recorded, "precision"),
        "threads": different(recorded, "threads"),
        "codes": different(recorded, "code"),
    }


def versions(recorded: Iterable[Mapping[str, Any]]) -> list[str]:
    """``"PyTorch 2.13.0"`` for each package that runs recorded; of several versions all, in order."""
    found: dict[str, list[str]] = {}
    for of in recorded:
        for name, version in of.get("versions", {}).items():
            found.setdefault(PACKAGES.get(name, name), []).append(str(version))
    return [f"{name} {' and '.join(dict.fromkeys(given))}" for name, given in found.items()]


def different(recorded: Iterable[Mapping[str, Any]], key: str) -> list[str]:
    """Different values of a key that runs recorded, as text, in their order; runs without it do not count."""
    return list(dict.fromkeys(str(of[key]) for of in recorded if key in of))


def shared(parts: Sequence[tuple[Path, dict[str, Any]]], name: str) -> dict[str, Any]:
    """The settings that all parts have.

    Raises:
        UserError: they differ; names the files, the key and the values.
    """
    first_path, first = parts[0]
    for path, part in parts[1:]:
        for key in first:
            if part.get(key) != first[key]:
                raise UserError(
                    f"{path}: {name}.{key} is {part.get(key)}, but {first[key]} in {first_path}; one text cannot "
                    "describe both. Repeat the runs of the study with one configuration"
                )
    return first
