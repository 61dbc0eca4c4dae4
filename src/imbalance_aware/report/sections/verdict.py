"""The question and the answer of each dataset, in the words of the step `verdict`, with the figure of differences."""

from typing import Any

from imbalance_aware.report.figure_files import of_dataset
from imbalance_aware.report.study_files import StudyFiles
from imbalance_aware.reporting.blocks import Block, Heading, Items, Paragraph
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.verdict_words import EXPLAINED, dataset, summary

#: The figure that shows the answer.
FIGURE = "differences"


def gather(study: StudyFiles) -> dict[str, Any]:
    """The answer of each dataset, then its blocks."""
    facts = study.verdict()
    judged = facts["evaluation"]
    return {
        "judged": judged,
        "explained": EXPLAINED,
        "n_conditions": len(study.config["conditions"]),
        "seeds": len(study.config["study"]["seeds"]),
        "datasets": [
            {
                "label": readable(name),
                "phantoms": study.datasets[name].phantoms,
                "classes": {readable(of_class): size for of_class, size in of["classes"].items()},
                "patients": of["n_patients"],
                "baseline": of["condition_labels"].get(judged["baseline"], judged["baseline"]),
                "primary": of["primary"]["label"],
                "answer": summary(of),
                "blocks": [_shown(block) for block in dataset(of, judged)],
                "figures": of_dataset(study, name, (FIGURE,)),
            }
            for name, of in facts["datasets"].items()
        ],
    }


def _shown(block: Block) -> dict[str, Any]:
    """A block as the template takes it; headings are one level below those of the verdict's own page."""
    if isinstance(block, Heading):
        return {"kind": "heading", "text": block.text, "level": block.level + 1}
    if isinstance(block, Paragraph):
        return {"kind": "paragraph", "text": block.text}
    if isinstance(block, Items):
        return {"kind": "items", "texts": block.texts}
    return {"kind": "panel", "panel": block}
