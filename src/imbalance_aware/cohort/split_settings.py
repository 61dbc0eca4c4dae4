"""Settings of every kind of dataset about duplicates and the random split."""

from typing import Literal

from pydantic import Field

from imbalance_aware.schema import Strict


class SplitSettings(Strict):
    """How a dataset is split at random, and what becomes of equal images under two classes."""

    conflicts: Literal["keep", "drop"] = Field(
        "keep",
        description="what becomes of training samples whose pixels or voxels stand elsewhere under another class: "
        "keep them, or drop them from training",
    )
    split_seed: int = Field(0, ge=0, description="seed of the random split")
    test_fraction: float = Field(
        0.25,
        gt=0,
        lt=1,
        description="share of each class in the test set of a random split: of its samples and, where samples are "
        "grouped, of its groups (patients)",
    )
