"""Counts of subjects: found, excluded by each criterion, included."""

import pandas as pd

from imbalance_aware.cohort.inclusion import criterion, included, parts_of
from imbalance_aware.tables.flow import COLUMNS
from imbalance_aware.tables.samples import SPLITS

#: In order; those of the split only where a dataset has one.
STAGES = ("found", "excluded", "included", *SPLITS)


def flow(subjects: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """Count subjects per cohort and class at each stage from found to included.

    A subject with several reasons counts under the first, so that found = excluded + included.

    Args:
        subjects: the finished cohort table.
        classes: in label order; rows of other classes follow.

    Returns:
        Columns of `imbalance_aware.tables.flow`; ``stage`` is found, excluded (one row per criterion), included,
        and the parts of a fixed split.
    """
    sides = parts_of(subjects) if (subjects["split"] != "").any() else []
    rows = []
    order = [*classes, *sorted(set(subjects["class"]) - set(classes))]
    criteria = [reason for reason in dict.fromkeys(subjects["excluded"].map(criterion)) if reason]
    for cohort in sorted(set(subjects["cohort"])):
        for name in order:
            part = subjects[(subjects["cohort"] == cohort) & (subjects["class"] == name)]
            if part.empty:
                continue
            first = part["excluded"].map(criterion)
            inside = part[included(part)]
            rows.append((cohort, name, "found", "", len(part)))
            rows += [
                (cohort, name, "excluded", reason, count)
                for reason in criteria
                if (count := int((first == reason).sum()))
            ]
            rows.append((cohort, name, "included", "", len(inside)))
            rows += [(cohort, name, side, "", int((inside["split"] == side).sum())) for side in sides]
    return pd.DataFrame(rows, columns=list(COLUMNS))
