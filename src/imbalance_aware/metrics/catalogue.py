"""Every metric, one row each, in the order of ``metrics.json``; and what the names in ``metrics.csv`` stand for.

Another metric is a function of an `Outcome` and a row here. What a run's report holds, what is compared with intervals,
which way is better and what tables and figures call it follow from the row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from imbalance_aware.class_names import metric_of_class
from imbalance_aware.errors import UserError
from imbalance_aware.metrics import calibration, decisions, ranking
from imbalance_aware.metrics.declaration import Metric
from imbalance_aware.schema import nearest

#: What metrics after post-hoc logit adjustment begin with.
POSTHOC = "posthoc_"
#: What counts the test subjects of a class in ``metrics.csv``, spelled as a metric of that class but no metric.
TEST_SUBJECTS = "test_subjects"


def by_name(*metrics: Metric) -> dict[str, Metric]:
    """The metrics by their names.

    Raises:
        ValueError: two share a name, or a metric of one class can have the name of another metric. Only
            ``<metric>_macro`` is safe, since `metric_of_class` keeps it free.
    """
    table = {metric.name: metric for metric in metrics}
    if len(table) < len(metrics):
        raise ValueError("two metrics share a name")
    for metric in metrics:
        for other in table:
            if metric.per_class and other.startswith(f"{metric.name}_") and other != f"{metric.name}_macro":
                raise ValueError(f'"{other}" could be the {metric.name} of a class')
    return table


METRICS = by_name(
    Metric("accuracy", "Accuracy", "higher", decisions.accuracy),
    Metric(
        "balanced_accuracy",
        "Balanced accuracy",
        "higher",
        decisions.balanced_accuracy,
        decisions.resampled_balanced_accuracy,
    ),
    Metric("f1_macro", "Macro F1", "higher", decisions.f1_macro, decisions.resampled_f1_macro),
    Metric("auroc_macro", "Macro AUROC", "higher", ranking.auroc_macro, ranking.resampled_auroc_macro),
    Metric("mcc", "MCC", "higher", decisions.mcc, decisions.resampled_mcc),
    Metric("brier", "Brier score", "lower", calibration.brier),
    Metric("ece", "Calibration error (ECE)", "lower", calibration.expected_calibration_error),
    Metric("f1", "F1", "higher", decisions.f1_by_class, per_class=True),
    Metric("precision", "Precision", "higher", decisions.precision_by_class, per_class=True),
    Metric("recall", "Recall", "higher", decisions.recall_by_class, per_class=True),
    Metric("auroc", "AUROC", "higher", ranking.auroc_by_class, per_class=True),
)
#: Those that are compared with confidence intervals.
RESAMPLED = {name: metric for name, metric in METRICS.items() if metric.resampled}


@dataclass(frozen=True)
class Named:
    """What a name in the column ``metric`` of ``metrics.csv`` stands for.

    Attributes:
        metric: the row of `METRICS`.
        of_class: the class, as the name has it; empty for a metric over all classes.
        posthoc: whether it is the value after post-hoc logit adjustment.
    """

    metric: Metric
    of_class: str = ""
    posthoc: bool = False


def metric_names(classes: Sequence[str]) -> list[str]:
    """Names of all metrics of a run: ``f1_<class>`` and so on for each class, as `metric_of_class` spells them."""
    return [
        name
        for metric in METRICS.values()
        for name in ([metric_of_class(metric.name, of) for of in classes] if metric.per_class else [metric.name])
    ]


def named(name: str) -> Named:
    """The metric, class and adjustment that ``name`` stands for, such as ``posthoc_f1_early``.

    Raises:
        UserError: there is no such metric.
    """
    plain = name.removeprefix(POSTHOC)
    posthoc = plain != name
    if plain in METRICS and not METRICS[plain].per_class:
        return Named(METRICS[plain], posthoc=posthoc)
    for metric in METRICS.values():
        if metric.per_class and plain.startswith(f"{metric.name}_"):
            return Named(metric, plain.removeprefix(f"{metric.name}_"), posthoc)
    known = [f"{key}_<class>" if metric.per_class else key for key, metric in METRICS.items()]
    raise UserError(f'there is no metric "{plain}".{nearest(plain, known)}')
