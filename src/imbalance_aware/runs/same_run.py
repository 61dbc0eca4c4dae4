"""Whether a finished run is the one that certain settings, seed, code and data would give."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from imbalance_aware.runs.settings import RunSettings


def is_run(config: Mapping[str, Any], settings: RunSettings, seed: int | None, code: str, data: str) -> bool:
    """Whether ``config.yaml`` of a finished run says that it is of these settings, seed, code and data.

    Args:
        config: its content.
        settings: of the run.
        seed: of the run.
        code: digest of the code.
        data: digest of images, table and parts.
    """
    recorded = config.get("recorded")
    recorded = recorded if isinstance(recorded, dict) else {}
    found = (_decisive(config), *(recorded.get(name) for name in ("seed", "code", "data")))
    return found == (settings.decisive(), seed, code, data)


def _decisive(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Settings of a finished run, as they decide its numbers; None if this version cannot read them."""
    try:
        return RunSettings.model_validate(config).decisive()
    except ValidationError:
        return None
