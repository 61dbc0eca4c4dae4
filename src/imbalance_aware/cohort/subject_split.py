"""The side of every included subject of a cohort: as the settings say, with what the source gives."""

from typing import Any

import pandas as pd

from imbalance_aware.cohort.audit import drop_conflicts, units
from imbalance_aware.cohort.folds import draw_validation, seed_of, tested_by
from imbalance_aware.cohort.inclusion import criterion, included, parts_of
from imbalance_aware.cohort.split_settings import Cohorts, Random
from imbalance_aware.cohort.splits import grouped_split, stratified_split
from imbalance_aware.errors import UserError


def assign_split(subjects: pd.DataFrame, settings: Any) -> None:
    """Fill ``split`` in place: train, validation or test, and nothing for subjects that are excluded.

    In a cross-validated dataset nobody has a side here: the step ``folds`` writes it down, fold by fold.

    Args:
        subjects: the cohort; what its source gives of the split is in the column ``split``.
        settings: of the dataset.

    Raises:
        UserError: the subjects cannot be divided as the settings say.
    """
    split = settings.chosen_split()
    if settings.cross_validation() is None:
        if isinstance(split, Random | Cohorts) and (subjects["split"] != "").any():
            raise UserError(
                f"the source gives a split, which `split: {split.method}` does not use: the Settings of such a "
                "source need a matching method, such as authors or table"
            )
        if isinstance(split, Random):
            _draw_test(subjects, split, settings.kind == "images")
        elif isinstance(split, Cohorts):
            _take_cohorts(subjects, split)
        if settings.conflicts == "drop":
            drop_conflicts(subjects)
        if split.validation:
            training = subjects[included(subjects) & (subjects["split"] == "train")]
            training = training.assign(unit=units(training))
            chosen = draw_validation(training, split.validation, seed_of(split.seed, "validation"))
            subjects.loc[chosen.index[chosen], "split"] = "validation"
    subjects.loc[~included(subjects), "split"] = ""


def require_trainable(subjects: pd.DataFrame, classes: list[str], settings: Any) -> None:
    """Raise `UserError` unless there are two classes, and each part, or the training of each fold, has every class."""
    if len(classes) < 2:
        raise UserError(f"a classifier needs at least two classes; found: {', '.join(classes) or 'none'}")
    cross_validation = settings.cross_validation()
    for name in classes:
        members = subjects[subjects["class"] == name]
        inside = members[included(members)]
        counts = f"{len(members)} found, {len(inside)} usable{_main_reasons(members)}"
        if cross_validation and inside.empty:
            raise UserError(f'class "{name}" has no sample: {counts}')
        for side in [] if cross_validation else parts_of(subjects):
            if not (inside["split"] == side).any():
                raise UserError(f'class "{name}" has no sample in the {side} set: {counts}')
    if cross_validation:
        inside = subjects[included(subjects)]
        tested_by(inside.assign(unit=units(inside)), settings.chosen_split(), cross_validation.folds)


def _draw_test(subjects: pd.DataFrame, split: Random, photographs: bool) -> None:
    """A random test set; samples of a group, and those with equal pixels, stay together."""
    inside = subjects[included(subjects)]
    if inside.empty:
        return
    groups, together = inside["group"], units(inside)
    # Where each photograph is a group of its own, one that is added later changes the side of few of the others.
    single = photographs and groups.equals(inside["subject"])
    draw = stratified_split if single else grouped_split
    try:
        sides = draw(together, inside["class"], split.test_fraction, split.seed)
    except UserError as error:
        if together.equals(groups):
            raise
        raise UserError(f"{error} Groups that share equal images count as one") from None
    subjects.loc[inside.index, "split"] = sides


def _take_cohorts(subjects: pd.DataFrame, split: Cohorts) -> None:
    """The test cohorts, and the others for training."""
    known = sorted(set(subjects["cohort"]))
    if unknown := [name for name in split.test_cohorts if name not in known]:
        raise UserError(
            f"`split: {{test_cohorts: …}}` names {', '.join(unknown)}, which no row has; the cohorts are "
            f"{', '.join(known)}"
        )
    subjects["split"] = subjects["cohort"].isin(split.test_cohorts).map({True: "test", False: "train"})


def _main_reasons(members: pd.DataFrame) -> str:
    """The most frequent reasons for exclusion, with one example in full."""
    out = members[~included(members)]
    if out.empty:
        return ""
    reasons = out.groupby(out["excluded"].map(criterion), sort=False)["excluded"].agg(["size", "first"])
    shown = reasons.sort_values("size", ascending=False, kind="stable").head(3)
    return "; excluded: " + "; ".join(f"{row['size']} × {row['first']}" for _, row in shown.iterrows())
