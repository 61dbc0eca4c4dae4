"""The files of a run folder: what a training writes there, and whether it is all there.

A run counts as done by its ``config.yaml``, which is written after all others and tells what they were made of.
"""

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
#: All that a training writes for others to read, in the order in which it does.
OUTPUTS = (HISTORY, PREDICTIONS, FEATURES, MODEL, CONFIG)
#: Made of the outputs by later steps.
DERIVED = ("metrics.json",)
CHECKPOINTS = "checkpoint-*.pt"


def clear(folder: Path) -> None:
    """Remove what an earlier run left, so that no file of it is ever taken for one of the run that begins.

    The sign that a run is done goes first.

    Raises:
        UserError: a folder lies where a file is to be written.
    """
    for name in (*DERIVED, *reversed(OUTPUTS)):
        _remove(folder / name)


def remove_remains(folder: Path) -> None:
    """Remove what a process killed while it wrote may have left (see `imbalance_aware.files.atomic`).

    Raises:
        UserError: a folder has such a name.
    """
    for name in ("checkpoint.pt", *OUTPUTS):
        for path in folder.glob(f".{Path(name).stem}-*{Path(name).suffix}"):
            _remove(path)


def remove_checkpoints(folder: Path) -> None:
    """Delete the checkpoints of a run that is finished."""
    for path in folder.glob(CHECKPOINTS):
        if path.is_file():
            path.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        raise UserError(f"{path}: a folder, where training writes a file; move it away")
    path.unlink(missing_ok=True)


def finished(folder: Path) -> dict[str, Any] | None:
    """Content of ``config.yaml`` if the folder holds a whole run, else None."""
    try:
        content = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    whole = all((folder / name).is_file() for name in OUTPUTS)
    return content if whole and isinstance(content, dict) else None
