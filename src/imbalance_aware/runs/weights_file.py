"""The file of weights that a run begins with: where it lies, whether it is the one that was meant, and its state."""

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imbalance_aware.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from imbalance_aware.runs.settings import WeightsSettings

SAFETENSORS = ".safetensors"


def find_weights(settings: "WeightsSettings", given: Sequence[str] = ()) -> Path:
    """The file of weights of a run.

    Args:
        settings: ``model.weights``.
        given: ``SHA256=FILE``, of this run's file and others.

    Raises:
        UserError: no file is named for these weights, or there is none.
    """
    places = dict(entry.partition("=")[::2] for entry in given)
    path = places.get(settings.sha256, settings.path)
    if not path:
        raise UserError(f"model.weights: no file is named for the sha256 {settings.sha256}; set model.weights.path")
    if not Path(path).is_file():
        raise UserError(
            f"model.weights.path: {path}: no such file (sought from {Path.cwd()}); weights are never downloaded in a "
            "run, docs/networks.md says where they come from"
        )
    return Path(path)


def require_sha256(path: Path, sha256: str) -> None:
    """Refuse a file of another content.

    Raises:
        UserError: its digest is another.
    """
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found != sha256:
        raise UserError(
            f"model.weights: {path} has the sha256 {found}, but {sha256} was meant: another file, or one that was cut "
            "short. If it is the right one, set model.weights.sha256; runs are then trained again"
        )


def read_weights(path: Path, sha256: str) -> "Mapping[str, Tensor]":
    """The state in a file of weights, on the CPU; nothing in the file is executed.

    Raises:
        UserError: a file of another content or of an unknown form.
    """
    import torch

    from imbalance_aware.models.pretrained import state_of

    require_sha256(path, sha256)
    try:
        content = _safetensors(path) if path.suffix == SAFETENSORS else torch.load(path, "cpu", weights_only=True)
        return state_of(content)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except pickle.UnpicklingError as error:
        reason = str(error).strip().partition("\n")[0]
        raise UserError(
            f"{path}: not a plain state of a network ({reason}); save model.state_dict() alone with torch.save"
        ) from None
    except (RuntimeError, ValueError, EOFError, KeyError, OSError) as error:
        raise UserError(f"{path}: not a readable file of weights ({error})") from None


def _safetensors(path: Path) -> object:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise UserError(f"not a readable file of weights ({error})") from None
