"""TCGA-GBM and TCGA-LGG, preoperative scans as preprocessed by Bakas et al. 2017 (doi:10.1038/sdata.2017.117).

``TCGA-02-0003/TCGA-02-0003_1996.06.08_{t1,t1Gd,t2,flair}.nii.gz``, ``..._GlistrBoost[_ManuallyCorrected].nii.gz``, or
the same without ``.gz``, at any depth below the cohort's folder. Molecular markers are those of Ceccarelli et al. 2016
(doi:10.1016/j.cell.2015.12.028), a table of all TCGA gliomas, most of which were never imaged: patients without images
are not listed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from imbalance_aware.names import Name
from imbalance_aware.sources.glioma_cohort import GliomaCohort
from imbalance_aware.sources.nifti_files import walk
from imbalance_aware.sources.who2021 import CODELETED, INTACT, MUTANT, UNKNOWN, WILDTYPE
from imbalance_aware.volume_settings import Start

if TYPE_CHECKING:
    import pandas as pd

    from imbalance_aware.cohort.volume_subjects import VolumeSubject

COLUMNS = {
    "id": ["patient", "Case"],
    "idh": ["idh_status", "IDH status"],
    "codeletion": ["codeletion_1p19q", "1p/19q codeletion"],
}
PATIENT = re.compile(r"TCGA-\w\w-\w{4}")
FILE = re.compile(rf"({PATIENT.pattern})_(\d{{4}}\.\d\d\.\d\d)_(\w+)\.nii(\.gz)?")
#: What the files of a patient look like, for messages.
LAYOUT = "TCGA-02-0003_1996.06.08_t1.nii.gz"
KINDS = {"t1": "t1", "t1Gd": "t1c", "t2": "t2", "flair": "flair"}
#: The corrected segmentation is taken where there is one.
MASKS = ("GlistrBoost_ManuallyCorrected", "GlistrBoost")
IDH = {"wt": WILDTYPE, "mutant": MUTANT}
CODELETION = {"non-codel": INTACT, "codel": CODELETED}


class Settings(GliomaCohort):
    """TCGA-GBM and TCGA-LGG as preprocessed by Bakas et al. 2017 (doi:10.1038/sdata.2017.117)."""

    how_to_get: ClassVar[str] = (
        "Download the NIfTI files and segmentations of TCGA-GBM (doi:10.7937/K9/TCIA.2017.KLXWJJ1Q) and TCGA-LGG "
        "(doi:10.7937/K9/TCIA.2017.GJQ7R0EF) from TCIA into one folder and set `path` to it; `table` is the table of "
        "molecular subtypes of Ceccarelli et al. 2016 (doi:10.1016/j.cell.2015.12.028), saved as CSV."
    )
    licence: ClassVar[str] = (
        "CC BY 3.0 (TCIA, TCGA-LGG); TCGA-GBM: the terms on its page; Bakas et al. 2017, doi:10.1038/sdata.2017.117"
    )

    adapter: Literal["tcga"]
    name: Name = Field("TCGA", description="name in tables and in `split: {test_cohorts: …}`")
    start: Start = Field("stripped", description="the scans are published in BraTS space, without skull")


def find(settings: Settings, wanted: Sequence[str]) -> "Iterator[VolumeSubject]":
    """Every session of every patient with files; all but one of a patient are left out.

    Kept is the first session that has each of ``wanted`` (sequences and ``mask``) once; if none has, the first.
    """
    from imbalance_aware.cohort.volume_subjects import VolumeSubject

    root = settings.folder()
    clinical = markers(settings.table)
    for patient, sessions in sorted(_sessions(root).items()):
        kept = next((date for date, files in sessions.items() if _complete(files, wanted)), next(iter(sessions)))
        row = clinical.loc[patient] if patient in clinical.index else None
        for date, files in sessions.items():
            other = date != kept
            yield VolumeSubject(
                subject=f"{patient}_{date}" if other else patient,
                patient=patient,
                files=files,
                columns={
                    "session": date,
                    "idh": UNKNOWN if row is None else row["idh"],
                    "codeletion_1p19q": UNKNOWN if row is None else row["codeletion"],
                },
                reasons=["second session"] * other + ["not in the clinical table"] * (row is None),
            )


def markers(table: Path) -> "pd.DataFrame":
    """Columns ``idh`` and ``codeletion`` of every row of the table, indexed by patient."""
    from imbalance_aware.sources.clinical_table import read_markers

    return read_markers(table, COLUMNS, IDH, CODELETION)


def _sessions(root: Path) -> dict[str, dict[str, dict[str, list[Path]]]]:
    """Patient -> date, in order -> sequence or ``mask`` -> files."""
    found: dict[tuple[str, str], dict[str, list[Path]]] = {}
    for folder, names in walk(root):
        for match in filter(None, map(FILE.fullmatch, names)):
            found.setdefault((match[1], match[2]), {}).setdefault(match[3], []).append(folder / match[0])
    sessions: dict[str, dict[str, dict[str, list[Path]]]] = {}
    for (patient, date), files in sorted(found.items()):
        sessions.setdefault(patient, {})[date] = _by_sequence(files)
    return sessions


def _complete(files: Mapping[str, list[Path]], wanted: Sequence[str]) -> bool:
    return all(len(files.get(name, ())) == 1 for name in wanted)


def _by_sequence(files: dict[str, list[Path]]) -> dict[str, list[Path]]:
    mask = next((files[name] for name in MASKS if name in files), [])
    return {key: files.get(kind, []) for kind, key in KINDS.items()} | {"mask": mask}
