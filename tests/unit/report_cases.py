"""Made-up datasets and studies whose files a section of the report reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from imbalance_aware.cohort.audit import duplicates
from imbalance_aware.cohort.flow import flow
from imbalance_aware.files import write_text
from imbalance_aware.image_digests import image_digest, short
from imbalance_aware.report.render import environment
from imbalance_aware.report.study_files import DatasetFiles, StudyFiles
from imbalance_aware.tables.cohort import cohort_csv
from imbalance_aware.tables.duplicates import duplicates_csv
from imbalance_aware.tables.flow import flow_csv
from imbalance_aware.tables.folds import folds_csv
from imbalance_aware.tables.samples import samples_csv

SCRIPT, AMPERSAND, HEBREW = "<script>alert(1)</script>", "a & b | c", "גידול"
CLASSES = (SCRIPT, AMPERSAND, HEBREW)


def subjects(rows: Sequence[Mapping]) -> pd.DataFrame:
    """A cohort table; what a row does not say is that of a subject of its own, of class `SCRIPT`, in training."""
    full = [
        {"group": row["subject"], "cohort": "ü", "class": SCRIPT, "split": "train", "excluded": ""}
        | {"image": f"{row['subject']}.png", "pixel_sha256": f"sha of {row['subject']}"}
        | {**row}
        for row in rows
    ]
    return pd.DataFrame(full)


def write_dataset(
    folder: Path,
    cohort: pd.DataFrame,
    kind: str = "images",
    folds: Sequence[Sequence[str]] | None = None,
    repeats: int = 1,
    subgroups: Sequence[str] = (),
    classes: Sequence[str] = CLASSES,
    later: Mapping[str, str] | None = None,
) -> DatasetFiles:
    """Tables and images of a dataset, by the functions of the workflow.

    Args:
        folder: of the dataset.
        cohort: as `subjects`.
        kind: ``images`` or ``volumes``; sample i has the value 10 i everywhere but in its last pixel or voxel.
        folds: of each fold, the part of each subject that is packed.
        repeats: of the cross-validation.
        subgroups: columns of the table that are passed on.
        classes: in the order of their labels.
        later: of volumes, subject -> why it was left out in preprocessing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "cohort.csv", cohort_csv(cohort))
    write_text(folder / "duplicates.csv", duplicates_csv(duplicates(cohort)))
    write_text(folder / "flow.csv", flow_csv(flow(cohort, [*classes])))
    if kind == "volumes":
        reasons = [(later or {}).get(name, "") for name in cohort["subject"]]
        cohort = cohort.assign(excluded=np.where(cohort["excluded"] == "", reasons, cohort["excluded"]))
        write_text(folder / "preprocessed.csv", cohort_csv(cohort))
        write_text(folder / "preprocessed_flow.csv", flow_csv(flow(cohort, [*classes])))
    packed = cohort[cohort["excluded"] == ""].reset_index(drop=True)
    shape = (3, 8, 8) if kind == "images" else (2, 6, 8, 4)
    images = np.array([np.full(shape, 10 * row, np.uint8) for row in range(len(packed))])
    images[(..., *[-1] * len(shape))] = 255
    np.save(folder / "images.npy", images)
    packed["label"] = [classes.index(name) for name in packed["class"]]
    packed["image_sha256"] = [short(image_digest(image)) for image in images]
    write_text(folder / "samples.csv", samples_csv(packed, subgroups))
    for repeat in range(repeats if folds else 0):
        write_text(folder / f"folds/repeat-{repeat}.csv", folds_csv(packed["subject"].tolist(), folds))
    settings = {"sequences": ["t1", "<b>"]} if kind == "volumes" else {}
    return DatasetFiles(folder.name, folder, kind, False, len(folds) if folds else None, repeats, settings)


def write_twins(folder: Path) -> DatasetFiles:
    """Photographs: a pair of one label; then one of two labels across the split, with a third that is left out."""
    rows = [
        {"subject": "first", "pixel_sha256": "other"},
        {"subject": "second", "pixel_sha256": "other"},
        {"subject": "one", "class": AMPERSAND, "split": "test", "pixel_sha256": "same"},
        {"subject": "two", "class": HEBREW, "pixel_sha256": "same"},
        {"subject": "out", "class": SCRIPT, "split": "", "excluded": "size: 3x3; blank", "pixel_sha256": "same"},
        {"subject": "<b>", "split": "test", "cohort": HEBREW},
        {"subject": "odd", "excluded": "missing: no such file", "pixel_sha256": ""},
    ]
    return write_dataset(folder, subjects(rows))


def study_of(results: Path, *datasets: DatasetFiles, conditions: Sequence[str] = (), seeds: Sequence[int] = (0,)):
    """A study on these datasets; none of its files need to exist."""
    config = {"conditions": [{"condition": name} for name in conditions], "study": {"seeds": [*seeds]}}
    by_name = {dataset.name: dataset for dataset in datasets}
    places = [results / place / "study" for place in ("tables", "figures", "runs")]
    return StudyFiles("study", by_name, *places, results / "benchmarks", config)


def rendered(section: str, study: StudyFiles, shown: Mapping) -> str:
    """The HTML of a section."""
    return environment().get_template(f"sections/{section}.html").render(study=study, **shown)
