"""The tumour on the atlas's grid: the source's own mask, or a BraTS algorithm's, and the checks of it.

A provided mask may lie on the grid of any of the sequences or on the atlas's; every label but 0 counts as tumour (BraTS
1/2/4 and 1/2/3, or a binary mask).
"""

import argparse
from pathlib import Path

import numpy as np

from imbalance_aware.preprocessing.brats_segmentation import segment
from imbalance_aware.preprocessing.registration import resample
from imbalance_aware.preprocessing.resample import on_atlas
from imbalance_aware.preprocessing.subject_step import Failure, Measures, named_paths, next_step
from imbalance_aware.schema import parse
from imbalance_aware.volume_settings import MaskSettings
from imbalance_aware.volumes import BadVolume, Volume, read_grid, read_mask, read_volume, same_grid, write_volume


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--settings", required=True, help="method and checks: JSON, or a YAML/JSON file")
    parser.add_argument("--mask", type=Path, help="mask from the source, for the method `provided`")
    parser.add_argument("--volumes", type=named_paths, nargs="+", required=True, help="SEQUENCE=FILE for each sequence")
    parser.add_argument("--brain", type=Path, required=True, help="brain mask")
    parser.add_argument("--previous", type=Path, required=True, help="report of the step strip")
    parser.add_argument("--out", type=Path, required=True, help="tumour mask to write (.nii.gz)")
    parser.add_argument("--report", type=Path, required=True, help="report to write")


def run(args: argparse.Namespace) -> None:
    """Write the tumour mask."""
    settings = parse(MaskSettings, args.settings)
    paths = dict(args.volumes)

    def work(steps: dict[str, Measures]) -> Measures:
        brain = read_mask(args.brain)
        tumour = METHODS[settings.method](args.mask, paths, brain, steps["register"]["matrices"], settings)
        measures = measure(tumour, brain)
        check(measures, settings)
        write_volume(args.out, Volume(tumour, brain.affine))
        return measures

    next_step("mask", args.previous, args.report, [args.out], work)


def provided(
    path: Path, paths: dict[str, Path], brain: Volume, matrices: dict[str, list], settings: MaskSettings
) -> np.ndarray:
    """The source's mask on the atlas's grid.

    Raises:
        Failure: the mask is unreadable, has no labels, is empty, or lies on none of the grids.
    """
    labels = _read_labels(path)
    matrix = next((matrices[name] for name, file in paths.items() if same_grid(labels, read_grid(file))), None)
    if matrix is None:
        if not same_grid(labels, brain):
            raise Failure("mask on another grid: neither on that of a sequence nor on the atlas's", path)
        matrix = np.eye(4)
    tumour = Volume((labels.array > 0).astype(np.float32), labels.affine)
    return resample(tumour, brain, np.array(matrix)).array >= 0.5


def brats(
    path: Path | None, paths: dict[str, Path], brain: Volume, matrices: dict[str, list], settings: MaskSettings
) -> np.ndarray:
    """What a BraTS algorithm segments on the atlas's grid."""
    volumes = on_atlas(paths, matrices, brain)
    stripped = Volume(volumes.array * brain.array[..., None], brain.affine)
    return segment(stripped, list(paths), settings.algorithm, settings.engine)


#: Name -> where the mask comes from.
METHODS = {"provided": provided, "brats": brats}


def _read_labels(path: Path) -> Volume:
    try:
        labels = read_volume(path)
    except BadVolume as bad:
        empty = str(bad).startswith("constant: every voxel is 0")
        raise Failure("empty mask" if empty else f"mask {bad}", path) from None
    if not np.array_equal(labels.array, np.round(labels.array)) or labels.array.min() < 0:
        raise Failure("mask without labels: it has values that are no whole numbers from 0 up", path)
    return labels


def measure(tumour: np.ndarray, brain: Volume) -> Measures:
    """Volume in ml, and the share of the tumour that lies in the brain."""
    if not tumour.any():
        raise Failure("empty mask: no voxel of the tumour is left on the atlas's grid")
    return {
        "tumour_ml": float(tumour.sum() * brain.voxel_ml),
        "inside_brain": float((tumour & brain.array).sum() / tumour.sum()),
    }


def check(measures: Measures, settings: MaskSettings) -> None:
    """Raise `Failure` if too much of the tumour lies outside the brain."""
    if measures["inside_brain"] < settings.min_inside_brain:
        raise Failure(
            f"mask outside the brain: {measures['inside_brain']:.0%} of it lies inside, at least "
            f"{settings.min_inside_brain:.0%} is asked for"
        )
