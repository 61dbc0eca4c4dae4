"""The files of a run folder, and the check that a run is complete.

A run counts as done if it has a ``config.yaml``, which is written after all other files and records what they were made
from.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from imbalance_aware.errors import UserError

HISTORY, PREDICTIONS, FEATURES, MODEL, CONFIG = (
    "history.csv",
    "predictions.csv",
    "features.npy",
    "model.pt",
    "config.yaml",
)
#: All that every training writes for others to read, in the order in which it does.
OUTPUTS = (HISTORY, PREDICTIONS, FEATURES, MODEL, CONFIG)
#: What the run predicts of other samples than those of the test; not of every run, see `outputs`.
VALIDATION_PREDICTIONS, TRAINING_PREDICTIONS = OPTIONAL = ("validation_predictions.csv", "training_predictions.csv")
PART_FEATURES = "part_features.npz"
#: Made of the outputs by later steps.
DERIVED = ("metrics.json", "model_card.md", PART_FEATURES)
CHECKPOINTS = "checkpoint-*.pt"


def clear(folder: Path) -> None:
    """Remove the files of an earlier run, so that they cannot be mistaken for files of the new run.

    The sign that a run is done goes first.

    Raises:
        UserError: a folder lies where a file is to be written.
    """
    for name in (*DERIVED, *reversed(OUTPUTS), *OPTIONAL):
        _remove(folder / name)


def remove_remains(folder: Path) -> None:
    """Remove what a process killed while it wrote may have left (see `imbalance_aware.files.atomic`).

    Raises:
        UserError: a folder has such a name.
    """
    for name in ("checkpoint.pt", *OUTPUTS, *OPTIONAL):
        for path in folder.glob(f".{Path(name).stem}-*{Path(name).suffix}"):
            _remove(path)


def remove_checkpoints(folder: Path) -> None:
    """Delete the checkpoints of a run that is finished."""
    for path in folder.glob(CHECKPOINTS):
        if path.is_file():
            path.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        raise UserError(f"{path}: this is a folder, but training writes a file of this name; move it away")
    path.unlink(missing_ok=True)


def outputs(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Files of the run whose ``config.yaml`` holds ``config``."""
    recorded, training = (config.get(name) for name in ("recorded", "training"))
    recorded = recorded if isinstance(recorded, dict) else {}
    training = training if isinstance(training, dict) else {}
    there = (recorded.get("validation_samples", 0), training.get("training_predictions", False))
    return (*OUTPUTS, *(name for name, written in zip(OPTIONAL, there, strict=True) if written))


def finished(folder: Path) -> dict[str, Any] | None:
    """Content of ``config.yaml`` if the folder holds a whole run, else None."""
    try:
        content = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    if not isinstance(content, dict):
        return None
    return content if all((folder / name).is_file() for name in outputs(content)) else None
