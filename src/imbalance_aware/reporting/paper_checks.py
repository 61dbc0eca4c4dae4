"""Inconsistencies in the paper's own numbers, recomputed from them whenever a table reports them.

Printed values are rounded to two decimals: each stands for all values that are off by at most `HALF`. Only what no
unrounded values could have given is called a contradiction.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

import pandas as pd

from imbalance_aware.reporting import labels
from imbalance_aware.tables.claims import Claim

#: Half of the last printed digit; and what floating-point sums may miss.
HALF, ROUNDING = 0.005, 1e-9
CLASS_WISE, MACRO = "Table 2", "Table 3"
#: Rows of Table 3 that may have been exchanged.
EXCHANGED = ("uniform", "weighted")
#: The classes under Table 2's first heading, which names glioma.
HEADED_GLIOMA = ("f1_no", "f1_early", "f1_advanced")
COMBINED, SINGLE = ("ce_f1", "ce_mcc"), ("f1", "mcc")


def loss_label(key: str) -> str:
    """``"ce_f1"`` -> ``"CE + F1"``, for the paper's losses."""
    terms = (labels.TERMS.get(part, labels.TERMS.get(f"soft_{part}", part)) for part in key.split("_"))
    return " + ".join(terms)


def sampling_label(sampling: str) -> str:
    """``"weighted"`` -> ``"+ Weights"``, for the paper's three ways."""
    weighted = sampling == "weighted"
    return labels.sampling_label("uniform" if weighted else sampling, weighted)


def condition_label(condition: str) -> str:
    """``"ce_f1-weighted"`` -> ``"CE + F1, + Weights"``."""
    loss, _, sampling = condition.rpartition("-")
    return f"{loss_label(loss)}, {sampling_label(sampling)}"


def contradictions(published: pd.DataFrame, tables: Iterable[str], datasets: Iterable[str]) -> list[str]:
    """What does not add up in some of the paper's tables, a sentence or two for each finding.

    Args:
        published: from `imbalance_aware.reporting.summary.read_published`.
        tables: those that are shown (``"Table 3"``); findings on others are left out.
        datasets: those of the paper that are shown; the same.
    """
    tables, datasets = {*tables}, {*datasets}
    found = []
    if CLASS_WISE in tables:
        found += _headings(published, datasets)
    if {CLASS_WISE, MACRO} & tables:
        found += _class_means(published, datasets)
    if "Table 1" in tables:
        found += _spreads(published, datasets)
    return found


@dataclass(frozen=True)
class MeanOfClasses:
    """The mean of the printed class-wise F1 scores of a condition, and the printed macro F1.

    Attributes:
        mean: of Table 2.
        macro: of Table 3.
        tolerance: what rounding of both can explain.
    """

    mean: float
    macro: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether rounding explains the difference."""
        return abs(self.mean - self.macro) <= self.tolerance + ROUNDING


def means_of_classes(
    published: pd.DataFrame, macro_of: Mapping[tuple[str, str], tuple[str, str]] | None = None
) -> dict[tuple[str, str], MeanOfClasses]:
    """`MeanOfClasses` by (dataset, condition) of Table 2.

    Args:
        published: the paper's values.
        macro_of: (dataset, condition) of Table 2 -> that of Table 3 with which it is compared, where it is not its own.
    """
    class_wise = published[published["reference"] == CLASS_WISE]
    macro = published[published["reference"] == MACRO].set_index(["dataset", "condition"])["reference_mean"]
    means = class_wise.groupby(["dataset", "condition"], sort=False)["reference_mean"].mean()
    other = macro_of or {}
    return {
        key: MeanOfClasses(float(mean), float(macro[other.get(key, key)]), 2 * HALF)
        for key, mean in means.items()
        if other.get(key, key) in macro
    }


def _class_means(published: pd.DataFrame, datasets: Collection[str]) -> list[str]:
    """Rows in which Table 3 is not the mean of Table 2, and whether exchanging two rows resolves it."""
    found = []
    wrong = {key: pair for key, pair in means_of_classes(published).items() if not pair.agrees}
    for dataset in dict.fromkeys(dataset for dataset, _ in wrong if dataset in datasets):
        rows = {condition: pair for (name, condition), pair in wrong.items() if name == dataset}
        shown = "; ".join(
            f"{condition_label(condition)}: {pair.mean:.3f} against {pair.macro:.2f}"
            for condition, pair in rows.items()
        )
        losses = list(dict.fromkeys(condition.rpartition("-")[0] for condition in rows))
        first, second = EXCHANGED
        swap = {
            (dataset, f"{loss}-{one}"): (dataset, f"{loss}-{other}")
            for loss, (one, other) in product(losses, ((first, second), (second, first)))
        }
        exchanged = means_of_classes(published, swap)
        consistent = all(pair.agrees for (name, _), pair in exchanged.items() if name == dataset)
        remedy = (
            f" If the rows {sampling_label(first)} and {sampling_label(second)} of {MACRO} are exchanged for "
            f"{', '.join(map(loss_label, losses))}, all rows agree: one of the two tables has them swapped."
            if consistent
            else ""
        )
        found.append(
            f"{labels.readable(dataset)}: in {len(rows)} rows the mean of the class-wise F1 scores of the paper's "
            f"{CLASS_WISE} is not the macro F1 of its {MACRO}, by more than rounding explains ({2 * HALF:g}): {shown}."
            f"{remedy}"
        )
    return found


def _headings(published: pd.DataFrame, datasets: Collection[str]) -> list[str]:
    """Which dataset the columns belong to that Table 2 has under the heading of glioma."""
    class_wise = published[(published["reference"] == CLASS_WISE) & published["metric"].isin(HEADED_GLIOMA)]
    class_wise = class_wise[class_wise["dataset"].isin([*datasets])]
    if class_wise.empty:
        return []
    (dataset,) = class_wise["dataset"].unique()
    agreeing = {}
    for other in dict.fromkeys(published.loc[published["reference"] == MACRO, "dataset"]):
        pairs = means_of_classes(
            published, {(dataset, condition): (other, condition) for condition in class_wise["condition"].unique()}
        )
        agreeing[other] = sum(pair.agrees for (name, _), pair in pairs.items() if name == dataset)
    total = class_wise["condition"].nunique()
    counts = " and ".join(f"that of {name} in {count}" for name, count in agreeing.items())
    return [
        f"The headings of the paper's {CLASS_WISE} are wrong: the columns no, early and advanced are headed Glioma. "
        f"Of {total} rows, their mean agrees with the macro F1 of {MACRO} for {counts}: they are of {dataset}."
    ]


def _spreads(published: pd.DataFrame, datasets: Collection[str]) -> list[str]:
    """Where combined losses do not spread less over seeds in Table 1 than F1 or MCC alone, as the text says."""
    table = published[(published["reference"] == "Table 1") & published["reference_std"].notna()]
    table = table[table["dataset"].isin([*datasets])]
    spread = {tuple(row.condition.rpartition("-")[::2]): row.reference_std for row in table.itertuples()}
    cases = []
    for combined, sampling in product(COMBINED, dict.fromkeys(sampling for _, sampling in spread)):
        own = spread.get((combined, sampling))
        single = {loss: spread[loss, sampling] for loss in SINGLE if (loss, sampling) in spread}
        if own is not None and single and own >= min(single.values()):
            others = " and ".join(f"{loss_label(loss)} {value:.2f}" for loss, value in single.items())
            cases.append(f"{loss_label(combined)}, {sampling_label(sampling)}: {own:.2f}; {others}")
    if not cases:
        return []
    return [
        "The text says that combined losses have smaller standard deviations than F1 and MCC alone. In the paper's "
        f"Table 1 this is not the case for {'; for '.join(cases)}."
    ]


@dataclass(frozen=True)
class Printed:
    """What the paper's tables give for one of its claims.

    Attributes:
        value: of the condition, as printed.
        baseline: the same of the baseline.
        percent: their relative difference.
        low: the smallest one that values which round to these can have, in percent.
        high: the largest one.
    """

    value: float
    baseline: float
    percent: float
    low: float
    high: float

    def gives(self, percent: float) -> bool:
        """Whether unrounded values could give this percentage, which is itself printed to one decimal."""
        return self.low - 0.1 < percent < self.high + 0.1

    def __str__(self) -> str:
        return f"{self.value:.2f} / {self.baseline:.2f}, {self.percent:+.1f} %"


def printed(published: pd.DataFrame, claim: Claim, condition: str = "") -> Printed | None:
    """What the tables give for a claim, or for another ``condition`` in its place; None if they lack a value."""
    main = published[~published["reference"].eq("Table 6")]
    values = main[(main["dataset"] == claim.dataset) & (main["metric"] == claim.metric)]
    by_condition = values.set_index("condition")["reference_mean"]
    condition = condition or claim.condition
    if condition not in by_condition or claim.baseline not in by_condition:
        return None
    value, baseline = float(by_condition[condition]), float(by_condition[claim.baseline])
    if baseline <= HALF:
        return None
    extremes = ((value - HALF) / (baseline + HALF), (value + HALF) / (baseline - HALF))
    return Printed(value, baseline, *(100 * (ratio - 1) for ratio in (value / baseline, *extremes)))


def claim_note(published: pd.DataFrame, claim: Claim) -> str:
    """How the number of a claim fits the paper's tables; empty if they give it as it is."""
    own = printed(published, claim)
    if own is None:
        return f"Published +{claim.percent:g} %: the paper's tables have no values for it."
    if abs(own.percent - claim.percent) < 0.1:
        return ""
    text = f"Published +{claim.percent:g} %: for {condition_label(claim.condition)} the paper's tables give {own}"
    if own.gives(claim.percent):
        return f"{text}; rounding of the printed values allows {own.low:+.1f} to {own.high:+.1f} %."
    here = published[(published["dataset"] == claim.dataset) & (published["metric"] == claim.metric)]
    exact = [
        f"{condition_label(condition)} ({other})"
        for condition in here["condition"].unique()
        if (other := printed(published, claim, condition)) and abs(other.percent - claim.percent) < 0.1
    ]
    source = f" It is the number of {' and '.join(exact)}." if exact else ""
    return f"{text}, and rounding allows {own.low:+.1f} to {own.high:+.1f} % only.{source}"
