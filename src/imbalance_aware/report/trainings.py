"""What a training recorded of itself."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from imbalance_aware.errors import UserError
from imbalance_aware.report.study_files import StudyFiles
from imbalance_aware.runs.identity import Run
from imbalance_aware.runs.run_folder import CONFIG

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def recorded(study: StudyFiles, run: Run) -> Mapping[str, Any]:
    """The block ``recorded`` of a training's ``config.yaml``: versions, device, digests, epochs.

    Raises:
        UserError: the training is not finished, or its file is not one of a training.
    """
    return _recorded(study.folder(run) / CONFIG)


@cache
def _recorded(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader)
        found: Mapping[str, Any] = content["recorded"]
    except FileNotFoundError:
        raise UserError(f"{path}: no such file, so this training is not finished") from None
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not the record of a training: {error}") from None
    return found
