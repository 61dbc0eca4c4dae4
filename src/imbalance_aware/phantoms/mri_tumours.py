"""Synthetic gliomas with the typical appearance of each class, which overlaps between classes.

* glioblastoma: a thick enhancing ring around necrosis, in white matter, with oedema; now and then without enhancement.
* astrocytoma, IDH-mutant: a well-defined lobe that is bright in T2 and dark in FLAIR but for a bright rim (T2-FLAIR
  mismatch, Patel et al. 2017, doi:10.1158/1078-0432.CCR-17-0560), in half of them; the others are plain.
* oligodendroglioma: in the cortex of a frontal lobe more often than not, with an indistinct border and calcifications.
"""

from collections.abc import Callable

import numpy as np

from imbalance_aware.phantoms.mri_anatomy import BOX_MM, CODE, Head, axes, smooth_field


def add_tumour(head: Head, name: str, random: np.random.Generator) -> None:
    """Draw a tumour of class ``name`` into ``head``, in place."""
    LOOKS[name](head, random)
    head.tumour &= head.brain


def _glioblastoma(head: Head, random: np.random.Generator) -> None:
    centre = _place(head, random, depth_mm=22)
    radius, wall = random.uniform(12, 24), random.uniform(3.5, 7)
    distance = _distance(head, centre, random, roughness=0.22)
    oedema = radius + random.uniform(4, 16)
    _fill(head, distance < oedema, "oedema", white_only=True)
    if random.random() < 0.1:
        _fill(head, distance < radius, "solid")
    else:
        _fill(head, distance < radius, "enhancing")
        _fill(head, distance < radius - wall, "necrosis")


def _astrocytoma(head: Head, random: np.random.Generator) -> None:
    centre = _place(head, random, depth_mm=18)
    radius = random.uniform(14, 26)
    distance = _distance(head, centre, random, roughness=0.10)
    if random.random() < 0.5:
        _fill(head, distance < radius, "rim")
        _fill(head, distance < radius - random.uniform(3, 5), "mismatch")
    else:
        _fill(head, distance < radius, "solid")
    if random.random() < 0.25:
        _fill(head, distance < radius * random.uniform(0.2, 0.4), "enhancing")


def _oligodendroglioma(head: Head, random: np.random.Generator) -> None:
    centre = _place(head, random, depth_mm=6, frontal=random.random() < 0.7)
    radius = random.uniform(13, 25)
    distance = _distance(head, centre, random, roughness=0.35)
    # Its border is a matter of chance, voxel by voxel.
    ragged = distance + 4 * smooth_field(head.tissues.shape, 3 / head.voxel_mm, random)
    _fill(head, ragged < radius, "solid")
    if random.random() < 0.7:
        spots = smooth_field(head.tissues.shape, 2.5 / head.voxel_mm, random)
        _fill(head, (distance < 0.8 * radius) & (spots > 1.1), "calcified")
    if random.random() < 0.25:
        _fill(head, distance < radius * random.uniform(0.2, 0.4), "enhancing")


#: Class -> what draws it.
LOOKS: dict[str, Callable[[Head, np.random.Generator], None]] = {
    "glioblastoma": _glioblastoma,
    "astrocytoma": _astrocytoma,
    "oligodendroglioma": _oligodendroglioma,
}


def _place(head: Head, random: np.random.Generator, depth_mm: float, frontal: bool = False) -> np.ndarray:
    """A point in mm, about ``depth_mm`` below the surface of the brain, in the cerebrum."""
    direction = random.normal(size=3)
    direction[1] = abs(direction[1]) + 1 if frontal else direction[1]
    direction[2] = abs(direction[2]) * 0.7
    direction[0] = np.copysign(max(abs(direction[0]), 0.5), direction[0])
    direction /= np.linalg.norm(direction)
    steps = np.arange(0, 110, head.voxel_mm)
    points = direction * steps[:, None]
    voxels = np.rint((points - BOX_MM[0]) / head.voxel_mm).astype(int)
    inside = head.brain[tuple(np.clip(voxels, 0, np.array(head.brain.shape) - 1).T)]
    surface = steps[inside].max() if inside.any() else 60.0
    return direction * (surface - depth_mm)


def _distance(head: Head, centre: np.ndarray, random: np.random.Generator, roughness: float) -> np.ndarray:
    """Distance from ``centre`` in mm along axes of unequal length, made uneven by a smooth field."""
    stretch = random.uniform(0.8, 1.25, 3)
    lines = axes(head.voxel_mm)
    x, y, z = ((line - middle) / along for line, middle, along in zip(lines, centre, stretch, strict=True))
    field = smooth_field(head.tissues.shape, 9 / head.voxel_mm, random)
    uneven = 1 + roughness * np.clip(field, -1.5, 1.5)
    return np.sqrt(x**2 + y**2 + z**2) * uneven


def _fill(head: Head, where: np.ndarray, tissue: str, white_only: bool = False) -> None:
    """Put ``tissue`` there; fluid outside the brain stays, and so does cortex if ``white_only``."""
    where = where & (head.white if white_only else head.brain)
    head.tissues[where] = CODE[tissue]
    head.tumour |= where
