"""Draw one patient of each class: the axial slice of every MRI sequence with the tumour outlined, and beside it the
same slice of the patch that training reads.

The patient is the one whose tumour has the median volume among those of its class, the smaller of the middle two. Each
sequence is shown from 0 to the 99.5th percentile of its slice, so that a few bright voxels do not darken the rest.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from imbalance_aware.arrays import read_npy
from imbalance_aware.errors import UserError
from imbalance_aware.image_digests import image_digest, require_tie
from imbalance_aware.reporting import style
from imbalance_aware.reporting.brightness import brightest
from imbalance_aware.reporting.labels import distinct, readable
from imbalance_aware.tables.quality import TUMOUR_ML, read_quality
from imbalance_aware.tables.samples import COLUMNS, IMAGE_DIGEST, read_samples_frame

TUMOUR, PATCH = style.ORANGE, style.SKY
#: Air left around the heads, in voxels.
MARGIN = 2
#: Largest height of a row, and the space above and beside the panels, in inches; the gap between slices and patches
#: as a share of a row's height.
ROW_INCH, ABOVE_INCH, BESIDE_INCH, GAP = 1.4, 0.55, 0.4, 0.08
LINE = 0.8


@dataclass(frozen=True)
class Patient:
    """The data drawn for one patient.

    Attributes:
        label: class and volume of the tumour.
        slices: (sequences, x, y), uint8.
        tumour: mask (x, y).
        corner: first voxel of the patch along x and y.
        patch: the same slice of the patch, (sequences, x, y), uint8 or float16.
    """

    label: str
    slices: np.ndarray
    tumour: np.ndarray
    corner: np.ndarray
    patch: np.ndarray

    def brightest(self, channel: int) -> float:
        """What is shown as white in one sequence."""
        return brightest(self.slices[channel])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    parser.add_argument("--sequences", nargs="+", required=True, help="names along the array's second axis")
    parser.add_argument("--images", type=Path, required=True, help="array of the dataset's patches")
    parser.add_argument("--samples", type=Path, required=True, help="…/<dataset>/samples.csv, the rows of the array")
    parser.add_argument("--qc", type=Path, required=True, help="table of quality control, with each tumour's volume")
    parser.add_argument("--subjects", type=Path, required=True, help="folder with SUBJECT/slices.npz")


def run(args: argparse.Namespace) -> None:
    """Draw a row per class: whole slices on the left, patches on the right."""
    chosen = median_tumours(read_samples_frame(args.samples, COLUMNS), read_quality(args.qc))
    patients = list(read_patients(chosen, args.images, args.samples, args.subjects))
    edge = patients[0].patch.shape[-1]
    columns, window = len(args.sequences), around(patients)
    aspect = (window[1] - window[0]) / (window[3] - window[2])
    widths = [aspect] * columns + [GAP] + [1] * columns
    row_inch = min(ROW_INCH, (style.TWO_COLUMNS_INCH - BESIDE_INCH) / sum(widths))
    size = (row_inch * sum(widths) + BESIDE_INCH, row_inch * len(patients) + ABOVE_INCH)
    with style.figure(args, *size) as canvas:
        canvas.set_layout_engine("constrained", w_pad=0.015, h_pad=0.02, wspace=0, hspace=0)
        grid = canvas.subplots(len(patients), len(widths), squeeze=False, width_ratios=widths)
        slices, gap, patches = np.split(grid, [columns, columns + 1], axis=1)
        for axes in gap.flat:
            axes.set_axis_off()
        for half in (slices, patches):
            for axes, sequence in zip(half[0], args.sequences, strict=True):
                axes.set_title(readable(sequence), pad=3)
        for row, patient in enumerate(patients):
            slices[row, 0].set_ylabel(patient.label, fontsize=6)
            for channel in range(columns):
                draw_slice(slices[row, channel], patient, channel, window)
                draw_patch(patches[row, channel], patient, channel)
        handles = [
            Line2D([], [], color=TUMOUR, label="Tumour mask"),
            Line2D([], [], color=PATCH, label=f"Patch of {edge}³ voxels, on the right as training reads it"),
        ]
        style.legend_above(canvas, handles, readable(args.samples.parent.name))


def median_tumours(samples: pd.DataFrame, quality: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``samples``, with ``tumour_ml``: for each class in label order, the subject of median tumour volume."""
    known = samples.astype({"subject": str}).reset_index()
    known = known.merge(quality[["subject", TUMOUR_ML]], on="subject", validate="one_to_one")
    ranked = known.sort_values([TUMOUR_ML, "subject"], kind="stable")
    middle = [part.iloc[(len(part) - 1) // 2] for _, part in ranked.groupby("label")]
    return pd.DataFrame(middle).set_index("index")


def read_patients(chosen: pd.DataFrame, images: Path, samples: Path, subjects: Path) -> Iterator[Patient]:
    """The data drawn for each row of `median_tumours`.

    Raises:
        UserError: an array without volumes, one that does not belong to the table, or a subject without slices.
    """
    patches = read_npy(images)
    if patches.ndim != 5:
        raise UserError(f"{images}: an array of volumes has 5 axes, but this has {patches.ndim}")
    names = distinct(chosen["class"])
    for row, sample in zip(chosen.index, chosen.to_dict("records"), strict=True):
        if row >= len(patches):
            raise UserError(f"{images} holds {len(patches)} images, too few for {samples}")
        require_tie(image_digest(patches[row]), sample[IMAGE_DIGEST], row, sample["subject"], images, samples)
        path = subjects / sample["subject"] / "slices.npz"
        if not path.is_file():
            raise UserError(f"{path}: no such file")
        kept = np.load(path)
        patch = np.asarray(patches[row, ..., patches.shape[-1] // 2], dtype=np.float32)
        scale = 1 if patches.dtype == np.uint8 else 255
        label = f"{names[sample['class']]}\n{sample[TUMOUR_ML]:.0f} ml"
        yield Patient(label, kept["slices"], kept["tumour"], kept["corner"], patch * scale)


def around(patients: list[Patient]) -> tuple[int, int, int, int]:
    """Least window (x from, x to, y from, y to) that holds every head and every patch."""
    places = [np.argwhere(patient.slices.any(axis=0)) for patient in patients]
    for patient in patients:
        places += [patient.corner[np.newaxis], patient.corner[np.newaxis] + patient.patch.shape[1:] - 1]
    low, high = np.vstack(places).min(axis=0) - MARGIN, np.vstack(places).max(axis=0) + 1 + MARGIN
    return low[0], high[0], low[1], high[1]


def draw_slice(axes: Axes, patient: Patient, channel: int, window: tuple[int, int, int, int]) -> None:
    """The slice as far as the window shows it, with the outlines of tumour and patch.

    The picture is cut here: cut by matplotlib at the edges of the axes, its size in voxels would depend on the last
    bits of the layout, since those edges lie on whole voxels.
    """
    style.bare(axes)
    left, right, top, bottom = window
    slices = patient.slices[channel]
    outside = [
        (max(0, -low), max(0, high - edge))
        for low, high, edge in zip((left, top), (right, bottom), slices.shape, strict=True)
    ]
    before = [low for low, _ in outside]
    shown = np.pad(slices, outside)[left + before[0] : right + before[0], top + before[1] : bottom + before[1]]
    axes.imshow(
        shown.T,
        cmap="gray",
        vmin=0,
        vmax=patient.brightest(channel),
        interpolation="none",
        extent=(left - 0.5, right - 0.5, bottom - 0.5, top - 0.5),
    )
    if patient.tumour.any():
        axes.contour(patient.tumour.T, levels=[0.5], colors=TUMOUR, linewidths=LINE)
    x, y = patient.corner - 0.5
    axes.add_patch(Rectangle((x, y), *patient.patch.shape[1:], fill=False, edgecolor=PATCH, linewidth=LINE))
    axes.set(xlim=(left - 0.5, right - 0.5), ylim=(bottom - 0.5, top - 0.5), facecolor="black")


def draw_patch(axes: Axes, patient: Patient, channel: int) -> None:
    """The slice of the patch as training reads it, framed in the colour of its outline."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=PATCH, linewidth=LINE)
    axes.imshow(patient.patch[channel].T, cmap="gray", vmin=0, vmax=patient.brightest(channel), interpolation="none")
