"""A simulated MRI scanner: sequences with thick slices, tilt, motion between them, bias field and noise."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from imbalance_aware.phantoms.mri_anatomy import BOX_MM, Head, intensities
from imbalance_aware.volumes import Volume, reorient

#: Thickness of a slice, as a multiple of the edge of a pixel.
SLICE = 1.5


@dataclass(frozen=True)
class Plan:
    """How the slices of a sequence are placed in the scanner.

    Attributes:
        orientation: order and direction of the axes on disk.
        across: axis across the slices: 0 for sagittal ones, 1 coronal, 2 axial.
        tilt: of the grid about x, y and z, in degrees.
        shift_mm: of the grid along x, y and z.
    """

    orientation: tuple[str, str, str]
    across: int
    tilt: tuple[float, float, float] = (0, 0, 0)
    shift_mm: tuple[float, float, float] = (0, 0, 0)


#: No two sequences share a grid, as in the clinic.
PLANS = {
    "t1": Plan(("L", "A", "S"), across=2),
    "t1c": Plan(("R", "A", "S"), across=0, tilt=(1, -2, 2), shift_mm=(-1.5, 1, 0.5)),
    "t2": Plan(("L", "P", "S"), across=2, tilt=(4, 1, -1), shift_mm=(0.5, 1.5, -2)),
    "flair": Plan(("R", "P", "S"), across=1, tilt=(-3, 1, 1), shift_mm=(1, -2, 1)),
}


@dataclass(frozen=True)
class Pose:
    """Where the head lies in the scanner: a rigid motion from the head's frame to the scanner's, RAS, mm."""

    matrix: np.ndarray

    @staticmethod
    def random(random: np.random.Generator, degrees: float, shift_mm: float) -> "Pose":
        """Rotations about all axes and shifts along them, each uniform up to the given size."""
        matrix = np.eye(4)
        angles = random.uniform(-degrees, degrees, 3)
        matrix[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
        matrix[:3, 3] = random.uniform(-shift_mm, shift_mm, 3)
        return Pose(matrix)

    def then(self, other: "Pose") -> "Pose":
        """This motion, followed by another."""
        return Pose(other.matrix @ self.matrix)


def scan_grid(voxel_mm: float, sequence: str) -> Volume:
    """Empty grid of a scan: a box around the origin in thick slices, as the sequence's plan has them."""
    plan = PLANS[sequence]
    spacing = voxel_mm * _thickness(plan)
    shape = np.ceil((BOX_MM[1] - BOX_MM[0]) / spacing).astype(int)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = BOX_MM[0] + spacing / 2
    grid = reorient(Volume(np.zeros(shape, np.float32), affine), plan.orientation)
    place = np.eye(4)
    place[:3, :3] = Rotation.from_euler("xyz", plan.tilt, degrees=True).as_matrix()
    place[:3, 3] = plan.shift_mm
    return Volume(grid.array, place @ grid.affine)


def _thickness(plan: Plan) -> np.ndarray:
    """Edges of a voxel along x, y, z, as multiples of the edge of a pixel."""
    return np.where(np.arange(3) == plan.across, SLICE, 1.0)


def sample(values: np.ndarray, head: Head, grid: Volume, pose: Pose) -> np.ndarray:
    """Values of the head's grid at the voxels of ``grid``, the head lying in ``pose``; 0 outside."""
    voxels = np.stack(np.meshgrid(*[np.arange(size) for size in grid.shape], indexing="ij")).reshape(3, -1)
    to_head = np.linalg.inv(pose.matrix) @ grid.affine
    points = to_head[:3, :3] @ voxels + to_head[:3, 3:]
    places = (points - BOX_MM[0][:, None]) / head.voxel_mm
    return map_coordinates(values, places, order=1, mode="constant").reshape(grid.shape)


def scan(head: Head, sequence: str, pose: Pose, voxel_mm: float, noise: float, random: np.random.Generator) -> Volume:
    """One scan, int16, with the partial volume of its voxels, a bias field, and Rician noise."""
    grid = scan_grid(voxel_mm, sequence)
    blur = 0.35 * voxel_mm / head.voxel_mm
    clean = gaussian_filter(intensities(head, sequence), blur * _thickness(PLANS[sequence]))
    values = sample(clean, head, grid, pose) * bias_field(grid, random)
    level = noise * random.uniform(0.7, 1.3)
    real, imaginary = random.normal(0, level, (2, *grid.shape))
    magnitude = np.hypot(values + real, imaginary) * random.uniform(600, 1800)
    return Volume(np.rint(magnitude).astype(np.int16), grid.affine)


def bias_field(grid: Volume, random: np.random.Generator, strength: float = 0.2) -> np.ndarray:
    """Smooth factor around 1: a random polynomial of second degree in space."""
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, size) for size in grid.shape], indexing="ij", sparse=True)
    terms = (x, y, z, x * y, y * z, x * z, x * x - 0.33, y * y - 0.33, z * z - 0.33)
    weights = random.normal(0, strength / 2, len(terms))
    return np.exp(sum(weight * term for weight, term in zip(weights, terms, strict=True)))
