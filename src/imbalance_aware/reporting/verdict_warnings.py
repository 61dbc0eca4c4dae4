"""Warnings about runs, conditions and data that limit a verdict."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from imbalance_aware.conditions import parse_loss, trained_and_rival
from imbalance_aware.losses import LOSSES
from imbalance_aware.losses.arguments import takes_class_counts
from imbalance_aware.reporting.small_classes import FEW_IN_CLASS
from imbalance_aware.rivals.catalogue import RIVALS
from imbalance_aware.statistics.design import MIN_PATIENTS
from imbalance_aware.statistics.notes import FEW_PATIENTS
from imbalance_aware.statistics.variance import MODERATED_FROM, largest_variance_limit

Warning_ = dict[str, Any]


@dataclass(frozen=True)
class ClassSize:
    """Test and training samples of one class.

    Attributes:
        name: of the class.
        patients: with test images of it.
        images: test images.
        training: training images; with cross-validation, all images.
    """

    name: str
    patients: int
    images: int
    training: int


def class_sizes(samples: pd.DataFrame) -> list[ClassSize]:
    """The classes of a dataset in the order of their labels.

    Args:
        samples: rows of ``samples.csv``; those of a cross-validated dataset have an empty split.
    """
    in_folds = (samples["split"] == "").all()
    found = []
    for (_, name), rows in samples.groupby(["label", "class"]):
        tested = rows if in_folds else rows[rows["split"] == "test"]
        training = rows if in_folds else rows[rows["split"] == "train"]
        found.append(ClassSize(str(name), tested["group"].nunique(), len(tested), len(training)))
    return found


def of_runs(values: pd.DataFrame) -> list[Warning_]:
    """Conditions with runs that collapsed or diverged.

    Args:
        values: rows of ``values.csv`` of one dataset.
    """
    found = []
    for row in values.drop_duplicates("condition").to_dict("records"):
        for kind in ("diverged", "collapsed"):
            if (n := int(row[f"n_{kind}"])) > 0:
                found.append({"kind": kind, "condition": row["condition"], "runs": n, "of": int(row["n_runs"])})
    return found


def of_seeds(metrics: pd.DataFrame) -> list[Warning_]:
    """A stable condition whose variance over seeds is too large to be averaged with that of the others.

    Args:
        metrics: rows of ``metrics.csv`` of the primary metric, of one dataset.
    """
    unstable = metrics.loc[metrics["value"].isna() | (metrics["status"] != "ok"), "condition"]
    runs = metrics[~metrics["condition"].isin(unstable)].groupby("condition")["value"]
    variances, sizes = runs.var(ddof=1), runs.size()
    if len(variances) < MODERATED_FROM or sizes.nunique() > 1 or sizes.iloc[0] < 2:
        return []
    largest, total = variances.max(), variances.sum()
    if not largest > total * largest_variance_limit(len(variances), int(sizes.iloc[0])):
        return []
    others = (total - largest) / (len(variances) - 1)
    ratio = float(largest / others) if others > 0 else None
    return [{"kind": "unequal_seed_variance", "condition": variances.idxmax(), "ratio": ratio}]


def of_conditions(metrics: pd.DataFrame, has_shift: bool) -> list[Warning_]:
    """Conditions that correct for class frequencies more than once, alone or together with the prior shift.

    Args:
        metrics: rows of ``metrics.csv``.
        has_shift: whether the prior shift is among the decision rules.
    """
    found: list[Warning_] = []
    shifted = []
    for row in metrics.drop_duplicates("condition").to_dict("records"):
        corrections = ["sample weights"] if row["weighted"] else []
        corrections += [f"sampling ({row['sampling']})"] if row["sampling"] != "uniform" else []
        corrections += [f"loss ({name})" for name in balanced_terms(row["loss"])]
        rival = trained_and_rival(row["condition"])[1]
        corrections += [f"the last layer ({RIVALS[rival].label})"] if rival and RIVALS[rival].balances else []
        if len(corrections) > 1:
            found.append({"kind": "stacked", "condition": row["condition"], "corrections": corrections})
        if corrections:
            shifted.append(row["condition"])
    return [*found, *([{"kind": "shifted_twice", "conditions": shifted}] if shifted and has_shift else [])]


def balanced_terms(loss: str) -> list[str]:
    """Terms of a loss that take the class counts: ``"ce+balanced_softmax"`` -> ``["balanced_softmax"]``."""
    return [name for name in parse_loss(loss, [*LOSSES]) if takes_class_counts(LOSSES[name])]


def of_data(
    classes: list[ClassSize], duplicates: pd.DataFrame | None, has_validation: bool, n_replicates: int, replicate: str
) -> list[Warning_]:
    """Limitations of the data of one dataset.

    Args:
        classes: from `class_sizes`.
        duplicates: rows of ``duplicates.csv``; None if they are not known.
        has_validation: whether there is a validation part.
        n_replicates: seeds or repeats.
        replicate: name of one replicate.
    """
    found: list[Warning_] = [
        {
            "kind": "rare_class",
            "class": size.name,
            "patients": size.patients,
            "consequence": _consequence(size.patients),
        }
        for size in classes
        if size.patients < FEW_IN_CLASS
    ]
    if duplicates is not None and len(duplicates):
        across = duplicates[duplicates["across_split"].str.lower() == "true"]
        if len(across):
            found.append({"kind": "duplicates_across_split", "sets": across["set"].nunique(), "images": len(across)})
        conflicts = duplicates[duplicates["conflicting_label"].str.lower() == "true"]
        if len(conflicts):
            found.append({"kind": "conflicting_labels", "sets": conflicts["set"].nunique(), "images": len(conflicts)})
    if not has_validation:
        found.append({"kind": "no_validation"})
    if n_replicates == 1:
        found.append({"kind": "one_replicate", "replicate": replicate})
    return found


def _consequence(patients: int) -> str:
    if patients < MIN_PATIENTS:
        return "not estimable"
    return "approximate" if patients < FEW_PATIENTS else "few"


def text(warning: Mapping[str, Any], label: Mapping[str, str]) -> str:
    """One warning as a sentence.

    Args:
        warning: of this module.
        label: names of conditions in print.
    """
    of = warning
    name = label.get(str(warning.get("condition")), str(warning.get("condition")))
    return {
        "diverged": lambda: f"{name}: {of['runs']} of {of['of']} runs diverged and are excluded.",
        "collapsed": lambda: (
            f"{name}: {of['runs']} of {of['of']} runs collapsed (one class for every image); they are included."
        ),
        "unequal_seed_variance": lambda: (
            f"{name}: its variance over seeds is "
            + (f"{of['ratio']:.0f} times the mean of the other conditions" if of["ratio"] else "the only one above 0")
            + " (Cochran's C test, 5 %). The intervals for this procedure use the average over conditions: those of "
            "the other conditions are wider than their own seeds suggest, and its own is narrower."
        ),
        "stacked": lambda: f"{name} corrects for class frequencies more than once: {', '.join(of['corrections'])}.",
        "shifted_twice": lambda: (
            f"The prior shift corrects class frequencies a second time, after {_correcting(of['conditions'])}, in "
            f"{len(of['conditions'])} conditions: {'; '.join(label.get(one, one) for one in of['conditions'])}."
        ),
        "rare_class": lambda: _rare(of["class"], of["patients"], of["consequence"]),
        "duplicates_across_split": lambda: (
            f"{of['images']} images in {of['sets']} sets of duplicates, or of images of one patient, are in several "
            "parts of the split: values may be too high (duplicates.csv)."
        ),
        "conflicting_labels": lambda: (
            f"{of['images']} images in {of['sets']} sets are identical but have different labels (duplicates.csv)."
        ),
        "no_validation": lambda: (
            "No validation part: no epoch was selected and no decision rule was tuned on held-out data."
        ),
        "one_replicate": lambda: (
            f"One {of['replicate']}: the intervals cover other patients for these models. Whether retraining would "
            "give the same order is unknown."
        ),
    }[str(of["kind"])]()


def _correcting(conditions: Iterable[str]) -> str:
    rivals = any(trained_and_rival(condition)[1] for condition in conditions)
    return "sampling, weights, loss or the last layer" if rivals else "sampling, weights or loss"


def _rare(name: str, patients: int, consequence: str) -> str:
    what = {
        "not estimable": f"fewer than {MIN_PATIENTS}, so metrics that depend on it have no interval",
        "approximate": "a rare class: intervals are approximate",
        "few": f"fewer than {FEW_IN_CLASS}: one patient changes its recall by {1 / max(patients, 1):.2f}",
    }
    return f"Class {name} has {patients} test patients, {what[consequence]}."
