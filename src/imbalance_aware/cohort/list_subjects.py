"""List the subjects of a source, check them, split them, and record why any of them is excluded.

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
from imbalance_aware.cohort.audit import duplicates, leakage
from imbalance_aware.cohort.flow import STAGES, flow
from imbalance_aware.cohort.inclusion import criterion, included
from imbalance_aware.cohort.split_settings import SplitSettings
from imbalance_aware.cohort.subject_split import assign_split, require_trainable
from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.sources.lookup import call, look_up
from imbalance_aware.sources.resources import RESOURCES
from imbalance_aware.tables.cohort import COLUMNS, cohort_csv
from imbalance_aware.tables.duplicates import PIXELS, duplicates_csv
from imbalance_aware.tables.flow import flow_csv

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--settings", required=True, help="settings of the dataset: JSON, or a YAML/JSON file")
    parser.add_argument("--source", type=Path, help="output folder of the step `phantoms`, for a generated dataset")
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
        assign_split(subjects, settings)
        twins = duplicates(subjects)
        report(flow(subjects, classes), twins, args.duplicates)
        leaks = leakage(twins)
        if leaks and settings.leakage == "refuse":
            raise UserError(f"`leakage: refuse`: {'; '.join(leaks)}; {refused(args.duplicates)} names them")
        for line in leaks:
            log.warning("leakage: %s; %s names them", line, args.duplicates)
        require_trainable(subjects, classes, settings)
    except UserError as error:
        write_tables([refused(path) for path in paths], subjects, classes)
        raise UserError(f"{error}; every subject with its reason is in {refused(args.out)}") from None
    write_tables(paths, subjects, classes)
    for path in paths:
        refused(path).unlink(missing_ok=True)


def write_tables(paths: Sequence[Path], subjects: pd.DataFrame, classes: list[str]) -> None:
    """Write cohort, duplicates and flow."""
    texts = (cohort_csv(subjects), duplicates_csv(duplicates(subjects)), flow_csv(flow(subjects, classes)))
    for path, text in zip(paths, texts, strict=True):
        write_text(path, text)


def refused(path: Path) -> Path:
    """Path of a table if the step fails: another file name, because Snakemake deletes the outputs of failed jobs."""
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
    if "group" not in subjects:
        subjects["group"] = subjects["subject"]
    if lacking := [name for name in COLUMNS if name not in subjects]:
        raise UserError(f"{module.__file__}: the table of `find` lacks the column(s) {', '.join(lacking)}")
    twice = subjects["subject"][subjects["subject"].duplicated()].unique()
    if len(twice):
        raise UserError(f"dataset of kind {settings.adapter}: subject(s) listed twice: {', '.join(twice[:5])}")
    if reason := unusable(name for name in subjects["class"].unique() if name):
        raise UserError(f"dataset of kind {settings.adapter}: {reason}; give it another name")
    return subjects[[*COLUMNS, *subjects.columns.difference(COLUMNS, sort=False)]], settings


def class_order(subjects: pd.DataFrame, settings) -> list[str]:
    """Classes in label order: as the settings say, else alphabetical."""
    if settings.classes is not None:
        return list(settings.classes)
    return sorted(set(subjects["class"]) - {""})


def report(counts: pd.DataFrame, twins: pd.DataFrame, listed_in: Path) -> None:
    """Log counts per class and split, and the duplicates that the file ``listed_in`` names."""
    stages = counts.pivot_table("subjects", ["cohort", "class"], "stage", "sum", fill_value=0, sort=False)
    stages = stages.reindex(columns=[name for name in STAGES if name in stages], fill_value=0)
    log.info("subjects per class:\n%s", stages.to_string())
    sets = twins[twins["kind"] == PIXELS].drop_duplicates("set")
    if len(sets):
        log.warning(
            "duplicates: %d groups of equal images, %d of them with conflicting labels; %s names them",
            len(sets),
            sets["conflicting_label"].sum(),
            listed_in,
        )
