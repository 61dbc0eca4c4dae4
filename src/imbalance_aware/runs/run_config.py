"""Reading ``config.yaml`` of a finished training: its settings, and what it recorded of itself."""

from pathlib import Path
from typing import Any

import yaml

from imbalance_aware.errors import UserError

#: Parts of the settings, and what was recorded: versions, device, digests, epochs.
PARTS = ("condition", "model", "training", "augmentation", "recorded")


def read_config(path: Path) -> dict[str, Any]:
    """The settings of one run, and under ``recorded`` what it wrote of itself.

    The settings are read as they were written, not checked again: what a later version calls a mistake is still what
    the run was made with.

    Raises:
        UserError: no such file, or not the config of a finished run.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file, so this training run is not finished") from None
    except (ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: not the settings of a run: {error}") from None
    lacks = [name for name in PARTS if not isinstance(content, dict) or not isinstance(content.get(name), dict)]
    if lacks:
        raise UserError(f"{path}: not the settings of a run: it lacks {', '.join(lacks)}")
    return content
