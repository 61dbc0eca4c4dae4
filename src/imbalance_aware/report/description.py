"""The verdict of a study in one sentence, for the first page of Snakemake's report."""

import json
from pathlib import Path

from imbalance_aware.reporting.labels import readable

#: Signs that mean something in reStructuredText.
SPECIAL = "\\*`|_<>[]"


def answers(path: Path) -> list[str]:
    """A sentence in reStructuredText for each dataset of a ``verdict.json``; none where it was not made yet."""
    try:
        datasets = json.loads(path.read_text(encoding="utf-8"))["datasets"]
        return [_escaped(f"{readable(name)}: {of['summary']}") for name, of in datasets.items()]
    except (OSError, ValueError, KeyError, TypeError):  # made by an earlier version, or not at all: it is made again
        return []


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in SPECIAL else sign for sign in " ".join(text.split()))
