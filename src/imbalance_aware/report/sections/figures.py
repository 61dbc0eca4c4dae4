"""Every figure of the study that no other section shows, with its caption."""

from typing import Any

from imbalance_aware.report.figure_files import FIGURES_OF_DATASETS, of_dataset, of_study
from imbalance_aware.report.sections.learning_curves import FIGURE as LEARNING_CURVES
from imbalance_aware.report.sections.verdict import FIGURE as ANSWER
from imbalance_aware.report.study_files import StudyFiles
from imbalance_aware.reporting.labels import readable

ELSEWHERE = (ANSWER, LEARNING_CURVES)


def gather(study: StudyFiles) -> dict[str, Any]:
    """Figures of the whole study, then those of each dataset."""
    groups = [("The study", of_study(study))]
    names = [name for name in FIGURES_OF_DATASETS if name not in ELSEWHERE]
    groups += [(readable(dataset), of_dataset(study, dataset, names)) for dataset in study.datasets]
    return {"groups": [(title, figures) for title, figures in groups if figures]}
