"""Compare one subject, as prepared here, with what BraTS Toolkit made of the same scans.

The reference folder is BraTS Toolkit's output: brats_space/ with the sequences, brain_mask and tumor_segmentation,
registrations/ with its ANTs matrices. Two rigid registrations to an atlas differ by a millimetre or two, which says
nothing about the images; so correlations are given as they are, and after one rigid motion of the whole subject.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from imbalance_aware.files import atomic, write_csv
from imbalance_aware.preprocessing.registration import LPS, displacement_mm, register, resample, to_matrix
from imbalance_aware.preprocessing.similarity import correlation, dice, normalised_mutual_information
from imbalance_aware.preprocessing.subject_step import named_paths, read_all, read_report
from imbalance_aware.volumes import Volume, read_channels, read_mask, reorient

#: Sequence -> the file with its matrix to T1.
MATRICES = {"t1c": "t1c_to_t1", "t2": "t2_to_t1", "flair": "fla_to_t1"}
TO_ATLAS = "native_t1_to_brats"
#: Distance from the border of the brain at which its inside begins.
INSIDE_MM = 3
ORANGE = (230, 159, 0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--volumes", type=named_paths, nargs="+", required=True, help="SEQUENCE=FILE of the raw scans")
    parser.add_argument("--brain", type=Path, required=True, help="our brain mask")
    parser.add_argument("--report", type=Path, required=True, help="our report of the step strip or a later one")
    parser.add_argument("--reference", type=Path, required=True, help="folder of BraTS Toolkit's output")
    parser.add_argument("--out", type=Path, required=True, help="table to write (.csv)")
    parser.add_argument("--picture", type=Path, help="picture to write (.png): reference above, ours below")


def run(args: argparse.Namespace) -> None:
    """Write the table and the picture."""
    subject = Comparison(dict(args.volumes), args.brain, args.report, args.reference)
    write_csv(args.out, pd.DataFrame(subject.rows(), columns=["measure", "sequence", "value", "unit"]))
    if args.picture:
        with atomic(args.picture) as path:
            subject.picture().save(path)


class Comparison:
    """The two versions of a subject on the reference's grid."""

    def __init__(self, paths: dict[str, Path], brain: Path, report: Path, reference: Path):
        self.scans = read_all(paths)
        self.matrices = {
            name: np.array(matrix) for name, matrix in read_report(report)["steps"]["register"]["matrices"].items()
        }
        self.theirs = {
            name: reorient(read_channels(reference / f"brats_space/{name}.nii.gz")).array for name in self.scans
        }
        their_brain = reorient(read_mask(reference / "brats_space/brain_mask.nii.gz"))
        self.their_brain, self.grid = their_brain.array, their_brain
        self.our_brain = reorient(read_mask(brain)).array
        self.tumour = reorient(read_mask(reference / "brats_space/tumor_segmentation.nii.gz")).array
        registrations = reference / "registrations"
        self.their_place = _ants(registrations / f"{TO_ATLAS}_0GenericAffine.mat")
        self.their_moves = {
            name: _ants(registrations / f"{file}_0GenericAffine.mat") for name, file in MATRICES.items()
        }
        self.ours = {name: self._resampled(name, self.matrices[name]) for name in self.scans}
        self.motion = register(
            Volume(self.theirs["t1"] * self.their_brain, self.grid.affine),
            Volume(self.ours["t1"] * self.our_brain, self.grid.affine),
        ).matrix
        self.inside = ndimage.binary_erosion(self.their_brain, iterations=INSIDE_MM)

    def rows(self) -> list[tuple[str, str, float, str]]:
        """Measure, sequence, value, unit."""
        return [
            ("brain mask, Dice", "", dice(self.our_brain, self.their_brain), ""),
            *self._distances(),
            ("crop centre, distance", "", self._centre_distance_mm(), "mm"),
            *(row for name in self.scans for row in self._correlations(name)),
            *(row for name in self.scans if name != "t1" for row in self._agreement_with_t1(name)),
        ]

    def _resampled(self, name: str, matrix: np.ndarray) -> np.ndarray:
        return resample(self.scans[name], self.grid, matrix).array

    def _distances(self) -> list[tuple[str, str, float, str]]:
        """How far the two versions of a transform send the points of the brain apart."""
        voxels = np.argwhere(self.their_brain)[::97]
        points = (LPS @ self.grid.affine @ np.c_[voxels, np.ones(len(voxels))].T).T[:, :3]
        native = (self.their_place @ np.c_[points, np.ones(len(points))].T).T[:, :3]
        pairs = {"atlas": (self.matrices["t1"], self.their_place, points)}
        for name, move in self.their_moves.items():
            pairs[name] = (self.matrices[name] @ np.linalg.inv(self.matrices["t1"]), move, native)
        rows = []
        for name, (ours, theirs, places) in pairs.items():
            distance = displacement_mm(ours, theirs, places)
            measure = "placement in the atlas" if name == "atlas" else "alignment with T1"
            rows.append((f"{measure}, mean distance", name, float(distance.mean()), "mm"))
            rows.append((f"{measure}, largest distance", name, float(distance.max()), "mm"))
        return rows

    def _centre_distance_mm(self) -> float:
        """From the tumour's centre of mass in the atlas, by their matrix to the scan and by ours back."""
        centre = LPS @ self.grid.affine @ np.append(np.argwhere(self.tumour).mean(axis=0), 1)
        back = np.linalg.inv(self.matrices["t1"]) @ self.their_place @ centre
        return float(np.linalg.norm((back - centre)[:3]))

    def _correlations(self, name: str) -> list[tuple[str, str, float, str]]:
        moved = self._resampled(name, self.matrices[name] @ self.motion)
        replayed = self._resampled(name, self.their_moves.get(name, np.eye(4)) @ self.their_place)
        theirs, brain, inside = self.theirs[name], self.their_brain, self.inside
        within = f"correlation, one rigid motion, {INSIDE_MM} mm inside"
        return [
            ("correlation, as it is", name, correlation(self.ours[name][brain], theirs[brain]), ""),
            ("correlation, one rigid motion", name, correlation(moved[brain], theirs[brain]), ""),
            (within, name, correlation(moved[inside], theirs[inside]), ""),
            ("the scan by their matrices, correlation", name, correlation(replayed[brain], theirs[brain]), ""),
        ]

    def _agreement_with_t1(self, name: str) -> list[tuple[str, str, float, str]]:
        inside = self.inside
        return [
            (f"similarity with T1, {whose}", name, normalised_mutual_information(t1[inside], other[inside]), "")
            for whose, t1, other in (
                ("ours", self.ours["t1"], self.ours[name]),
                ("theirs", self.theirs["t1"], self.theirs[name]),
            )
        ]

    def picture(self) -> Image.Image:
        """Axial slices through the tumour: theirs above with the outline of their brain mask, ours below with ours."""
        level = round(np.argwhere(self.tumour).mean(axis=0)[2])
        rows = []
        for whose, images, brain in (
            ("BraTS Toolkit", self.theirs, self.their_brain),
            ("this project", self.ours, self.our_brain),
        ):
            panels = [_slice(images[name], brain, level, f"{name}, {whose}") for name in self.scans]
            rows.append(np.hstack(panels))
        return Image.fromarray(np.vstack(rows))


def _ants(path: Path) -> np.ndarray:
    return to_matrix(sitk.ReadTransform(str(path)))


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
