"""Compare one subject, as preprocessed here, with what BraTS Toolkit made of the same scans.

The reference folder is BraTS Toolkit's output: brats_space/ with the sequences, brain_mask and tumor_segmentation,
registrations/ with its ANTs matrices. Where its images really lie is found by laying each raw scan onto the image made
of it. Two rigid registrations to an atlas differ by a millimetre or two, which says nothing about the images; so
correlations are given as they are and after one rigid motion of the whole subject, beside the most that the scan can
reach wherever it is laid. They are taken over the voxels of the reference's brain mask that its image shows.

    python benchmarks/compare_reference.py --help
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from scipy.spatial.transform import Rotation

from imbalance_aware.files import atomic, write_csv
from imbalance_aware.nifti import read_channels, read_mask
from imbalance_aware.preprocessing.registration import LPS, displacement_mm, resample, to_itk, to_matrix
from imbalance_aware.preprocessing.similarity import correlation, dice
from imbalance_aware.preprocessing.subject_step import named_paths, read_all, read_report
from imbalance_aware.volumes import Volume, reorient

#: Sequence -> the file with its matrix to T1.
MATRICES = {"t1c": "t1c_to_t1", "t2": "t2_to_t1", "flair": "fla_to_t1"}
TO_ATLAS = "native_t1_to_brats"
#: Share of the voxels that are looked at when a scan is laid onto its image.
SAMPLED = 0.02
ORANGE = (230, 159, 0)

Row = tuple[str, str, float, str]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table and the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=named_paths, nargs="+", required=True, help="SEQUENCE=FILE of the raw scans")
    parser.add_argument("--brain", type=Path, required=True, help="our brain mask")
    parser.add_argument("--report", type=Path, required=True, help="our report of the step strip or a later one")
    parser.add_argument("--reference", type=Path, required=True, help="folder of BraTS Toolkit's output")
    parser.add_argument("--out", type=Path, required=True, help="table to write (.csv)")
    parser.add_argument("--picture", type=Path, help="picture to write (.png): reference above, ours below")
    args = parser.parse_args(arguments)
    subject = Comparison(dict(args.volumes), args.brain, args.report, args.reference)
    write_csv(args.out, pd.DataFrame(subject.rows(), columns=["measure", "sequence", "value", "unit"]))
    if args.picture:
        with atomic(args.picture) as path:
            subject.picture().save(path)


class Comparison:
    """The two versions of a subject on the reference's grid.

    ``ours``, ``theirs`` and ``laid`` map a point of the atlas to the point of each scan (LPS, mm): by our registration,
    by the reference's matrices, and so that the scan lies on the reference's image.
    """

    def __init__(self, paths: dict[str, Path], brain: Path, report: Path, reference: Path):
        self.scans = read_all(paths)
        self.images = {
            name: reorient(read_channels(reference / f"brats_space/{name}.nii.gz")).array for name in self.scans
        }
        self.grid = reorient(read_mask(reference / "brats_space/brain_mask.nii.gz"))
        self.their_brain, self.our_brain = self.grid.array, reorient(read_mask(brain)).array
        self.tumour = reorient(read_mask(reference / "brats_space/tumor_segmentation.nii.gz")).array
        registered = read_report(report)["steps"]["register"]["matrices"]
        self.ours = {name: np.array(registered[name]) for name in self.scans}
        self.theirs = _their_matrices(reference / "registrations", list(self.scans))
        self.laid = {name: self._laid(name) for name in self.scans}
        self.motion = _mean_motion([np.linalg.inv(self.ours[name]) @ self.laid[name] for name in self.scans])
        voxels = np.argwhere(self.their_brain)[::97]
        self.points = (LPS @ self.grid.affine @ np.c_[voxels, np.ones(len(voxels))].T).T[:, :3]

    def rows(self) -> list[Row]:
        """Measure, sequence, value, unit."""
        return [
            ("brain mask, Dice", "", dice(self.our_brain, self.their_brain), ""),
            *self._centre_distances(),
            *(row for name in self.scans for row in self._distances(name)),
            *(row for name in self.scans for row in self._correlations(name)),
        ]

    def _shown(self, name: str) -> np.ndarray:
        """The reference's brain mask where its image is not empty: not everywhere."""
        return self.their_brain & (self.images[name] != 0)

    def _laid(self, name: str) -> np.ndarray:
        """The placement of a scan, near ours, in which it correlates most with the reference's image of it."""
        region = ndimage.binary_erosion(self._shown(name))
        fixed, moving = to_itk(Volume(self.images[name], self.grid.affine)), to_itk(self.scans[name])
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsCorrelation()
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(SAMPLED, 1)
        method.SetMetricFixedMask(to_itk(Volume(region.astype(np.uint8), self.grid.affine)))
        method.SetInterpolator(sitk.sitkLinear)
        start, motion = sitk.AffineTransform(3), sitk.Euler3DTransform()
        start.SetMatrix(self.ours[name][:3, :3].ravel().tolist())
        start.SetTranslation(self.ours[name][:3, 3].tolist())
        motion.SetCenter(fixed.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in fixed.GetSize()]))
        method.SetMovingInitialTransform(start)
        method.SetInitialTransform(motion, inPlace=True)
        method.SetOptimizerAsRegularStepGradientDescent(learningRate=1.0, minStep=0.002, numberOfIterations=200)
        method.SetOptimizerScalesFromPhysicalShift()
        method.Execute(fixed, moving)
        return self.ours[name] @ to_matrix(motion)

    def _centre_distances(self) -> list[Row]:
        """Between the tumour's centre of mass and where our crop has it: by their images, and by their T1's matrix."""
        centre = LPS @ self.grid.affine @ np.append(np.argwhere(self.tumour).mean(axis=0), 1)
        by = {"images": self.motion, "matrices": np.linalg.inv(self.ours["t1"]) @ self.theirs["t1"]}
        return [
            (f"crop centre, distance by their {what}", "", float(np.linalg.norm((motion @ centre - centre)[:3])), "mm")
            for what, motion in by.items()
        ]

    def _distances(self, name: str) -> list[Row]:
        """How far two placements send the points of the brain apart: in the atlas, and against T1."""
        pairs = {
            "ours to their images": (self.ours, self.laid),
            "ours to their matrices": (self.ours, self.theirs),
            "their matrices to their images": (self.theirs, self.laid),
        }
        rows = []
        for pair, (one, other) in pairs.items():
            apart = displacement_mm(one[name], other[name], self.points).mean()
            rows.append((f"placement in the atlas, {pair}", name, float(apart), "mm"))
        for pair, (one, other) in pairs.items() if name != "t1" else ():
            moves = [matrices[name] @ np.linalg.inv(matrices["t1"]) for matrices in (one, other)]
            points = (other["t1"] @ np.c_[self.points, np.ones(len(self.points))].T).T[:, :3]
            rows.append((f"alignment with T1, {pair}", name, float(displacement_mm(*moves, points).mean()), "mm"))
        return rows

    def _correlations(self, name: str) -> list[Row]:
        placements = {
            "ours as it is": self.ours[name],
            "ours after one rigid motion": self.ours[name] @ self.motion,
            "the scan laid onto their image": self.laid[name],
            "the scan by their matrices": self.theirs[name],
        }
        image, brain = self.images[name], self._shown(name)
        rows = [
            (f"correlation, {what}", name, correlation(self._resampled(name, matrix)[brain], image[brain]), "")
            for what, matrix in placements.items()
        ]
        return [*rows, ("their brain mask that their image shows", name, brain.sum() / self.their_brain.sum(), "")]

    def _resampled(self, name: str, matrix: np.ndarray) -> np.ndarray:
        return resample(self.scans[name], self.grid, matrix).array

    def picture(self) -> Image.Image:
        """Axial slices through the tumour: theirs above with the outline of their brain mask, ours below with ours."""
        level = round(np.argwhere(self.tumour).mean(axis=0)[2])
        rows = []
        for whose, images, brain in (
            ("BraTS Toolkit", self.images, self.their_brain),
            ("this project", {name: self._resampled(name, self.ours[name]) for name in self.scans}, self.our_brain),
        ):
            panels = [_slice(images[name], brain, level, f"{name}, {whose}") for name in self.scans]
            rows.append(np.hstack(panels))
        return Image.fromarray(np.vstack(rows))


def _their_matrices(folder: Path, sequences: list[str]) -> dict[str, np.ndarray]:
    """Point of the atlas to point of each scan, of the ANTs matrices to T1 and of T1's to the atlas."""

    def read(name: str) -> np.ndarray:
        return to_matrix(sitk.ReadTransform(str(folder / f"{name}_0GenericAffine.mat")))

    place = read(TO_ATLAS)
    return {name: read(MATRICES[name]) @ place if name in MATRICES else place for name in sequences}


def _mean_motion(motions: list[np.ndarray]) -> np.ndarray:
    """Rigid motion in the middle of several (4, 4) that differ little."""
    motions = np.stack(motions)
    result = np.eye(4)
    result[:3, :3] = Rotation.from_matrix(motions[:, :3, :3]).mean().as_matrix()
    result[:3, 3] = motions[:, :3, 3].mean(axis=0)
    return result


def _slice(values: np.ndarray, brain: np.ndarray, level: int, label: str) -> np.ndarray:
    """One axial slice of the brain and its surroundings, twice enlarged, RGB, with the brain's outline."""
    window = (slice(40, 200), slice(30, 220), level)
    grey, mask = (np.repeat(np.repeat(part[window].T, 2, axis=0), 2, axis=1) for part in (values, brain))
    high = np.quantile(values[brain], 0.995)
    image = np.repeat(np.clip(grey / high * 255, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    image[mask & ~ndimage.binary_erosion(mask)] = ORANGE
    canvas = Image.fromarray(np.pad(image, ((22, 4), (0, 4), (0, 0))))
    ImageDraw.Draw(canvas).text((4, 3), label, fill=(255, 255, 255), font=ImageFont.load_default(14))
    return np.asarray(canvas)


if __name__ == "__main__":
    main()
