"""The evaluation of a study, declared before it runs."""

from typing import Literal

from pydantic import Field, field_validator

from imbalance_aware.metrics.catalogue import METRICS, OVERALL
from imbalance_aware.schema import Strict, nearest

#: Metrics that conclusions can rest on: over all classes, with intervals.
PRIMARY = tuple(name for name in OVERALL if METRICS[name].resampled and METRICS[name].smooth)


class EvaluationSettings(Strict):
    """Metric, baseline and equivalence margin, declared before the runs."""

    primary: str = Field(
        "balanced_accuracy",
        description=(
            "the metric on which conclusions are based, and by which `training.select: best` selects the epoch; "
            "must be a metric over all classes"
        ),
        json_schema_extra={"enum": [*PRIMARY]},
    )
    baseline: str = Field(
        "ce-uniform",
        description="the condition that the others are compared with; in a study that lacks it, the first one",
    )
    relevant_difference: float = Field(
        0.02,
        gt=0,
        description="equivalence margin: differences of the primary metric below it are considered irrelevant",
    )
    unit: Literal["sample", "group"] = Field(
        "sample",
        description=(
            "unit of the metrics in tables and figures: every image, or every group (patient) by the mean of its "
            "images' probabilities"
        ),
    )

    @field_validator("primary")
    @classmethod
    def _over_all_classes(cls, value: str) -> str:
        if value in METRICS and value not in OVERALL:
            raise ValueError(f'"{value}" has a value for each class; choose one of {", ".join(PRIMARY)}')
        if value in OVERALL and value not in PRIMARY:
            raise ValueError(
                f'"{value}" is not smooth when one patient is left out, so it has no interval; choose one of '
                f"{', '.join(PRIMARY)}"
            )
        if value not in OVERALL:
            raise ValueError(f'"{value}" is not known.{nearest(value, OVERALL)}')
        return value
