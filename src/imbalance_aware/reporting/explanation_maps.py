"""``maps.npz``: the pictures of chosen test subjects and the maps of several networks on them."""

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from imbalance_aware.arrays import DAMAGED
from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic
from imbalance_aware.tables.csv_text import make_again


@dataclass(frozen=True)
class ExplanationMaps:
    """S subjects, N networks and K classes; S is 0 where there is nothing to show, and ``note`` says why.

    Attributes:
        classes: names in label order, (K,).
        subjects: identifiers, (S,).
        labels: true classes, (S,).
        outcomes: ``correct`` or ``wrong``, as the best condition classifies them, (S,).
        explained: label of the class whose score the maps of a subject explain, (S,).
        networks: ``baseline``, ``best`` and ``random``; without ``baseline`` where that is the best condition, (N,).
        conditions: of the networks; empty for random weights, (N,).
        probabilities: of the classes, (S, N, K).
        images: the picture of each subject, uint8 (S, C, rows, columns); of a volume the middle axial slice of the last
            channel, the patient's left on the right.
        maps: interpolated to the picture, each divided by the maximum over its image or volume; zero everywhere where
            the network finds nothing. Float32 (S, N, rows, columns).
        layer: name of the layer whose maps are combined.
        cells: of that layer's maps, along each spatial axis, (D,).
        note: what is left out, and why; may be empty.
    """

    classes: np.ndarray
    subjects: np.ndarray
    labels: np.ndarray
    outcomes: np.ndarray
    explained: np.ndarray
    networks: np.ndarray
    conditions: np.ndarray
    probabilities: np.ndarray
    images: np.ndarray
    maps: np.ndarray
    layer: np.ndarray
    cells: np.ndarray
    note: np.ndarray

    def save(self, path: Path) -> None:
        """Write the file; equal content gives equal bytes."""
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        with atomic(path) as temporary:
            np.savez_compressed(temporary, allow_pickle=False, **content)


def nothing_to_explain(note: str) -> ExplanationMaps:
    """No subjects, and why."""
    text, whole = np.array([], dtype=str), np.array([], dtype=np.int64)
    return ExplanationMaps(
        classes=text,
        subjects=text,
        labels=whole,
        outcomes=text,
        explained=whole,
        networks=text,
        conditions=text,
        probabilities=np.zeros((0, 0, 0)),
        images=np.zeros((0, 0, 0, 0), np.uint8),
        maps=np.zeros((0, 0, 0, 0), np.float32),
        layer=np.array(""),
        cells=whole,
        note=np.array(note),
    )


def load_maps(path: Path) -> ExplanationMaps:
    """Read the file.

    Raises:
        UserError: no such file, or not one that `ExplanationMaps.save` wrote.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            return ExplanationMaps(**{field.name: content[field.name] for field in fields(ExplanationMaps)})
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (*DAMAGED, KeyError, AttributeError, zipfile.BadZipFile):
        raise UserError(f"{path}: not the maps that the step `explanations` writes. {make_again(path)}") from None
