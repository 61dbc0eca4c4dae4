"""The records of a training run."""

from collections.abc import Mapping
from typing import Any

from imbalance_aware.report.study_files import StudyFiles
from imbalance_aware.runs.identity import Run
from imbalance_aware.runs.run_config import read_config
from imbalance_aware.runs.run_folder import CONFIG


def recorded(study: StudyFiles, run: Run) -> Mapping[str, Any]:
    """The block ``recorded`` of a training's ``config.yaml``: versions, device, digests, epochs.

    Raises:
        UserError: the training is not finished, or its file is not one of a training.
    """
    return read_config(study.folder(run) / CONFIG)["recorded"]
