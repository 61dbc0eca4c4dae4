"""What a trained network makes of the samples of each part, ``part_features.npz``: features, and its last layer."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imbalance_aware.arrays import DAMAGED
from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic
from imbalance_aware.tables.csv_text import make_again

#: Names of the parts, as in ``samples.csv``.
TRAIN, VALIDATION, TEST = PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Part:
    """The samples of one part.

    Attributes:
        subjects: identifiers in the order of ``samples.csv``, (n,).
        features: float32 (n, F); NaN or infinite if training diverged.
    """

    subjects: np.ndarray
    features: np.ndarray


@dataclass(frozen=True)
class PartFeatures:
    """The content of the file.

    Attributes:
        parts: by name; the validation part may have no samples.
        weight: of the last layer, float32 (K, F).
        bias: of the last layer, float32 (K,).
        data: digest of the data that the network was trained on, as its ``config.yaml`` records it.
    """

    parts: Mapping[str, Part]
    weight: np.ndarray
    bias: np.ndarray
    data: str


def write_part_features(path: Path, known: PartFeatures) -> None:
    """Write the file; equal content gives equal bytes."""
    arrays = {"weight": known.weight, "bias": known.bias, "data": np.array(known.data)}
    for name, part in known.parts.items():
        arrays |= {f"{name}_subjects": np.array(part.subjects, dtype=str), f"{name}_features": part.features}
    with atomic(path) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)


def read_part_features(path: Path) -> PartFeatures:
    """Read the file.

    Raises:
        UserError: no such file, or not one that `write_part_features` wrote.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            parts = {name: Part(arrays[f"{name}_subjects"], arrays[f"{name}_features"]) for name in PARTS}
            known = PartFeatures(parts, arrays["weight"], arrays["bias"], str(arrays["data"]))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (*DAMAGED, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path}: not the features of a run, or cut short or damaged ({error}). {make_again(path)}"
        ) from None
    width = known.weight.shape[-1]
    fits = known.weight.shape == (len(known.bias), width) and all(
        part.features.shape == (len(part.subjects), width) for part in parts.values()
    )
    if not fits:
        raise UserError(f"{path}: its arrays do not fit each other. {make_again(path)}")
    return known
