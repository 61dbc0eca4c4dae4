"""List the subjects of a source: check them, split them, and say why any of them is left out.

Writes three tables: the cohort (one row per subject found, with the reason if it is excluded), the duplicates
(images that are the same to the last pixel or voxel) and the flow (found, excluded by each criterion, included).
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from imbalance_aware.class_names import look_alikes, unusable
from imbalance_aware.cohort.audit import drop_conflicts, duplicates, units
from imbalance_aware.cohort.flow import flow
from imbalance_aware.cohort.inclusion import criterion, included
from imbalance_aware.cohort.split_settings import SplitSettings
from imbalance_aware.cohort.splits import grouped_split, stratified_split
from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.sources.lookup import call, look_up
from imbalance_aware.sources.resources import RESOURCES
from imbalance_aware.tables.cohort import COLUMNS, cohort_csv
from imbalance_aware.tables.duplicates import duplicates_csv
from imbalance_aware.tables.flow import flow_csv

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--settings", required=True, help="settings of the dataset: JSON, or a YAML/JSON file")
    parser.add_argument("--source", type=Path, help="folder that the step `phantoms` made, for a generated dataset")
    parser.add_argument("--resources", type=Path, default=RESOURCES, help="folder of shipped tables")
    parser.add_argument("--out", type=Path, required=True, help="table of subjects to write")
    parser.add_argument("--duplicates", type=Path, required=True, help="table of duplicates to write")
    parser.add_argument("--flow", type=Path, required=True, help="table of counts to write")


def run(args: argparse.Namespace) -> None:
    """Write the three tables.

    Raises:
        UserError: the cohort cannot be trained on; the tables are then written under the names of `refused`.
    """
    subjects, settings = find(args.settings, resources=args.resources, source=args.source)
    for line in look_alikes(subjects.loc[subjects["class"] != "", "class"].value_counts(sort=False).to_dict()):
        log.warning("%s", line)
    for reason, number in subjects["excluded"][~included(subjects)].map(criterion).value_counts().items():
        log.warning("excluded: %d × %s", number, reason)
    classes = class_order(subjects, settings)
    paths = (args.out, args.duplicates, args.flow)
    try:
        split(subjects, settings)
        report(flow(subjects, classes), duplicates(subjects), args.duplicates)
        require_trainable(subjects, classes)
    except UserError as error:
        write_tables([refused(path) for path in paths], subjects, classes)
        raise UserError(f"{error}; every subject with its reason is in {refused(args.out)}") from None
    write_tables(paths, subjects, classes)
    for path in paths:
        refused(path).unlink(missing_ok=True)


def split(subjects: pd.DataFrame, settings: SplitSettings) -> None:
    """Give every included subject its side, in place, and none to the others."""
    assign_split(subjects, settings)
    if settings.conflicts == "drop":
        drop_conflicts(subjects)
    subjects.loc[~included(subjects), "split"] = ""


def write_tables(paths: Sequence[Path], subjects: pd.DataFrame, classes: list[str]) -> None:
    """Write cohort, duplicates and flow."""
    texts = (cohort_csv(subjects), duplicates_csv(duplicates(subjects)), flow_csv(flow(subjects, classes)))
    for path, text in zip(paths, texts, strict=True):
        write_text(path, text)


def refused(path: Path) -> Path:
    """Where a table goes if the step fails: a file of another name, since Snakemake deletes what failed jobs wrote."""
    return path.with_stem(f"{path.stem}_refused")


def find(text: str, **offered: Any) -> tuple[pd.DataFrame, SplitSettings]:
    """The table of subjects from the adapter that ``text`` names, and its settings.

    Args:
        text: settings of a dataset, as JSON or path.
        offered: what an adapter may ask for by parameter: ``resources``, ``source``.

    Raises:
        UserError: the adapter says so, or found nothing, two subjects share an identifier, or no class can have a
            name that the adapter found.
    """
    module, settings = look_up(text)
    subjects = call(module.find, settings, **offered).reset_index(drop=True)
    if subjects.empty:
        raise UserError(f"dataset of kind {settings.adapter}: no subject was found")
    if lacking := [name for name in COLUMNS if name not in subjects]:
        raise UserError(f"{module.__file__}: the table of `find` lacks the column(s) {', '.join(lacking)}")
    twice = subjects["subject"][subjects["subject"].duplicated()].unique()
    if len(twice):
        raise UserError(f"dataset of kind {settings.adapter}: subject(s) listed twice: {', '.join(twice[:5])}")
    if reason := unusable(name for name in subjects["class"].unique() if name):
        raise UserError(f"dataset of kind {settings.adapter}: {reason}; give it another name")
    return subjects[[*COLUMNS, *subjects.columns.difference(COLUMNS, sort=False)]], settings


def assign_split(subjects: pd.DataFrame, settings: SplitSettings) -> None:
    """Fill ``split`` of the included subjects in place, if the adapter left it open.

    By group if there are groups; samples with equal pixels stay together in any case.
    """
    inside = subjects[included(subjects)]
    if inside.empty or (inside["split"] != "").any():
        return
    draw, groups = (grouped_split, inside["group"]) if "group" in subjects else (stratified_split, inside["subject"])
    together = units(inside)
    try:
        sides = draw(together, inside["class"], settings.test_fraction, settings.split_seed)
    except UserError as error:
        if together.equals(groups):
            raise
        raise UserError(f"{error} Groups that share equal images count as one") from None
    subjects.loc[inside.index, "split"] = sides


def class_order(subjects: pd.DataFrame, settings) -> list[str]:
    """Classes in label order: as the settings say, else alphabetical."""
    if settings.classes is not None:
        return list(settings.classes)
    return sorted(set(subjects["class"]) - {""})


def report(counts: pd.DataFrame, twins: pd.DataFrame, listed_in: Path) -> None:
    """Log counts per class and split, and what the audit found, which the file ``listed_in`` names."""
    stages = counts.pivot_table("subjects", ["cohort", "class"], "stage", "sum", fill_value=0, sort=False)
    stages = stages.reindex(columns=["found", "excluded", "included", "train", "test"], fill_value=0)
    log.info("subjects per class:\n%s", stages.to_string())
    if len(twins):
        groups = twins.drop_duplicates("group")
        log.warning(
            "duplicates: %d groups of equal images, %d of them with conflicting labels; %s names them",
            len(groups),
            groups["conflicting_label"].sum(),
            listed_in,
        )
    crossing = twins[twins["across_split"]]
    if len(crossing):
        first = crossing[crossing["group"] == crossing["group"].iloc[0]]
        shown = [first.loc[first["split"] == side, "subject"].iloc[0] for side in ("train", "test")]
        log.warning(
            "duplicates: %d groups of equal images are in both training and test, such as %s (training) and %s (test): "
            "results on the test set are too good by them; see the column across_split",
            crossing["group"].nunique(),
            *shown,
        )


def require_trainable(subjects: pd.DataFrame, classes: list[str]) -> None:
    """Raise `UserError` unless there are two classes and each has training and test samples."""
    if len(classes) < 2:
        raise UserError(f"a classifier needs at least two classes; found: {', '.join(classes) or 'none'}")
    for name in classes:
        members = subjects[subjects["class"] == name]
        inside = members[included(members)]
        for side in ("train", "test"):
            if not (inside["split"] == side).any():
                raise UserError(
                    f'class "{name}" has no sample in the {side} set: {len(members)} found, {len(inside)} usable'
                    f"{_main_reasons(members)}"
                )


def _main_reasons(members: pd.DataFrame) -> str:
    """The most frequent reasons for exclusion, with one example in full."""
    out = members[~included(members)]
    if out.empty:
        return ""
    reasons = out.groupby(out["excluded"].map(criterion), sort=False)["excluded"].agg(["size", "first"])
    shown = reasons.sort_values("size", ascending=False, kind="stable").head(3)
    return "; excluded: " + "; ".join(f"{row['size']} × {row['first']}" for _, row in shown.iterrows())
