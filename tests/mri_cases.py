"""Drawn heads for tests: an atlas, a few subjects, and the steps from scans to patches, called in this process."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from imbalance_aware.__main__ import main
from imbalance_aware.phantoms.mri import write_atlas, write_phantom
from imbalance_aware.preprocessing.registration import LPS
from imbalance_aware.sources.mri_phantoms import Settings as MriPhantomSettings

#: Name of a subject without damage.
HEALTHY = "well"
SEQUENCES = ("t1", "t1c", "t2", "flair")
SETTINGS = MriPhantomSettings(adapter="mri_phantoms", seed=7)
STEP_SETTINGS = {
    "register": {"samples": 4000},
    "strip": {"method": "threshold"},
    "mask": {},
    "normalisation": {},
    "crop": {"size": 24},
}


def write_subjects(folder: Path, classes: dict[str, str]) -> None:
    """Write an atlas, one phantom of the given class under each name, and a table of them for ``folder3d``."""
    write_atlas(SETTINGS, folder / "atlas")
    rows = []
    for number, (subject, name) in enumerate(classes.items()):
        files = write_phantom(SETTINGS, folder / subject, name, np.random.default_rng([7, number]))
        rows.append([subject, name, "train" if number % 2 == 0 else "test", *(f"{subject}/{file}" for file in files)])
    with (folder / "table.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows([["subject", "class", "split", *SEQUENCES, "mask"], *rows])


def step(name: str, **options: object) -> None:
    """Run one step; it must succeed."""
    assert main([name, *as_arguments(**options)]) == 0


def as_arguments(**options: object) -> list[str]:
    """Arguments of a command line: ``atlas_brain=path`` becomes ``--atlas-brain path``."""
    arguments = []
    for key, value in options.items():
        arguments += [f"--{key.replace('_', '-')}", *(map(str, value) if isinstance(value, list) else [str(value)])]
    return arguments


def preprocess(
    source: Path, subject: str, out: Path, start: str = "raw", sequences=SEQUENCES, **settings: dict
) -> dict:
    """All steps of one subject; returns its last report."""
    chosen = {name: json.dumps(default | settings.get(name, {})) for name, default in STEP_SETTINGS.items()}
    scans = {"volumes": [f"{sequence}={source / subject / sequence}.nii.gz" for sequence in sequences]}
    atlas = {"atlas_brain": source / "atlas/brain.nii.gz"}
    out = out / subject
    reports = iter(["register", "strip", "mask"])

    def files(made: str | None = None, previous: str | None = None) -> dict[str, Path]:
        """Report to read, file and report to write."""
        result = {"previous": out / f"{previous}.json"} if previous else {}
        return result | ({"out": out / made} if made else {}) | {"report": out / f"{next(reports)}.json"}

    head = {"atlas": source / "atlas/head.nii.gz"}
    step("register", settings=chosen["register"], subject=subject, start=start, **scans, **head, **atlas, **files())
    step("strip", settings=chosen["strip"], **scans, **atlas, **files("brain.nii.gz", "register"))
    mask = {"settings": chosen["mask"], "mask": source / subject / "mask.nii.gz", "brain": out / "brain.nii.gz"}
    step("mask", **mask, **scans, **files("tumour.nii.gz", "strip"))
    return patch(source, subject, out, out, sequences, **settings)


def failure_of(source: Path, **options: object) -> dict:
    """Why `HEALTHY`, or what a test made of it, fails; it must fail."""
    report = preprocess(source, HEALTHY, source / "out", **options)
    assert report["failed"], "expected a failure"
    return report["failed"]


def qc_image(folder: Path) -> tuple[np.ndarray, Callable[..., int]]:
    """RGB of a subject's picture, and how many pixels from a row on have about a colour."""
    picture = np.asarray(Image.open(folder / "qc.png").convert("RGB")).astype(int)
    return picture, lambda colour, below=0: int((np.abs(picture[below:] - colour).max(axis=-1) < 25).sum())


def patch(source: Path, subject: str, folder: Path, out: Path, sequences=SEQUENCES, **settings: dict) -> dict:
    """The step ``patch`` on what the steps before left in ``folder``; returns its report, in ``out`` with the rest."""
    chosen = {name: STEP_SETTINGS[name] | settings.get(name, {}) for name in ("normalisation", "crop")}
    scans = [f"{sequence}={source / subject / sequence}.nii.gz" for sequence in sequences]
    made = {"brain": folder / "brain.nii.gz", "tumour": folder / "tumour.nii.gz", "previous": folder / "mask.json"}
    made |= {"out": out / "patch.npy", "slices": out / "slices.npz", "picture": out / "qc.png"}
    atlas = source / "atlas/brain.nii.gz"
    step("patch", settings=json.dumps(chosen), volumes=scans, atlas_brain=atlas, report=out / "patch.json", **made)
    return json.loads((out / "patch.json").read_text())


def true_matrices(folder: Path) -> dict[str, np.ndarray]:
    """Point of the atlas to point of each scan (LPS, mm), as the phantom was drawn."""
    truth = json.loads((folder / "truth.json").read_text())
    return {sequence: LPS @ np.array(matrix) @ LPS for sequence, matrix in truth.items()}


def brain_points() -> np.ndarray:
    """Points (n, 3) all over a drawn brain, in the atlas's frame."""
    lines = [np.linspace(-size, size, 5) for size in (50, 65, 45)]
    return np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 3)
