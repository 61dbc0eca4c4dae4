"""Subjects with several volumes, and their table: what the files of each say before any of them is opened."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from imbalance_aware.cohort.inclusion import SEPARATOR
from imbalance_aware.tables.cohort import COLUMNS

#: Columns that follow the sequences: tumour mask (path, may be empty), state of the scans, patient.
AFTER_SEQUENCES = ("mask", "start", "group")


@dataclass
class VolumeSubject:
    """One row of a cohort table in the making.

    Attributes:
        subject: file-name safe identifier.
        patient: all scans of one patient are on the same side of a split.
        files: sequence or ``mask`` -> files found under that name.
        columns: further columns of the table.
        reasons: why the subject is left out, the first of which counts in the flow table.
    """

    subject: str
    patient: str
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


def subject_table(
    subjects: Iterable[VolumeSubject], sequences: Sequence[str], cohort: str, start: str, needs_mask: bool
) -> pd.DataFrame:
    """The table of a cohort; missing and ambiguous files become reasons for exclusion.

    Args:
        subjects: in the order of the rows.
        sequences: that every subject must have.
        cohort: name of the cohort.
        start: how far its scans are preprocessed.
        needs_mask: whether a subject without tumour mask is excluded.
    """
    rows = []
    for subject in subjects:
        reasons = [*subject.reasons, *_file_reasons(subject, sequences, needs_mask)]
        row = {"subject": subject.subject, "cohort": cohort, "class": "", "split": ""}
        row["excluded"] = SEPARATOR.join(reason.replace(SEPARATOR, ", ") for reason in reasons)
        row |= {name: _single(subject.files.get(name, ())) for name in (*sequences, "mask")}
        rows.append(row | {"start": start, "group": subject.patient} | subject.columns)
    return pd.DataFrame(rows, columns=None if rows else [*COLUMNS, *sequences, *AFTER_SEQUENCES])


def several_folders(folders: Sequence[Path]) -> list[str]:
    """The reason to exclude a subject whose images are in several folders, since the right one is unknown."""
    return [f"several folders: {', '.join(folder.as_posix() for folder in folders)}"] if len(folders) > 1 else []


def _file_reasons(subject: VolumeSubject, sequences: Sequence[str], needs_mask: bool) -> list[str]:
    if not any(subject.files.values()):
        return ["no images"]
    wanted = [*sequences, "mask"] if needs_mask else list(sequences)
    missing = [name for name in wanted if not subject.files.get(name)]
    several = [name for name in wanted if len(subject.files.get(name, ())) > 1]
    reasons = []
    if lacking := [name for name in missing if name != "mask"]:
        reasons.append(f"missing sequence: {', '.join(lacking)}")
    if "mask" in missing:
        reasons.append("missing mask")
    if several:
        reasons.append(f"several files: {', '.join(several)}")
    # Snakemake would stop the whole workflow: it reads {x} in an input file as a wildcard, which cannot be escaped.
    if braced := [name for name in wanted if _braced(subject.files.get(name, ()))]:
        reasons.append(f"braces in a path: {', '.join(braced)} (to Snakemake {{x}} is a wildcard, rename it)")
    return reasons


def _braced(files: Sequence[Path]) -> bool:
    return any(brace in path.as_posix() for path in files for brace in "{}")


def _single(files: Sequence[Path]) -> str:
    return files[0].as_posix() if len(files) == 1 else ""
