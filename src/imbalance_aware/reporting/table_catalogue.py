"""Every table of a study, one row each: its content and layout.

The files of a table, its place among the targets and its caption (``workflow/report/<name>.rst``) follow from its name.
Planning reads this, so it imports nothing heavy.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Table:
    """What a table shows.

    Attributes:
        name: file name without suffix.
        title: ``{batch_size}`` is replaced by the study's, ``{better}`` for the direction of its metrics.
        metrics: names as in ``metrics.csv``; ``<class>`` means every class of a dataset.
        layout: function of `layouts`.
        only: the studies that have it, if not all do: those whose batch size is not that of the configuration, or those
            with a dataset that has a validation part.
    """

    name: str
    title: str
    metrics: tuple[str, ...]
    layout: Literal["losses_across", "metrics_across"]
    only: Literal["", "own_batch_size", "validation"] = ""


TABLES = {
    table.name: table
    for table in (
        Table("table1_balanced_accuracy", "Balanced accuracy", ("balanced_accuracy",), "losses_across"),
        Table("table2_f1_by_class", "F1 score of each class", ("f1_<class>",), "metrics_across"),
        Table("table3_f1_macro", "Macro F1 score", ("f1_macro",), "losses_across"),
        Table(
            "table4_auroc_macro",
            "Macro AUROC (area under the ROC curve, one class against the rest, mean over classes)",
            ("auroc_macro",),
            "losses_across",
        ),
        Table("table5_mcc", "Matthews correlation coefficient (multi-class)", ("mcc",), "losses_across"),
        Table(
            "table6_small_batches",
            "Small batches (batch size {batch_size})",
            ("balanced_accuracy", "mcc", "auroc_macro"),
            "metrics_across",
            only="own_batch_size",
        ),
        Table(
            "posthoc_logit_adjustment",
            "After post-hoc logit adjustment",
            ("posthoc_balanced_accuracy", "posthoc_f1_macro", "posthoc_mcc"),
            "metrics_across",
        ),
        Table(
            "temperature_scaling",
            "After temperature scaling on the validation part ({better} is better)",
            ("temperature_log_loss", "temperature_brier", "temperature_ece"),
            "metrics_across",
            only="validation",
        ),
        Table("calibration", "Calibration ({better} is better)", ("brier", "ece"), "metrics_across"),
    )
}
#: The table of differences from the baseline, which `comparison_table` makes: the primary metric first.
COMPARISON = "comparison_with_baseline"
#: The table of the mean over the seeds of each condition beside its single runs, which `ensemble_table` makes.
ENSEMBLES = "ensembles"
#: The table of the primary metric on training, validation and test part, which `overfitting_table` makes.
OVERFITTING = "overfitting"
#: The table of every metric on each cohort and subgroup, which `cohort_table` makes.
COHORTS = "cohorts"
#: The table of every value of the paper beside ours, which `published_cells` makes.
PUBLISHED_CELLS = "published_cells"
#: The table of the paper's claims, recomputed, which `claims_table` makes.
CLAIMS = "claims"
#: Every table in the order of the report: the primary comparison, each metric, then further questions.
ORDER = (COMPARISON, *TABLES, PUBLISHED_CELLS, CLAIMS, ENSEMBLES, OVERFITTING, COHORTS)
