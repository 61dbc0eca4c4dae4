"""Rigid and affine registration by mutual information, the same result every time.

Mattes' mutual information (Mattes et al. 2003, doi:10.1109/TMI.2003.809072) over a fixed random sample of voxels,
maximised by Powell's method from coarse to fine, on the two coarsest levels from each of three starts. Powell's method
needs no gradient: on thick slices the gradient of a sampled mutual information stops descents one to three millimetres
short of the optimum that it finds.

Which voxels the sample takes, and which of them a coarse level keeps, follows the order of the voxels. Volumes are
therefore reoriented first: the order in which a file stores its voxels does not change the result.

Transforms are (4, 4) matrices in ITK's world (LPS: x to the left, y to the back, z up), in mm, and map a point of the
fixed image to the point of the moving image that lies there.
"""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from imbalance_aware.preprocessing.subject_step import Failure
from imbalance_aware.volumes import Volume, reorient

BINS = 32
#: Edges in mm to which voxels are shrunk, level by level, and the smoothing that goes with them.
PYRAMID_MM = (8.0, 4.0, 2.0, 1.0)
#: Edge from which on levels look at the region only.
FINE_MM = 2.0
#: Coarse levels on which every start is followed: the best start need not lead to the best optimum.
BROAD_LEVELS = 2
#: Share of intensities beyond which both tails are clamped, so that a few bright voxels do not fill the histogram.
TAILS = 0.005
SEED = 1
#: Decimals to which an affine's axes and origin (mm) are rounded: a voxel moves by 0.01 mm at most.
AXIS_DECIMALS, ORIGIN_DECIMALS = 5, 2
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Registration:
    """What a registration found.

    Attributes:
        matrix: (4, 4), point of the fixed image to point of the moving image, LPS, mm.
        mutual_information: of the sample at the finest level, in nats.
    """

    matrix: np.ndarray
    mutual_information: float


def register(
    fixed: Volume,
    moving: Volume,
    region: np.ndarray | None = None,
    transform: str = "rigid",
    samples: int = 40_000,
) -> Registration:
    """Align ``moving`` to ``fixed``.

    Args:
        fixed: volume that stays.
        moving: volume that is moved.
        region: mask (x, y, z) on the fixed volume, to which the finer levels look: scalp, neck and eyes help to find
            the place, but they do not move as the brain does.
        transform: ``rigid`` (6 parameters) or ``affine`` (12, from the rigid result).
        samples: voxels that the measure looks at on the finest level.
    """
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    focus = None if region is None else to_itk(canonical(Volume(region.astype(np.uint8), fixed.affine)))
    fixed, moving = canonical(fixed), canonical(moving)
    images = clamp(to_itk(fixed)), clamp(to_itk(moving))
    initial = starts(*images)
    candidates = initial
    for number, level in enumerate(schedule(float(fixed.spacing.min()), samples)):
        thin_fixed, thin_moving = (level_image(image, level.voxel_mm) for image in images)
        problem = Problem(thin_fixed, thin_moving, level, focus if level.fine else None)
        found, measure = problem.best(candidates, descents=len(candidates) if number < BROAD_LEVELS else 1)
        # A coarse level with a wrong result must not mislead the finer ones.
        candidates = [found, *initial]
    if transform == "affine":
        found, measure = problem.optimise(affine(found))
    return Registration(to_matrix(found), -measure)


def canonical(volume: Volume) -> Volume:
    """The volume with its axes in one order, and its affine without the rounding that depends on the stored order.

    NIfTI headers hold 32-bit numbers: the same grid stored from another corner has an origin that differs by about
    1e-5 mm, which the descent can magnify to more than half a millimetre.
    """
    volume = reorient(volume)
    affine = volume.affine.copy()
    affine[:3, :3] = np.round(affine[:3, :3], AXIS_DECIMALS)
    affine[:3, 3] = np.round(affine[:3, 3], ORIGIN_DECIMALS)
    return Volume(volume.array, affine)


@dataclass(frozen=True)
class Level:
    """One pass of a registration.

    Attributes:
        voxel_mm: edge of the voxels.
        step_mm: first step of the search.
        samples: voxels that the measure looks at.
        fine: whether it looks at the region only.
    """

    voxel_mm: float
    step_mm: float
    samples: int
    fine: bool


def schedule(finest_mm: float, samples: int) -> list[Level]:
    """Levels from coarse to fine, none finer than ``finest_mm``; each looks at twice the voxels of the one before."""
    edges = [edge for edge in PYRAMID_MM if edge > finest_mm] + [max(finest_mm, PYRAMID_MM[-1])]
    edges = list(dict.fromkeys(edges))
    last = len(edges) - 1
    return [
        Level(
            voxel_mm=edge,
            step_mm=edge if number == 0 else edge / 2,
            samples=max(500, samples // 2 ** (last - number)),
            fine=edge <= FINE_MM,
        )
        for number, edge in enumerate(edges)
    ]


@dataclass(frozen=True)
class Problem:
    """Two images at one level, and what to maximise."""

    fixed: sitk.Image
    moving: sitk.Image
    level: Level
    focus: sitk.Image | None

    def measure(self, start: sitk.Transform) -> float:
        """Negative mutual information under ``start``; infinite if the images hardly overlap."""
        method = self._method()
        method.SetInitialTransform(start)
        try:
            return method.MetricEvaluate(self.fixed, self.moving)
        except RuntimeError:
            return float("inf")

    def best(self, candidates: list[sitk.Transform], descents: int) -> tuple[sitk.Transform, float]:
        """The best transform found from the ``descents`` best candidates, and its negative mutual information.

        Raises:
            Failure: too few of the sampled voxels have a partner, for every candidate.
        """
        found = []
        for start in sorted(candidates, key=self.measure)[:descents]:
            try:
                found.append(self.optimise(start))
            except Failure as failure:
                reason = failure
        if not found:
            raise reason
        return min(found, key=lambda result: result[1])

    def optimise(self, start: sitk.Transform) -> tuple[sitk.Transform, float]:
        """The best transform near ``start``, and its negative mutual information.

        Raises:
            Failure: too few of the sampled voxels have a partner.
        """
        method = self._method()
        method.SetOptimizerAsPowell(
            numberOfIterations=20,
            maximumLineIterations=20,
            stepLength=self.level.step_mm,
            stepTolerance=self.level.voxel_mm / 100,
            valueTolerance=1e-6,
        )
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetInitialTransform(start, inPlace=False)
        try:
            result = method.Execute(self.fixed, self.moving)
        except RuntimeError:
            raise Failure("registration: the two scans do not overlap") from None
        if result.GetName() == "CompositeTransform":
            result = sitk.CompositeTransform(result).GetBackTransform()
        return result, method.GetMetricValue()

    def _method(self) -> sitk.ImageRegistrationMethod:
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(BINS)
        method.SetMetricSamplingStrategy(method.RANDOM)
        voxels = np.prod(self.fixed.GetSize())
        share = 1.0
        if self.focus is not None:
            method.SetMetricFixedMask(self.focus)
            share = max(float(sitk.GetArrayViewFromImage(self.focus).mean()), 1e-3)
        # ITK draws from the whole grid and drops what lies outside the mask.
        method.SetMetricSamplingPercentage(min(1.0, self.level.samples / (voxels * share)), SEED)
        method.SetInterpolator(sitk.sitkLinear)
        return method


def level_image(image: sitk.Image, level_mm: float) -> sitk.Image:
    """``image`` smoothed and thinned until its voxels are about ``level_mm``; axes that are coarser stay."""
    factors = [max(1, round(level_mm / spacing)) for spacing in image.GetSpacing()]
    if max(factors) == 1:
        return image
    sigmas = [
        0.5 * spacing * factor if factor > 1 else 1e-3
        for spacing, factor in zip(image.GetSpacing(), factors, strict=True)
    ]
    return sitk.Shrink(sitk.SmoothingRecursiveGaussian(image, sigmas), factors)


def clamp(image: sitk.Image) -> sitk.Image:
    """Clamp both tails of the intensities."""
    low, high = np.quantile(sitk.GetArrayViewFromImage(image), [TAILS, 1 - TAILS])
    return sitk.Clamp(image, sitk.sitkFloat32, float(low), float(max(high, low + 1e-6)))


def starts(fixed: sitk.Image, moving: sitk.Image) -> list[sitk.Transform]:
    """Three starts: scanner coordinates, centres of the boxes aligned, centres of mass aligned."""
    identity = sitk.Euler3DTransform()
    identity.SetCenter(fixed.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in fixed.GetSize()]))
    options = sitk.CenteredTransformInitializerFilter
    return [
        identity,
        *(
            sitk.Euler3DTransform(sitk.CenteredTransformInitializer(fixed, moving, sitk.Euler3DTransform(), mode))
            for mode in (options.GEOMETRY, options.MOMENTS)
        ),
    ]


def affine(start: sitk.Transform) -> sitk.Transform:
    """The start as an affine transform with the same centre."""
    start = sitk.Euler3DTransform(start)
    result = sitk.AffineTransform(3)
    result.SetCenter(start.GetCenter())
    result.SetMatrix(start.GetMatrix())
    result.SetTranslation(start.GetTranslation())
    return result


def to_itk(volume: Volume) -> sitk.Image:
    """A 3D volume as an ITK image (its axes made exactly orthogonal)."""
    affine = LPS @ volume.affine
    spacing = volume.spacing
    left, _, right = np.linalg.svd(affine[:3, :3] / spacing)
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.array.transpose(2, 1, 0)))
    image.SetSpacing(spacing.tolist())
    image.SetDirection((left @ right).ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    return image


def to_matrix(transform: sitk.Transform) -> np.ndarray:
    """A linear transform as a (4, 4) matrix."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([np.array(transform.TransformPoint(tuple(axis))) - origin for axis in np.eye(3)], axis=1)
    matrix[:3, 3] = origin
    return matrix


def resample(moving: Volume, grid: Volume, matrix: np.ndarray) -> Volume:
    """Values of ``moving`` at the voxels of ``grid``; linear interpolation, 0 outside.

    Args:
        moving: (x, y, z), float32.
        grid: where the values are wanted.
        matrix: point of the grid to point of ``moving``, LPS, mm.
    """
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    moving = reorient(moving)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix[:3, :3].ravel().tolist())
    transform.SetTranslation(matrix[:3, 3].tolist())
    like = to_itk(Volume(np.zeros(grid.shape, np.uint8), grid.affine))
    image = sitk.Resample(to_itk(moving), like, transform, sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    return Volume(sitk.GetArrayFromImage(image).transpose(2, 1, 0), grid.affine)


def displacement_mm(one: np.ndarray, other: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Distances in mm between where two matrices send ``points`` (n, 3)."""
    homogeneous = np.c_[points, np.ones(len(points))]
    return np.linalg.norm((homogeneous @ (one - other).T)[:, :3], axis=1)
