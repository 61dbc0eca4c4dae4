"""Names in print of what competes: conditions under decision rules."""

from collections.abc import Mapping

import pandas as pd

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.candidates import ARGMAX, condition_and_rule
from imbalance_aware.evaluation.decision_rules import RULES
from imbalance_aware.reporting.summary import label_conditions

#: What a condition is: columns of ``metrics.csv``.
KEYS = ["condition", "loss", "sampling", "weighted"]


def rule_label(rule: str) -> str:
    """``"prior"`` -> ``"prior shift"``; empty for argmax."""
    return "" if rule == ARGMAX else RULES[rule].label


def labelled_candidates(names: "pd.Series | list[str]", metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per candidate: ``condition, rule, loss_key, loss_label, sampling_label, rule_label, label``.

    Args:
        names: of candidates; the index of the result.
        metrics: the tidy table of the study, which knows the conditions.

    Raises:
        UserError: a condition that ``metrics`` lacks.
    """
    known = label_conditions(metrics[KEYS].drop_duplicates()).set_index("condition")
    rows = []
    for name in dict.fromkeys(names):
        condition, rule = condition_and_rule(name)
        if condition not in known.index:
            raise UserError(f"the table of metrics has no condition {condition}")
        row = known.loc[condition]
        labels = {key: row[key] for key in ("loss_key", "loss_label", "sampling_label")}
        said = f"{row['loss_label']}, {row['sampling_label']}"
        rows.append(
            {"candidate": name, "condition": condition, "rule": rule, **labels, "rule_label": rule_label(rule)}
            | {"label": f"{said}, {rule_label(rule)}" if rule_label(rule) else said}
        )
    return pd.DataFrame(rows).set_index("candidate")


def with_rule(sampling: str, rule: str) -> str:
    """``"Uniform"`` under the rule ``prior`` -> ``"Uniform, prior shift"``."""
    return f"{sampling}, {rule_label(rule)}" if rule_label(rule) else sampling


def labels_of(names: "pd.Series | list[str]", metrics: pd.DataFrame) -> Mapping[str, str]:
    """Candidate -> its name in print; names whose labels would be alike are kept as they are."""
    labelled = labelled_candidates(names, metrics)["label"]
    return {name: label if (labelled == label).sum() == 1 else str(name) for name, label in labelled.items()}


def effect_labels(metrics: pd.DataFrame) -> dict[tuple[str, str], str]:
    """(factor, level) of ``effects.csv`` -> name in print."""
    losses = label_conditions(metrics[KEYS].drop_duplicates())
    found = {("loss", row["loss_key"]): row["loss_label"] for row in losses.to_dict("records")}
    return found | {("rule", name): rule.label for name, rule in RULES.items()}
