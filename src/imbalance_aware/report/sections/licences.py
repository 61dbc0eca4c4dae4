"""Under which licence the data of each dataset may be used."""

from typing import Any

from imbalance_aware.report.study_files import StudyFiles


def gather(study: StudyFiles) -> dict[str, Any] | None:
    """Name and licence of each dataset; None of a study without datasets."""
    datasets = [
        {"name": dataset.name, "licence": dataset.licence, "phantoms": dataset.phantoms}
        for dataset in study.datasets.values()
    ]
    return {"datasets": datasets} if datasets else None
