"""What a bundle holds: the runs of a study on one dataset, and all that training them needs.

An unpacked bundle is a folder with ``run.py``, the part of this package that trains, ``samples.csv``, the images as
``images.npy.bz2``, and ``bundle.json``, which is a `Manifest`.
"""

from typing import Literal

from pydantic import Field

from imbalance_aware.runs.settings import RunSettings
from imbalance_aware.schema import Strict

MANIFEST, SAMPLES, IMAGES, COMPRESSED = "bundle.json", "samples.csv", "images.npy", "images.npy.bz2"


class Condition(Strict):
    """A condition, resolved."""

    settings: RunSettings = Field(description="all that shapes its runs, but data and seed")
    code: str = Field(description="digest of the code that trains it")


class Conditions(Strict):
    """The conditions of a study, by name."""

    conditions: dict[str, Condition] = Field(min_length=1, description="by name")


class Manifest(Conditions):
    """What a bundle is for."""

    format: Literal[2] = 2
    study: str
    dataset: str
    seeds: list[int]
    data: str = Field(description="digest of images and samples, as in a run's config.yaml")
