"""The content of a bundle: the runs of a study on one dataset, and everything that training them needs.

An unpacked bundle is a folder with ``run.py``, the part of this package that trains, ``samples.csv``, of a
cross-validated dataset ``folds/repeat-R.csv``, the images as ``images.npy.bz2``, and ``bundle.json``, which is a
`Manifest`.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from imbalance_aware.names import Name
from imbalance_aware.runs.settings import RunSettings
from imbalance_aware.schema import Strict

MANIFEST, SAMPLES, IMAGES, COMPRESSED = "bundle.json", "samples.csv", "images.npy", "images.npy.bz2"


def folds_table(repeat: int) -> str:
    """Where a bundle holds the folds of a repeat."""
    return f"folds/repeat-{repeat}.csv"


def weights_file(sha256: str, path: Path) -> str:
    """Where a bundle holds a file of weights; the suffix of ``path`` says its form."""
    return f"weights/{sha256}{path.suffix}"


class Condition(Strict):
    """A condition, resolved."""

    settings: RunSettings = Field(description="all settings of its runs, except data and seed")
    code: str = Field(description="digest of the code that trains it")


class Conditions(Strict):
    """The conditions of a study, by name."""

    conditions: dict[Name, Condition] = Field(min_length=1, description="by name")


class Manifest(Conditions):
    """What a bundle is for."""

    format: Literal[3] = 3
    # They become folders below --out, and nothing may lead out of it.
    study: Name
    dataset: Name
    seeds: list[Annotated[int, Field(ge=0)]]
    data: str = Field(description="digest of images and samples, as in a run's config.yaml")
    folds: list[list[str]] = Field(
        [], description="for each repeat of a cross-validation, the same digest of each fold"
    )
