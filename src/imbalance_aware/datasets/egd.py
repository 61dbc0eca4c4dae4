"""Erasmus Glioma Database: preoperative MRI of 774 patients (van der Voort et al. 2021).

``SUBJECTS/EGD-0001/{T1,T1GD,T2,FLAIR}/NIFTI/*.nii.gz``, ``MASK/NIFTI/MASK.nii.gz``; as downloaded from XNAT the scans'
folders may be numbered (``1_T1``). The table has 0, 1 and -1 (unknown) for IDH and 1p/19q.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from imbalance_aware.datasets.clinical_table import read_clinical, require_folder
from imbalance_aware.datasets.settings_3d import EgdCohort
from imbalance_aware.datasets.volume_facts import VolumeSubject
from imbalance_aware.datasets.who2021 import CODELETED, INTACT, MUTANT, UNKNOWN, WILDTYPE

COLUMNS = {"id": ["Subject", "subject"], "idh": ["IDH"], "codeletion": ["1p19q", "1p/19q", "1p19q_codeletion"]}
IDENTIFIER = re.compile(r"EGD-\d{4}")
SCANS = {"t1": "T1", "t1c": "T1GD", "t2": "T2", "flair": "FLAIR", "mask": "MASK"}
IDH = {"0": WILDTYPE, "1": MUTANT}
CODELETION = {"0": INTACT, "1": CODELETED}


def find(settings: EgdCohort) -> Iterator[VolumeSubject]:
    """Every folder and every row of the table, by number."""
    root = require_folder(settings)
    root = root / "SUBJECTS" if (root / "SUBJECTS").is_dir() else root
    folders = {path.name: path for path in root.iterdir() if IDENTIFIER.fullmatch(path.name)}
    clinical = markers(settings.table)
    for subject in sorted(folders.keys() | set(clinical.index)):
        row = clinical.loc[subject] if subject in clinical.index else None
        yield VolumeSubject(
            subject=subject,
            patient=subject,
            files=_files(folders[subject]) if subject in folders else {},
            facts={
                "session": "",
                "idh": UNKNOWN if row is None else row["idh"],
                "codeletion_1p19q": UNKNOWN if row is None else row["codeletion"],
            },
            reasons=["not in the clinical table"] * (row is None),
        )


def markers(table: Path) -> pd.DataFrame:
    """Columns ``idh`` and ``codeletion`` of every row of the table, indexed by subject."""
    clinical = read_clinical(table, COLUMNS).set_index("id")
    clinical["idh"] = clinical["idh"].map(_whole).map(IDH).fillna(UNKNOWN)
    clinical["codeletion"] = clinical["codeletion"].map(_whole).map(CODELETION).fillna(UNKNOWN)
    return clinical


def _whole(value: str) -> str:
    """A spreadsheet may have made ``1`` into ``1.0``."""
    return value.removesuffix(".0")


def _files(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {key: [] for key in SCANS}
    keys = {name: key for key, name in SCANS.items()}
    for scan in sorted(folder.iterdir()):
        key = keys.get(re.sub(r"^\d+_", "", scan.name))
        if key:
            found[key] += sorted(scan.glob("NIFTI/*.nii.gz"))
    return found
