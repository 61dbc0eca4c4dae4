"""The merged settings of a study, as its report shows them."""

from typing import Any

from imbalance_aware.config import Config, Study
from imbalance_aware.sources.licences import licence_of
from imbalance_aware.sources.lookup import is_generated


def study_settings(study: Study, config: Config) -> dict[str, Any]:
    """All settings that a study is made with, values of defaults included, as values of JSON.

    Keys: ``study``; ``datasets`` (name -> ``kind``, ``phantoms``, ``folds`` and ``repeats`` of its cross-validation,
    ``settings``); ``conditions`` (one row each); ``model`` and ``training`` with the study's own values;
    ``augmentation``; ``evaluation`` with the study's baseline.

    Raises:
        UserError: the table that decides a dataset's split cannot be read.
    """
    own = study.settings.model_dump(mode="json")
    # The order of keys that a user wrote is no reason to make the page again.
    own |= {key: dict(sorted(own[key].items())) for key in ("training", "model")}
    if not study.grids:  # the page of a study that is not tuned stays as it is
        del own["tune"]
    return {
        "study": own,
        "datasets": {name: _dataset(config.datasets[name]) for name in study.settings.datasets},
        "conditions": [condition.columns() for condition in study.conditions.values()],
        "model": study.model.model_dump(mode="json"),
        "training": study.training.model_dump(mode="json"),
        "augmentation": config.augmentation.model_dump(mode="json"),
        "evaluation": config.evaluation.model_dump(mode="json") | {"baseline": study.baseline},
    }


def _dataset(settings: Any) -> dict[str, Any]:
    folds = settings.cross_validation()
    return {
        "kind": settings.kind,
        "phantoms": is_generated(settings.adapter),
        "licence": licence_of(settings),
        "folds": folds and folds.folds,
        "repeats": folds.repeats if folds else 1,
        "settings": settings.model_dump(mode="json"),
    }
