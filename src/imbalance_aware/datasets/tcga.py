"""TCGA-GBM and TCGA-LGG, preoperative scans as prepared by Bakas et al. 2017 (doi:10.1038/sdata.2017.117).

``TCGA-02-0003/TCGA-02-0003_1996.06.08_{t1,t1Gd,t2,flair}.nii.gz``, ``..._GlistrBoost[_ManuallyCorrected].nii.gz``, at
any depth below the cohort's folder. Molecular markers are those of Ceccarelli et al. 2016
(doi:10.1016/j.cell.2015.12.028), a table of all TCGA gliomas, most of which were never imaged: patients without images
are not listed.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from imbalance_aware.datasets.clinical_table import read_clinical, require_folder
from imbalance_aware.datasets.settings_3d import TcgaCohort
from imbalance_aware.datasets.volume_facts import VolumeSubject
from imbalance_aware.datasets.who2021 import CODELETED, INTACT, MUTANT, UNKNOWN, WILDTYPE

COLUMNS = {
    "id": ["patient", "Case"],
    "idh": ["idh_status", "IDH status"],
    "codeletion": ["codeletion_1p19q", "1p/19q codeletion"],
}
PATIENT = re.compile(r"TCGA-\w\w-\w{4}")
FILE = re.compile(rf"({PATIENT.pattern})_(\d{{4}}\.\d\d\.\d\d)_(\w+)\.nii\.gz")
KINDS = {"t1": "t1", "t1Gd": "t1c", "t2": "t2", "flair": "flair"}
#: The corrected segmentation is taken where there is one.
MASKS = ("GlistrBoost_ManuallyCorrected", "GlistrBoost")
IDH = {"WT": WILDTYPE, "Mutant": MUTANT}
CODELETION = {"non-codel": INTACT, "codel": CODELETED}


def find(settings: TcgaCohort) -> Iterator[VolumeSubject]:
    """Every session of every patient with files; sessions after a patient's first are left out."""
    root = require_folder(settings)
    sessions: dict[tuple[str, str], dict[str, list[Path]]] = {}
    for path in sorted(root.rglob("TCGA-*.nii.gz")):
        if match := FILE.fullmatch(path.name):
            sessions.setdefault((match[1], match[2]), {}).setdefault(match[3], []).append(path)
    clinical = markers(settings.table)
    seen = set()
    for (patient, date), files in sorted(sessions.items()):
        later = patient in seen
        seen.add(patient)
        row = clinical.loc[patient] if patient in clinical.index else None
        yield VolumeSubject(
            subject=f"{patient}_{date}" if later else patient,
            patient=patient,
            files=_by_sequence(files),
            facts={
                "session": date,
                "idh": UNKNOWN if row is None else row["idh"],
                "codeletion_1p19q": UNKNOWN if row is None else row["codeletion"],
            },
            reasons=["second session"] * later + ["not in the clinical table"] * (row is None),
        )


def markers(table: Path) -> pd.DataFrame:
    """Columns ``idh`` and ``codeletion`` of every row of the table, indexed by patient."""
    clinical = read_clinical(table, COLUMNS).set_index("id")
    clinical["idh"] = clinical["idh"].map(IDH).fillna(UNKNOWN)
    clinical["codeletion"] = clinical["codeletion"].map(CODELETION).fillna(UNKNOWN)
    return clinical


def _by_sequence(files: dict[str, list[Path]]) -> dict[str, list[Path]]:
    mask = next((files[name] for name in MASKS if name in files), [])
    return {key: files.get(kind, []) for kind, key in KINDS.items()} | {"mask": mask}
