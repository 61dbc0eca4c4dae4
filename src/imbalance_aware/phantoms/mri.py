"""Synthetic heads with gliomas from three cohorts, scanned as raw sequences; not patients.

Per phantom four scans on grids of their own (thick slices, tilted and shifted, the head moving between sequences), with
skull, bias field and noise, and a mask of the tumour on the grid of the first; also an atlas of the same kind, and the
true motions, to measure the error of registration in mm.
"""

import csv
import logging
import math
from pathlib import Path
from typing import Protocol

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic, write_json
from imbalance_aware.nifti import write_volume
from imbalance_aware.phantoms.mri_anatomy import SEQUENCES, draw_head, intensities
from imbalance_aware.phantoms.mri_cohorts import COHORTS
from imbalance_aware.phantoms.mri_scanner import Pose, sample, scan, scan_grid
from imbalance_aware.phantoms.mri_tumours import add_tumour
from imbalance_aware.progress import progress
from imbalance_aware.volumes import Volume

log = logging.getLogger(__name__)

TABLE = "table.csv"
#: Share of each class in the study.
PROPORTIONS = {"glioblastoma": 0.80, "astrocytoma": 0.12, "oligodendroglioma": 0.08}
#: Fewest phantoms of a class in a cohort.
FEWEST = 2
#: How far heads are tilted and shifted in the scanner, and how far they move between sequences.
TILT, SHIFT_MM, MOTION, MOTION_MM = 8.0, 8.0, 3.0, 4.0
#: The atlas's own individual; phantoms count from 0.
ATLAS = 1_000_000


class MriSettings(Protocol):
    """What is drawn.

    Attributes:
        subjects: number of phantoms over all cohorts.
        seed: of the phantoms.
        sequences: in the order of the scans.
        voxel_mm: edge of a voxel of the atlas and of the raw scans in plane.
        noise: standard deviation of the noise, as a share of white matter.
    """

    @property
    def subjects(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def sequences(self) -> tuple[str, ...]: ...
    @property
    def voxel_mm(self) -> float: ...
    @property
    def noise(self) -> float: ...


def write(settings: MriSettings, out: Path) -> None:
    """Write scans, masks, atlas, ``table.csv`` and, for each phantom, ``truth.json`` with its motions.

    Each phantom depends on the seed, its class and its number within the class alone.
    """
    _check_sequences(settings)
    write_atlas(settings, out / "atlas")
    rows = []
    for subject, cohort, name, random in progress(subjects(settings), settings.subjects, "MRI phantoms drawn", log):
        files = write_phantom(settings, out / subject, name, random)
        rows.append([subject, name, cohort, *(f"{subject}/{file}" for file in files)])
    with atomic(out / TABLE) as path, path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["subject", "class", "cohort", *settings.sequences, "mask"])
        writer.writerows(rows)


def subjects(settings: MriSettings):
    """Identifier, cohort, class and random stream of every phantom."""
    for cohort_number, (cohort, share) in enumerate(COHORTS.items()):
        for label, (name, count) in enumerate(class_counts(round(settings.subjects * share)).items()):
            for number in range(count):
                random = np.random.default_rng([settings.seed, cohort_number, label, number])
                yield f"{cohort}-{name}-{number + 1:03d}", cohort, name, random


def class_counts(total: int) -> dict[str, int]:
    """Share ``total`` among the classes as in the study, rounding up the rare ones, with `FEWEST` of each."""
    rare = {name: max(FEWEST, math.ceil(total * share)) for name, share in list(PROPORTIONS.items())[1:]}
    return {"glioblastoma": total - sum(rare.values())} | rare


def write_atlas(settings: MriSettings, folder: Path) -> None:
    """Write the T1 of a head of average size, with and without skull, on cubic voxels."""
    random = np.random.default_rng([settings.seed, ATLAS])
    head = draw_head(_fine(settings), random, size=0.0)
    grid = scan_grid(settings.voxel_mm, "t1")
    cubes = np.array([grid.shape[0], grid.shape[1], round(grid.shape[2] * grid.spacing[2] / settings.voxel_mm)])
    affine = grid.affine @ np.diag([1, 1, settings.voxel_mm / grid.spacing[2], 1])
    grid = Volume(np.zeros(cubes, np.float32), affine)
    still = Pose(np.eye(4))
    t1 = 1000 * sample(intensities(head, "t1"), head, grid, still)
    brain = sample(head.brain.astype(np.float32), head, grid, still) >= 0.5
    write_volume(folder / "head.nii.gz", Volume(t1.astype(np.int16), affine))
    write_volume(folder / "brain.nii.gz", Volume((t1 * brain).astype(np.int16), affine))


def write_phantom(settings: MriSettings, folder: Path, name: str, random: np.random.Generator) -> list[str]:
    """Write one phantom; returns the names of its scans, in the order of the sequences, and of its mask."""
    head = draw_head(_fine(settings), random)
    add_tumour(head, name, random)
    first = Pose.random(random, TILT, SHIFT_MM)
    poses = {}
    for number, sequence in enumerate(settings.sequences):
        poses[sequence] = first if number == 0 else first.then(Pose.random(random, MOTION, MOTION_MM))
        volume = scan(head, sequence, poses[sequence], settings.voxel_mm, settings.noise, random)
        write_volume(folder / f"{sequence}.nii.gz", volume)
    grid = scan_grid(settings.voxel_mm, settings.sequences[0])
    tumour = sample(head.tumour.astype(np.float32), head, grid, first) >= 0.5
    write_volume(folder / "mask.nii.gz", Volume(tumour, grid.affine))
    write_json(folder / "truth.json", {sequence: pose.matrix.tolist() for sequence, pose in poses.items()})
    return [*(f"{sequence}.nii.gz" for sequence in settings.sequences), "mask.nii.gz"]


def _fine(settings: MriSettings) -> float:
    """Edge of the voxels in which heads are drawn."""
    return settings.voxel_mm / 2


def _check_sequences(settings: MriSettings) -> None:
    unknown = sorted(set(settings.sequences) - set(SEQUENCES))
    if unknown:
        raise UserError(f"mri_phantoms: {', '.join(unknown)} cannot be drawn; there are {', '.join(SEQUENCES)}")
