"""Collect the preprocessing reports of all subjects: included or excluded with the reason, and all measures.

Writes the cohort table again, with the reasons of those whose files or checks failed; the table of quality control, one
row per subject that was preprocessed, with every measure; and the flow from found to included. Whether those who are
left can be trained on, the step ``pack`` says: these tables are needed to see why not.
"""

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd

from imbalance_aware.class_names import classes_argument
from imbalance_aware.cohort.flow import flow
from imbalance_aware.cohort.inclusion import exclude, included
from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.preprocessing.subject_step import warnings_of
from imbalance_aware.tables.cohort import cohort_csv, read_cohort
from imbalance_aware.tables.flow import flow_csv
from imbalance_aware.tables.quality import quality_csv

log = logging.getLogger(__name__)

#: Measures of each step that enter the table of quality control, and those that have a value per sequence.
MEASURES = {
    "register": ("sform_qform_mm", "header_unit", "moved_mm"),
    "strip": ("coverage", "brain_ml", "atlas_overlap", "atlas_correlation", "edge_match"),
    "mask": ("tumour_ml", "inside_brain", "mask_drawn_on", "mask_ambiguity_mm", "mask_sform_qform_mm"),
    "scale": tuple(f"intensity_{name}" for name in ("min", "median", "p99", "max", "spread")),
    "crop": ("tumour_in_patch",),
}
PER_SEQUENCE = ("sform_qform_mm", "header_unit", "moved_mm", "coverage", "edge_match", *MEASURES["scale"])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--cohort", type=Path, required=True, help="table of subjects")
    parser.add_argument("--subjects", type=Path, required=True, help="folder with one folder per preprocessed subject")
    parser.add_argument(
        "--classes", type=classes_argument, help="JSON list of the classes in label order (default: alphabetical)"
    )
    parser.add_argument("--out", type=Path, required=True, help="table of subjects to write")
    parser.add_argument("--qc", type=Path, required=True, help="table of quality control to write")
    parser.add_argument("--flow", type=Path, required=True, help="table of counts to write")


def run(args: argparse.Namespace) -> None:
    """Write the three tables."""
    cohort = read_cohort(args.cohort)
    preprocessed = cohort[included(cohort)]
    reports = {row: read_report(args.subjects / cohort.at[row, "subject"]) for row in preprocessed.index}
    quality = pd.DataFrame([_quality(cohort.loc[row], report) for row, report in reports.items()])
    for row, report in reports.items():
        if report["failed"]:
            exclude(cohort, [row], report["failed"]["reason"])
            cohort.at[row, "split"] = ""
            log.warning("%s: %s %s", report["subject"], report["failed"]["reason"], report["failed"]["file"])
    classes = args.classes or sorted(set(cohort["class"]) - {""})
    write_text(args.out, cohort_csv(cohort))
    write_text(args.qc, quality_csv(quality))
    write_text(args.flow, flow_csv(flow(cohort, classes)))
    marked = sum(bool(warnings_of(report)) for report in reports.values() if not report["failed"])
    if marked:
        log.warning(
            "%d included subjects are marked and should be inspected; the reasons are in %s, column warnings",
            marked,
            args.qc,
        )
    log.info("%d of %d preprocessed subjects are included", int(included(cohort).sum()), len(preprocessed))


def read_report(folder: Path) -> dict[str, Any]:
    """The last report of a subject.

    Raises:
        UserError: there is none, though the cohort includes the subject.
    """
    try:
        return json.loads((folder / "patch.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder}: no report of the step patch, although the cohort includes this subject") from None


def _quality(subject: pd.Series, report: dict[str, Any]) -> dict[str, Any]:
    failed = report["failed"] or {}
    row = {name: subject[name] for name in ("subject", "cohort", "class", "split")}
    row |= {"passed": not failed} | {key: failed.get(key, "") for key in ("step", "reason", "file")}
    row["warnings"] = "; ".join(warnings_of(report))
    for step, names in MEASURES.items():
        for name in names:
            value = report["steps"].get(step, {}).get(name)
            if name in PER_SEQUENCE:
                row |= {f"{name}_{sequence}": part for sequence, part in (value or {}).items()}
            else:
                row[name] = value
    return row
