"""The table of all metrics, in the order of ``metrics.json``, and the meaning of names in ``metrics.csv``.

To add a metric, write a function of an `Outcome` and add a row here. Reports, comparisons with intervals, the direction
and the names in tables and figures are derived from the row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log

from imbalance_aware.class_names import metric_of_class
from imbalance_aware.errors import UserError
from imbalance_aware.metrics import calibration, decisions, ranking
from imbalance_aware.metrics.declaration import Context, Metric, by_class, macro
from imbalance_aware.schema import nearest

#: What metrics after post-hoc logit adjustment, and after temperature scaling, begin with.
POSTHOC, TEMPERATURE = "posthoc_", "temperature_"
#: What metrics of a run's own training samples, and of its validation part, begin with.
TRAINING, VALIDATION = "training_", "validation_"
#: What metrics begin with whose predictions were adjusted, or are of another part -> what their label ends with.
ADJUSTMENTS = {
    POSTHOC: "after post-hoc logit adjustment",
    "offsets_": "with offsets tuned on validation",
    "cost_": "of decisions of least expected cost",
    TEMPERATURE: "after temperature scaling",
    TRAINING: "on the training samples",
    VALIDATION: "on the validation part",
}
#: What counts the test subjects of a class in ``metrics.csv``, spelled as a metric of that class but no metric.
TEST_SUBJECTS = "test_subjects"
#: The same for the groups (patients) that have test subjects of a class.
TEST_GROUPS = "test_groups"
#: What counts, in ``metrics.csv``, the folds of a cross-validation, and those of them that collapsed.
FOLDS, COLLAPSED_FOLDS = "folds", "collapsed_folds"


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
    Metric(
        "accuracy",
        "Accuracy",
        "higher",
        decisions.accuracy,
        decisions.resampled_accuracy,
        decides=True,
        compared=False,
    ),
    Metric(
        "balanced_accuracy",
        "Balanced accuracy",
        "higher",
        decisions.balanced_accuracy,
        decisions.resampled_balanced_accuracy,
        decides=True,
        macro=True,
    ),
    Metric(
        "f1_macro",
        "Macro F1",
        "higher",
        decisions.f1_macro,
        decisions.resampled_f1_macro,
        decides=True,
        macro=True,
    ),
    Metric(
        "auroc_macro",
        "Macro AUROC",
        "higher",
        ranking.auroc_macro,
        macro(ranking.weighted_auroc),
        ranks=True,
        macro=True,
    ),
    Metric(
        "mcc",
        "MCC",
        "higher",
        decisions.mcc,
        decisions.resampled_mcc,
        decides=True,
        macro=True,
        bounds=(-1.0, 1.0),
    ),
    Metric(
        "brier",
        "Brier score",
        "lower",
        calibration.brier,
        calibration.resampled_brier,
        compared=False,
        bounds=(0.0, 2.0),
    ),
    Metric(
        "ece",
        "Calibration error (ECE)",
        "lower",
        calibration.expected_calibration_error,
        calibration.resampled_calibration_error,
        compared=False,
    ),
    Metric(
        "average_precision_macro",
        "Macro average precision",
        "higher",
        ranking.average_precision_macro,
        macro(ranking.weighted_average_precision),
        ranks=True,
        macro=True,
        compared=False,
    ),
    Metric(
        "log_loss",
        "Log loss",
        "lower",
        calibration.log_loss,
        calibration.resampled_log_loss,
        compared=False,
        bounds=(0.0, -log(calibration.SMALLEST)),
    ),
    Metric(
        "specificity_macro",
        "Macro specificity",
        "higher",
        decisions.specificity_macro,
        decisions.resampled_specificity_macro,
        decides=True,
        macro=True,
        compared=False,
    ),
    Metric(
        "sens_at_90_spec_macro",
        "Macro sensitivity at 90 % specificity",
        "higher",
        ranking.sensitivity_macro,
        macro(ranking.weighted_sensitivity),
        ranks=True,
        smooth=False,
        macro=True,
        compared=False,
    ),
    Metric(
        "spec_at_90_sens_macro",
        "Macro specificity at 90 % sensitivity",
        "higher",
        ranking.specificity_macro,
        macro(ranking.weighted_specificity),
        ranks=True,
        smooth=False,
        macro=True,
        compared=False,
    ),
    Metric(
        "calibration_error_macro",
        "Macro calibration error by class",
        "lower",
        calibration.calibration_error_macro,
        macro(calibration.weighted_calibration_error),
        macro=True,
        compared=False,
    ),
    Metric(
        "quadratic_kappa",
        "Quadratic weighted kappa",
        "higher",
        decisions.quadratic_kappa,
        decisions.resampled_quadratic_kappa,
        decides=True,
        needs="ordered",
        macro=True,
        bounds=(-1.0, 1.0),
    ),
    Metric(
        "expected_cost",
        "Expected cost",
        "lower",
        decisions.expected_cost,
        decisions.resampled_expected_cost,
        decides=True,
        needs="costs",
        bounds=(0.0, inf),
    ),
    Metric(
        "accuracy_at_prevalence",
        "Accuracy at the deployment prevalence",
        "higher",
        decisions.accuracy_at_prevalence,
        decisions.resampled_accuracy_at_prevalence,
        decides=True,
        needs="prevalence",
        macro=True,
    ),
    Metric(
        "f1",
        "F1",
        "higher",
        decisions.f1_by_class,
        decisions.resampled_f1_by_class,
        per_class=True,
        decides=True,
    ),
    Metric(
        "precision",
        "Precision",
        "higher",
        decisions.precision_by_class,
        decisions.resampled_precision_by_class,
        per_class=True,
        decides=True,
    ),
    Metric(
        "recall",
        "Recall",
        "higher",
        decisions.recall_by_class,
        decisions.resampled_recall_by_class,
        per_class=True,
        decides=True,
    ),
    Metric(
        "auroc",
        "AUROC",
        "higher",
        ranking.auroc_by_class,
        by_class(ranking.weighted_auroc),
        per_class=True,
        ranks=True,
    ),
    Metric(
        "average_precision",
        "Average precision",
        "higher",
        ranking.average_precision_by_class,
        by_class(ranking.weighted_average_precision),
        per_class=True,
        ranks=True,
    ),
    Metric(
        "specificity",
        "Specificity",
        "higher",
        decisions.specificity_by_class,
        decisions.resampled_specificity_by_class,
        per_class=True,
        decides=True,
    ),
    Metric(
        "sens_at_90_spec",
        "Sensitivity at 90 % specificity",
        "higher",
        ranking.sensitivity_by_class,
        by_class(ranking.weighted_sensitivity),
        per_class=True,
        ranks=True,
        smooth=False,
    ),
    Metric(
        "spec_at_90_sens",
        "Specificity at 90 % sensitivity",
        "higher",
        ranking.specificity_by_class,
        by_class(ranking.weighted_specificity),
        per_class=True,
        ranks=True,
        smooth=False,
    ),
    Metric(
        "calibration_error",
        "Calibration error",
        "lower",
        calibration.calibration_error_by_class,
        by_class(calibration.weighted_calibration_error),
        per_class=True,
    ),
    Metric(
        "ppv",
        "PPV at the deployment prevalence",
        "higher",
        decisions.ppv_by_class,
        decisions.resampled_ppv_by_class,
        per_class=True,
        decides=True,
        needs="prevalence",
    ),
    Metric(
        "npv",
        "NPV at the deployment prevalence",
        "higher",
        decisions.npv_by_class,
        decisions.resampled_npv_by_class,
        per_class=True,
        decides=True,
        needs="prevalence",
    ),
)
#: Names of those that have one value for all classes together, on any dataset.
OVERALL = tuple(name for name, metric in METRICS.items() if not metric.per_class and metric.needs is None)
#: Those with a form for replicates, from which intervals come.
WEIGHTED = {name: metric for name, metric in METRICS.items() if metric.resampled}
#: Those that `statistics` gives the differences in.
RESAMPLED = {name: METRICS[name] for name in OVERALL if METRICS[name].resampled and METRICS[name].compared}


@dataclass(frozen=True)
class Named:
    """Meaning of a name in the column ``metric`` of ``metrics.csv``.

    Attributes:
        metric: the row of `METRICS`.
        of_class: the class, as the name has it; empty for a metric over all classes.
        adjustment: what was done to the predictions, or the part that they are of, a key of `ADJUSTMENTS`; else empty.
    """

    metric: Metric
    of_class: str = ""
    adjustment: str = ""


def is_count(name: str) -> bool:
    """Whether a name in ``metrics.csv`` is a count and no metric."""
    return name in (FOLDS, COLLAPSED_FOLDS) or name.startswith((f"{TEST_SUBJECTS}_", f"{TEST_GROUPS}_"))


def metrics_for(context: Context) -> dict[str, Metric]:
    """The metrics that exist where ``context`` is known of the classes."""
    return {name: metric for name, metric in METRICS.items() if metric.applies(context)}


def metric_names(classes: Sequence[str], context: Context | None = None) -> list[str]:
    """Names of all metrics of a run: ``f1_<class>`` and so on for each class, as `metric_of_class` spells them.

    Args:
        classes: names of the classes.
        context: what is known of them; None for the names that metrics of any context can have.
    """
    metrics = METRICS if context is None else metrics_for(context)
    return [
        name
        for metric in metrics.values()
        for name in ([metric_of_class(metric.name, of) for of in classes] if metric.per_class else [metric.name])
    ]


def named(name: str) -> Named:
    """The metric, class and adjustment of ``name``, such as ``posthoc_f1_early``.

    Raises:
        UserError: there is no such metric.
    """
    adjustment = next((prefix for prefix in ADJUSTMENTS if name.startswith(prefix)), "")
    plain = name.removeprefix(adjustment)
    if plain in METRICS and not METRICS[plain].per_class:
        return Named(METRICS[plain], adjustment=adjustment)
    for metric in METRICS.values():
        if metric.per_class and plain.startswith(f"{metric.name}_"):
            return Named(metric, plain.removeprefix(f"{metric.name}_"), adjustment)
    known = [f"{key}_<class>" if metric.per_class else key for key, metric in METRICS.items()]
    raise UserError(f'there is no metric "{plain}".{nearest(plain, known)}')
