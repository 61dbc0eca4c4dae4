"""UCSF-PDGM: preoperative MRI of diffuse gliomas, TCIA (doi:10.7937/tcia.bdgf-8v37).

``UCSF-PDGM-0004_nifti/UCSF-PDGM-0004_{T1,T1c,T2,FLAIR}[_bias].nii.gz``, ``..._tumor_segmentation.nii.gz``. The table's
numbers have three digits, the folders' four; follow-up scans carry ``_FU`` and a number of days.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from imbalance_aware.datasets.clinical_table import read_clinical, require_folder
from imbalance_aware.datasets.settings_3d import UcsfPdgmCohort
from imbalance_aware.datasets.volume_facts import VolumeSubject
from imbalance_aware.datasets.who2021 import CODELETED, INTACT, MUTANT, UNKNOWN, WILDTYPE

COLUMNS = {"id": ["ID"], "idh": ["IDH"], "codeletion": ["1p/19q"]}
IDENTIFIER = re.compile(r"UCSF-PDGM-(\d+)(_FU\d+d)?")
FOLDER = re.compile(rf"({IDENTIFIER.pattern})_nifti")
SEQUENCES = {"t1": "T1", "t1c": "T1c", "t2": "T2", "flair": "FLAIR"}
CODELETION = {"intact": INTACT, "co-deletion": CODELETED, "relative co-deletion": CODELETED}


def find(settings: UcsfPdgmCohort) -> Iterator[VolumeSubject]:
    """Every folder and every row of the table, by number."""
    root = require_folder(settings)
    found = [(FOLDER.fullmatch(path.name), path) for path in sorted(root.rglob("*_nifti"))]
    folders = {identifier(match[1]): path for match, path in found if match}
    clinical = markers(settings.table)
    for subject in sorted(folders.keys() | set(clinical.index)):
        follow_up = "_FU" in subject
        row = clinical.loc[subject] if subject in clinical.index else None
        yield VolumeSubject(
            subject=subject,
            patient=subject.partition("_FU")[0],
            files=_files(folders[subject], settings.bias_corrected) if subject in folders else {},
            facts={
                "session": subject.partition("_")[2],
                "idh": UNKNOWN if row is None else row["idh"],
                "codeletion_1p19q": UNKNOWN if row is None else row["codeletion"],
            },
            reasons=["follow-up scan"] * follow_up + ["not in the clinical table"] * (row is None),
        )


def markers(table: Path) -> pd.DataFrame:
    """Columns ``idh`` and ``codeletion`` of every row of the table, indexed by four-digit identifier."""
    clinical = read_clinical(table, COLUMNS)
    clinical.index = clinical["id"].map(identifier)
    clinical["idh"] = clinical["idh"].map(_idh)
    clinical["codeletion"] = clinical["codeletion"].map(CODELETION).fillna(UNKNOWN)
    return clinical[["idh", "codeletion"]]


def identifier(name: str) -> str:
    """``UCSF-PDGM-004`` -> ``UCSF-PDGM-0004``; anything else as it is."""
    match = IDENTIFIER.fullmatch(name)
    return f"UCSF-PDGM-{int(match[1]):04d}{match[2] or ''}" if match else name


def _idh(value: str) -> str:
    if value == "wildtype":
        return WILDTYPE
    return MUTANT if re.match(r"IDH[12] |mutated", value) else UNKNOWN


def _files(folder: Path, bias_corrected: bool) -> dict[str, list[Path]]:
    stem = folder.name.removesuffix("_nifti")
    ending = "_bias.nii.gz" if bias_corrected else ".nii.gz"
    names = {sequence: f"{stem}_{name}{ending}" for sequence, name in SEQUENCES.items()}
    names["mask"] = f"{stem}_tumor_segmentation.nii.gz"
    return {key: [folder / name] * (folder / name).is_file() for key, name in names.items()}
