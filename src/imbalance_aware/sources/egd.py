"""Erasmus Glioma Database: preoperative MRI of 774 patients (van der Voort et al. 2021).

``SUBJECTS/EGD-0001/{T1,T1GD,T2,FLAIR}/NIFTI/*.nii.gz``, ``MASK/NIFTI/MASK.nii.gz``; as downloaded from XNAT the scans'
folders may be numbered (``1_T1``). Files may also end in ``.nii``. The table has
0, 1 and -1 (unknown) for IDH and 1p/19q.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from imbalance_aware.names import Name
from imbalance_aware.sources.glioma_cohort import GliomaCohort
from imbalance_aware.sources.nifti_files import is_nifti
from imbalance_aware.sources.who2021 import CODELETED, INTACT, MUTANT, UNKNOWN, WILDTYPE
from imbalance_aware.volume_settings import Start

if TYPE_CHECKING:
    import pandas as pd

    from imbalance_aware.cohort.volume_subjects import VolumeSubject

COLUMNS = {"id": ["Subject", "subject"], "idh": ["IDH"], "codeletion": ["1p19q", "1p/19q", "1p19q_codeletion"]}
IDENTIFIER = re.compile(r"EGD-(\d+)")
#: What the files of a patient look like, for messages.
LAYOUT = "EGD-0001/T1/NIFTI/T1.nii.gz"
SCANS = {"t1": "T1", "t1c": "T1GD", "t2": "T2", "flair": "FLAIR", "mask": "MASK"}
#: A spreadsheet may have made ``1`` into ``1.0``.
IDH = {r"0(\.0)?": WILDTYPE, r"1(\.0)?": MUTANT}
CODELETION = {r"0(\.0)?": INTACT, r"1(\.0)?": CODELETED}


class Settings(GliomaCohort):
    """Erasmus Glioma Database (doi:10.1016/j.dib.2021.107191)."""

    how_to_get: ClassVar[str] = (
        "The Erasmus MC grants access under a data-use agreement (https://xnat.bmia.nl/data/archive/projects/egd); set "
        "`path` to the folder that holds SUBJECTS and `table` to its genetic and histological labels, saved as CSV."
    )
    licence: ClassVar[str] = "data-use agreement with the Erasmus MC (doi:10.1016/j.dib.2021.107191)"

    adapter: Literal["egd"]
    name: Name = Field("EGD", description="name in tables and in `split: {test_cohorts: …}`")
    start: Start = Field("registered", description="the scans are published in MNI space, with skull, defaced")


def find(settings: Settings, wanted: Sequence[str]) -> "Iterator[VolumeSubject]":
    """Every folder and every row of the table, by number; ``wanted`` chooses nothing, as there is one session each."""
    from imbalance_aware.cohort.volume_subjects import VolumeSubject, several_folders

    root = settings.folder()
    root = root / "SUBJECTS" if (root / "SUBJECTS").is_dir() else root
    folders: dict[str, list[Path]] = {}
    for path in sorted(root.iterdir()):
        if IDENTIFIER.fullmatch(path.name) and path.is_dir():
            folders.setdefault(identifier(path.name), []).append(path)
    clinical = markers(settings.table)
    for subject in sorted(folders.keys() | set(clinical.index)):
        row = clinical.loc[subject] if subject in clinical.index else None
        yield VolumeSubject(
            subject=subject,
            patient=subject,
            files=_files(folders[subject][0]) if subject in folders else {},
            columns={
                "session": "",
                "idh": UNKNOWN if row is None else row["idh"],
                "codeletion_1p19q": UNKNOWN if row is None else row["codeletion"],
            },
            reasons=["not in the clinical table"] * (row is None) + several_folders(folders.get(subject, ())),
        )


def markers(table: Path) -> "pd.DataFrame":
    """Columns ``idh`` and ``codeletion`` of every row of the table, indexed by subject."""
    from imbalance_aware.sources.clinical_table import read_markers

    return read_markers(table, COLUMNS, IDH, CODELETION, identifier)


def identifier(name: str) -> str:
    """``EGD-001`` -> ``EGD-0001``; anything else as it is."""
    match = IDENTIFIER.fullmatch(name)
    return f"EGD-{int(match[1]):04d}" if match else name


def _files(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {key: [] for key in SCANS}
    keys = {name: key for key, name in SCANS.items()}
    for scan in sorted(folder.iterdir()):
        key = keys.get(re.sub(r"^\d+_", "", scan.name))
        if key:
            found[key] += [path for path in sorted(scan.glob("NIFTI/*")) if is_nifti(path.name)]
    return found
