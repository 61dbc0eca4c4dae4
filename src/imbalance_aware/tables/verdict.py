"""``verdict.json``: the facts of a study's verdict, which the step `verdict` writes."""

from pathlib import Path
from typing import Any

from imbalance_aware.errors import UserError
from imbalance_aware.json_text import read_object_file

CONTENT = "the verdict of a study, which the step `verdict` writes"


def read_verdict(path: Path) -> dict[str, Any]:
    """The facts: of each dataset under ``datasets``.

    Raises:
        UserError: there is no such file, or it is not a verdict.
    """
    content = read_object_file(path, CONTENT)
    if not isinstance(content.get("datasets"), dict):
        raise UserError(f"{path}: not {CONTENT}: it has no datasets")
    return content
