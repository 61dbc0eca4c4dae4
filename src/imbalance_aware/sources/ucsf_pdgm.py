"""UCSF-PDGM: preoperative MRI of diffuse gliomas, TCIA (doi:10.7937/tcia.bdgf-8v37).

``UCSF-PDGM-0004_nifti/UCSF-PDGM-0004_{T1,T1c,T2,FLAIR}[_bias].nii.gz``, ``..._tumor_segmentation.nii.gz``. The table's
numbers have three digits, the folders' four; follow-up scans carry ``_FU`` and a number of days. Files may also end in
``.nii``.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from imbalance_aware.names import Name
from imbalance_aware.sources.glioma_cohort import GliomaCohort
from imbalance_aware.sources.nifti_files import ENDINGS, walk
from imbalance_aware.sources.who2021 import CODELETED, INTACT, MUTANT, UNKNOWN, WILDTYPE
from imbalance_aware.volume_settings import Start

if TYPE_CHECKING:
    import pandas as pd

    from imbalance_aware.cohort.volume_subjects import VolumeSubject

COLUMNS = {"id": ["ID"], "idh": ["IDH"], "codeletion": ["1p/19q"]}
IDENTIFIER = re.compile(r"UCSF-PDGM-(\d+)(_FU\d+d)?")
FOLDER = re.compile(rf"({IDENTIFIER.pattern})_nifti")
#: What the files of a patient look like, for messages.
LAYOUT = "UCSF-PDGM-0004_nifti/UCSF-PDGM-0004_T1.nii.gz"
SEQUENCES = {"t1": "T1", "t1c": "T1c", "t2": "T2", "flair": "FLAIR"}
#: A mutation is written as it was found: ``IDH1 p.R132H``, ``IDH2 p.Arg172Trp``, ``mutated (NOS)``.
IDH = {"wildtype": WILDTYPE, r"idh[12] p\..+": MUTANT, r"mutated( \(nos\))?": MUTANT}
CODELETION = {"intact": INTACT, "co-deletion": CODELETED, "relative co-deletion": CODELETED}


class Settings(GliomaCohort):
    """UCSF-PDGM (TCIA, doi:10.7937/tcia.bdgf-8v37)."""

    how_to_get: ClassVar[str] = (
        "Download UCSF-PDGM and its metadata from TCIA (doi:10.7937/tcia.bdgf-8v37); set `path` to the folder of the "
        "patients' folders and `table` to the metadata's CSV file."
    )
    licence: ClassVar[str] = "CC BY 4.0 (TCIA, doi:10.7937/tcia.bdgf-8v37)"

    adapter: Literal["ucsf_pdgm"]
    name: Name = Field("UCSF", description="name in tables and in `split: {test_cohorts: …}`")
    start: Start = Field("stripped", description="the scans are published in one space, without skull")
    bias_corrected: bool = Field(False, description="use the files that end in _bias.nii.gz")


def find(settings: Settings, wanted: Sequence[str]) -> "Iterator[VolumeSubject]":
    """Every folder and every row of the table, by number; ``wanted`` chooses nothing, as names tell follow-up scans."""
    from imbalance_aware.cohort.volume_subjects import VolumeSubject, several_folders

    folders: dict[str, list[Path]] = {}
    for folder, _ in walk(settings.folder()):
        if match := FOLDER.fullmatch(folder.name):
            folders.setdefault(identifier(match[1]), []).append(folder)
    clinical = markers(settings.table)
    for subject in sorted(folders.keys() | set(clinical.index)):
        follow_up = "_FU" in subject
        row = clinical.loc[subject] if subject in clinical.index else None
        yield VolumeSubject(
            subject=subject,
            patient=subject.partition("_FU")[0],
            files=_files(folders[subject][0], settings.bias_corrected) if subject in folders else {},
            columns={
                "session": subject.partition("_")[2],
                "idh": UNKNOWN if row is None else row["idh"],
                "codeletion_1p19q": UNKNOWN if row is None else row["codeletion"],
            },
            reasons=[
                *["follow-up scan"] * follow_up,
                *["not in the clinical table"] * (row is None),
                *several_folders(folders.get(subject, ())),
            ],
        )


def markers(table: Path) -> "pd.DataFrame":
    """Columns ``idh`` and ``codeletion`` of every row of the table, indexed by four-digit identifier."""
    from imbalance_aware.sources.clinical_table import read_markers

    return read_markers(table, COLUMNS, IDH, CODELETION, identifier)


def identifier(name: str) -> str:
    """``UCSF-PDGM-004`` -> ``UCSF-PDGM-0004``; anything else as it is."""
    match = IDENTIFIER.fullmatch(name)
    return f"UCSF-PDGM-{int(match[1]):04d}{match[2] or ''}" if match else name


def _files(folder: Path, bias_corrected: bool) -> dict[str, list[Path]]:
    stem = folder.name.removesuffix("_nifti")
    names = {key: f"{stem}_{name}{'_bias' * bias_corrected}" for key, name in SEQUENCES.items()}
    names["mask"] = f"{stem}_tumor_segmentation"
    paths = {key: [folder / f"{name}{ending}" for ending in ENDINGS] for key, name in names.items()}
    return {key: [path for path in both if path.is_file()] for key, both in paths.items()}
