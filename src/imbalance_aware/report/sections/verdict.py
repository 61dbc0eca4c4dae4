"""The verdict: the question and the answer of each dataset, in the words of the step `verdict`."""

import json
from typing import Any

from imbalance_aware.report.study_files import StudyFiles
from imbalance_aware.reporting.blocks import Block, Heading, Items, Paragraph
from imbalance_aware.reporting.verdict_words import page


def gather(study: StudyFiles) -> dict[str, Any]:
    """The blocks of the verdict, without the title of its page."""
    facts = json.loads((study.tables / "verdict.json").read_text(encoding="utf-8"))
    return {"blocks": [_shown(block) for block in page(facts)[1:]]}


def _shown(block: Block) -> dict[str, Any]:
    """A block as the template takes it."""
    if isinstance(block, Heading):
        return {"kind": "heading", "text": block.text, "level": block.level + 1}
    if isinstance(block, Paragraph):
        return {"kind": "paragraph", "text": block.text, "strong": block.strong}
    if isinstance(block, Items):
        return {"kind": "items", "texts": block.texts}
    return {"kind": "panel", "panel": block}
