"""A synthetic head: tissues in space, and their brightness in the four sequences.

Everything is given in mm in the head's own frame (RAS: x to the right, y to the front, z up, 0 in the middle of the
brain). Heads differ in size and proportions and in a random field that folds their cortex, so that two heads never
match; a nose and a neck tell front from back and up from down.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter

#: Half-axes of an average brain.
BRAIN_MM = np.array([66.0, 84.0, 62.0])
#: Box in which a head is drawn: from, to.
BOX_MM = np.array([[-96.0, -116.0, -100.0], [96.0, 116.0, 84.0]])

SEQUENCES = ("t1", "t1c", "t2", "flair")
#: Tissue -> brightness in T1, T1c, T2, FLAIR; white matter in T1 is 0.75.
BRIGHTNESS = {
    "air": (0.0, 0.0, 0.0, 0.0),
    "scalp": (0.85, 0.90, 0.60, 0.60),
    "skull": (0.06, 0.06, 0.05, 0.05),
    "fluid": (0.20, 0.20, 1.00, 0.10),
    "grey": (0.55, 0.58, 0.60, 0.62),
    "white": (0.75, 0.78, 0.42, 0.48),
    "oedema": (0.58, 0.60, 0.82, 0.92),
    "necrosis": (0.30, 0.30, 0.92, 0.50),
    "enhancing": (0.58, 1.25, 0.62, 0.75),
    "solid": (0.48, 0.50, 0.84, 0.82),
    "mismatch": (0.40, 0.41, 0.97, 0.42),
    "rim": (0.50, 0.52, 0.85, 0.95),
    "calcified": (0.35, 0.38, 0.15, 0.12),
}
TISSUES = tuple(BRIGHTNESS)
CODE = {name: code for code, name in enumerate(TISSUES)}


@dataclass
class Head:
    """Tissue codes on a grid.

    Attributes:
        tissues: (x, y, z) uint8, positions in `TISSUES`.
        tumour: (x, y, z) bool, what a radiologist would outline: tumour and oedema.
        voxel_mm: edge of a voxel; voxel 0 lies at the lower corner of `BOX_MM`.
        white: (x, y, z) bool, where white matter was before any tumour.
    """

    tissues: np.ndarray
    voxel_mm: float
    brain: np.ndarray
    white: np.ndarray
    tumour: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.tumour = np.zeros(self.tissues.shape, bool)


def axes(voxel_mm: float) -> list[np.ndarray]:
    """Coordinates along x, y, z, shaped to broadcast."""
    lines = [np.arange(low, high, voxel_mm, dtype=np.float32) for low, high in BOX_MM.T]
    return list(np.meshgrid(*lines, indexing="ij", sparse=True))


def draw_head(voxel_mm: float, random: np.random.Generator, size: float = 0.03) -> Head:
    """Draw a head without a tumour.

    Args:
        voxel_mm: edge of a voxel.
        random: the individual.
        size: standard deviation of each half-axis, as a share.
    """
    x, y, z = axes(voxel_mm)
    a, b, c = BRAIN_MM * (1 + np.clip(random.normal(0, size, 3), -2 * size, 2 * size))
    shape = np.broadcast_shapes(x.shape, y.shape, z.shape)
    folds = smooth_field(shape, 7 / voxel_mm, random)
    # Distance from the brain's surface in mm, roughly: negative inside.
    radius = np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)
    depth = (radius - 1) * np.cbrt(a * b * c)
    tissues = np.zeros(shape, np.uint8)
    nose = (x / 14) ** 2 + ((y - b - 22) / 22) ** 2 + ((z + 45) / 26) ** 2 < 1
    neck = ((x / 46) ** 2 + ((y + 18) / 46) ** 2 < 1) & (z < -50)
    tissues[(depth < 19) | nose | neck] = CODE["scalp"]
    tissues[depth < 13] = CODE["skull"]
    tissues[depth < 6] = CODE["fluid"]
    brain = depth < 1.5 + 1.5 * folds
    tissues[brain] = CODE["grey"]
    white = brain & (depth < -9 + 5 * folds)
    tissues[white] = CODE["white"]
    for tissue, part in _deep_structures(x, y, z, folds, random):
        tissues[part & brain] = CODE[tissue]
    return Head(tissues, voxel_mm, brain, tissues == CODE["white"])


def _deep_structures(x: np.ndarray, y: np.ndarray, z: np.ndarray, folds: np.ndarray, random: np.random.Generator):
    """Ventricles, thalami and the fissure, none of them quite symmetric."""
    for side in (-1, 1):
        wide, long, shift = random.normal(9, 1.2), random.normal(34, 4), random.normal(0, 2, 3)
        u = x - side * 12 - shift[0] - side * 0.006 * (y - 10) ** 2 / 4
        yield "grey", ((x - side * 14) / 9) ** 2 + ((y + 4) / 15) ** 2 + ((z + 6) / 11) ** 2 < 1
        yield (
            "fluid",
            (u / wide) ** 2 + ((y - shift[1]) / long) ** 2 + ((z - 10 - shift[2]) / 11) ** 2 < 1 + 0.3 * folds,
        )
    yield "fluid", (np.abs(x + 1.5 * folds) < 1.6) & (z > 22)


def smooth_field(shape: tuple[int, ...], scale: float, random: np.random.Generator) -> np.ndarray:
    """Smooth random field with mean 0 and standard deviation 1, float32; ``scale`` in voxels.

    Made on a coarser grid and stretched, since nothing in it is smaller than ``scale``.
    """
    factor = max(1.0, scale / 2)
    small = [int(np.ceil(size / factor)) + 2 for size in shape]
    values = gaussian_filter(random.standard_normal(small).astype(np.float32), scale / factor)
    for axis, size in enumerate(shape):
        places = np.linspace(0, small[axis] - 2, size, dtype=np.float32)
        below = places.astype(int)
        weight = (places - below).reshape([-1 if other == axis else 1 for other in range(3)])
        values = np.take(values, below, axis) * (1 - weight) + np.take(values, below + 1, axis) * weight
    return (values - values.mean()) / values.std()


def intensities(head: Head, sequence: str) -> np.ndarray:
    """Brightness of every voxel in one sequence, float32."""
    column = SEQUENCES.index(sequence)
    return np.array([values[column] for values in BRIGHTNESS.values()], np.float32)[head.tissues]
