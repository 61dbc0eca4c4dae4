"""Trees of empty files in the layouts in which the three public glioma cohorts are published, with small tables.

Only names matter to the adapters; a tree says at each patient what is special about it.
"""

from collections.abc import Iterable
from pathlib import Path

UCSF_HEADER = "ID,Sex,Age at MRI,WHO CNS Grade,Final pathologic diagnosis (WHO 2021),MGMT status,MGMT index,1p/19q,IDH"
EGD_HEADER = "Subject,IDH,1p19q,Grade,Age,Sex"
TCGA_HEADER = "patient,study,histology,grade,age_years,gender,idh_status,codeletion_1p19q,idh_codel_subtype"


def touch(folder: Path, names: Iterable[str]) -> None:
    """Make empty files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def ucsf_patient(root: Path, name: str, without: Iterable[str] = (), bias: bool = True) -> None:
    """Folder of one scan of UCSF-PDGM; ``name`` such as ``UCSF-PDGM-0004``."""
    kinds = ["T1", "T1c", "T2", "FLAIR", "tumor_segmentation", "brain_segmentation"]
    kinds += ["T1_bias", "T1c_bias", "T2_bias", "FLAIR_bias", "ADC", "SWI", "tumor_segmentation_merged"] * bias
    touch(root / f"{name}_nifti", [f"{name}_{kind}.nii.gz" for kind in kinds if kind not in without])


def egd_patient(root: Path, name: str, without: Iterable[str] = (), numbered: bool = False) -> None:
    """Folder of one patient of the EGD; ``numbered`` as downloaded from XNAT."""
    for number, scan in enumerate(["T1", "T1GD", "T2", "FLAIR", "MASK"], start=1):
        if scan not in without:
            folder = root / "SUBJECTS" / name / (f"{number}_{scan}" if numbered else scan)
            touch(folder / "NIFTI", [f"{scan}.nii.gz"])


def tcga_patient(
    root: Path, patient: str, date: str = "1996.06.08", without: Iterable[str] = (), corrected: bool = True
) -> None:
    """Files of one session of Bakas et al. 2017."""
    kinds = ["t1", "t1Gd", "t2", "flair", "GlistrBoost"] + ["GlistrBoost_ManuallyCorrected"] * corrected
    touch(root / patient, [f"{patient}_{date}_{kind}.nii.gz" for kind in kinds if kind not in without])


def ucsf(root: Path) -> tuple[Path, Path]:
    """Six scans of five patients, three tumour classes, and a row without folder."""
    folder = root / "UCSF-PDGM" / "UCSF-PDGM-v3"
    ucsf_patient(folder, "UCSF-PDGM-0004")
    ucsf_patient(folder, "UCSF-PDGM-0005", without=["FLAIR"])
    ucsf_patient(folder, "UCSF-PDGM-0429")
    ucsf_patient(folder, "UCSF-PDGM-0429_FU003d")
    ucsf_patient(folder, "UCSF-PDGM-0500")
    ucsf_patient(folder, "UCSF-PDGM-0501")
    table = root / "UCSF-PDGM-metadata.csv"
    rows = [
        'UCSF-PDGM-004,M,66,4,"Glioblastoma, IDH-wildtype",negative,0,unknown,wildtype',
        'UCSF-PDGM-005,F,80,4,"Glioblastoma, IDH-wildtype",positive,1,intact,wildtype',
        'UCSF-PDGM-0429,F,58,4,"Astrocytoma, IDH-mutant",positive,3,intact,IDH1 p.R132H',
        'UCSF-PDGM-0429_FU003d,F,58,4,"Astrocytoma, IDH-mutant",positive,3,intact,IDH1 p.R132H',
        'UCSF-PDGM-500,M,40,2,"Oligodendroglioma, IDH-mutant",positive,3,relative co-deletion,mutated (NOS)',
        'UCSF-PDGM-501,M,40,2,"Astrocytoma, IDH-mutant",positive,3,unknown,IDH2 p.R172K',
        'UCSF-PDGM-540,M,40,2,"Glioblastoma, IDH-wildtype",positive,3,unknown,wildtype',
    ]
    table.write_text("\n".join([UCSF_HEADER, *rows]) + "\n")
    return root / "UCSF-PDGM", table


def egd(root: Path) -> tuple[Path, Path]:
    """Five patients; one whose folders are numbered, one without mask, one of unknown IDH."""
    folder = root / "EGD"
    for name in ("EGD-0001", "EGD-0003", "EGD-0005"):
        egd_patient(folder, name)
    egd_patient(folder, "EGD-0002", numbered=True)
    egd_patient(folder, "EGD-0004", without=["MASK"])
    table = folder / "METADATA" / "Genetic_and_Histological_labels.csv"
    table.parent.mkdir()
    rows = ["EGD-0001,0,-1,4,60,M", "EGD-0002,1,1,3,41,F", "EGD-0003,-1,0,2,33,F"]
    rows += ["EGD-0004,0,0,4,71,M", "EGD-0005,1.0,0.0,2,29,F"]
    table.write_text("\n".join([EGD_HEADER, *rows]) + "\n")
    return folder, table


def tcga(root: Path) -> tuple[Path, Path]:
    """Five sessions of four patients in the folders of the two collections."""
    folder = root / "TCGA"
    gbm, lgg = folder / "Pre-operative_TCGA_GBM_NIfTI", folder / "Pre-operative_TCGA_LGG_NIfTI"
    tcga_patient(gbm, "TCGA-02-0003")
    tcga_patient(gbm, "TCGA-02-0003", date="1997.01.15")
    tcga_patient(lgg, "TCGA-CS-4938", date="1999.10.22", corrected=False)
    tcga_patient(lgg, "TCGA-CS-4944", date="2001.02.08")
    tcga_patient(lgg, "TCGA-ZZ-0000", date="2002.02.08")
    table = root / "tcga_subtypes.csv"
    rows = [
        "TCGA-02-0003,Glioblastoma multiforme,glioblastoma,G4,50.0,male,WT,non-codel,IDHwt",
        "TCGA-CS-4938,Brain Lower Grade Glioma,astrocytoma,G2,31.0,female,Mutant,non-codel,IDHmut-non-codel",
        "TCGA-CS-4944,Brain Lower Grade Glioma,oligodendroglioma,G2,50.0,male,Mutant,codel,IDHmut-codel",
        "TCGA-AA-9999,Brain Lower Grade Glioma,oligodendroglioma,G2,50.0,male,Mutant,codel,IDHmut-codel",
    ]
    table.write_text("\n".join([TCGA_HEADER, *rows]) + "\n")
    return folder, table


def settings(root: Path) -> dict:
    """Settings of a dataset of all three cohorts, built below ``root``."""
    cohorts = []
    for adapter, build in {"ucsf_pdgm": ucsf, "egd": egd, "tcga": tcga}.items():
        path, table = build(root)
        cohorts.append({"adapter": adapter, "path": str(path), "table": str(table)})
    return {"adapter": "glioma", "cohorts": cohorts, "split": {"method": "cohorts", "test_cohorts": ["TCGA"]}}
