"""Checkpoints of unfinished runs. A run killed at any moment continues from its last good checkpoint.

The file's name contains a digest of everything that affects the run (code, settings, seed, data, versions), so a run
never continues from a checkpoint of another run; its first line is a digest of the rest, so a damaged one is
recognised.
"""

import hashlib
import io
import logging
import pickle
from pathlib import Path
from typing import Any

import torch

from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic
from imbalance_aware.runs.run_folder import CHECKPOINTS, remove_checkpoints

log = logging.getLogger(__name__)


class Checkpoint:
    """The checkpoint of one run.

    Args:
        folder: the run folder.
        key: digest of all that shapes the run.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder, self.key = folder, key
        self.path = folder / f"checkpoint-{key[:16]}.pt"

    def save(self, state: dict[str, Any]) -> bool:
        """Write ``state`` in place of an earlier one; if that fails (disk full), keep the earlier one and say so."""
        buffer = io.BytesIO()
        torch.save({"key": self.key, "state": state}, buffer)
        content = buffer.getbuffer()
        try:
            with atomic(self.path) as temporary, temporary.open("wb") as handle:
                handle.write(hashlib.sha256(content).hexdigest().encode() + b"\n")
                handle.write(content)
        except OSError as error:
            log.warning("no checkpoint could be written (%s); training continues, the last checkpoint is kept", error)
            return False
        return True

    def load(self) -> dict[str, Any] | None:
        """The last saved state, or None if there is none for this run.

        Raises:
            UserError: a folder has the name of the checkpoint, so none could be saved.
        """
        if self.path.is_dir():
            raise UserError(f"{self.path}: this is a folder, but training needs this name; move it away")
        for other in sorted(set(self.folder.glob(CHECKPOINTS)) - {self.path}):
            log.info("ignored %s: it belongs to a run with other code, settings, seed or data", other.name)
        try:
            digest, _, content = self.path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        if hashlib.sha256(content).hexdigest().encode() != digest:
            log.warning("ignored %s: it is damaged; training starts from the beginning", self.path.name)
            return None
        try:
            saved = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError) as error:
            log.warning("ignored %s: it cannot be read (%s); training starts from the beginning", self.path.name, error)
            return None
        if not isinstance(saved, dict) or saved.get("key") != self.key:
            log.warning("ignored %s: it belongs to another run; training starts from the beginning", self.path.name)
            return None
        return saved["state"]

    def remove(self) -> None:
        """Delete the checkpoints of the folder, whose run is finished."""
        remove_checkpoints(self.folder)
