"""The tumour on the atlas's grid: the source's own mask, or a BraTS algorithm's, and the checks of it.

A provided mask may lie on the grid of any of the sequences or on the atlas's; every label but 0 counts as tumour (BraTS
1/2/4 and 1/2/3, or a binary mask). Scans of one session often share a grid, though the patient moved between them: the
grid of the mask alone does not show on which of them it was drawn, so the assumption and its effect are recorded as
measures.
"""

import argparse
import logging
from pathlib import Path

import nibabel as nib
import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.limits import apart
from imbalance_aware.nifti import read_grid, read_mask, read_placement, read_volume, write_volume
from imbalance_aware.preprocessing.brats_segmentation import segment
from imbalance_aware.preprocessing.registration import LPS, displacement_mm, resample
from imbalance_aware.preprocessing.resample import on_atlas
from imbalance_aware.preprocessing.subject_step import Failure, Measures, named_paths, next_step, placement_warnings
from imbalance_aware.schema import nearest, parse
from imbalance_aware.volume_settings import MaskSettings
from imbalance_aware.volumes import BadVolume, Volume, describe_grid, same_grid

log = logging.getLogger(__name__)

#: What `drawn_on` calls the atlas.
ATLAS = "atlas"
#: Difference above which it matters on which of several sequences the mask was drawn.
AMBIGUOUS_MM = 0.5


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
    known = [*paths, ATLAS]
    if settings.drawn_on is not None and settings.drawn_on not in known:
        raise UserError(
            f'mask.drawn_on: there is no sequence "{settings.drawn_on}".{nearest(settings.drawn_on, known)}'
        )

    def work(steps: dict[str, Measures], measures: Measures) -> None:
        brain = read_mask(args.brain)
        matrices = steps["register"]["matrices"]
        tumour, origin = METHODS[settings.method](args.mask, paths, brain, matrices, settings)
        measures |= origin
        measures |= measure(tumour, brain)
        # Before the check: the picture of a subject that fails it shows what was found.
        write_volume(args.out, Volume(tumour, brain.affine))
        check(measures, settings)

    next_step("mask", args.previous, args.report, [args.out], work)


def provided(
    path: Path, paths: dict[str, Path], brain: Volume, matrices: dict[str, list], settings: MaskSettings
) -> tuple[np.ndarray, Measures]:
    """The source's mask on the atlas's grid, and on which grid it was taken to lie.

    Raises:
        Failure: the mask is unreadable, has no labels, is empty, or lies on none of the grids.
    """
    labels = _read_labels(path)
    placement = read_placement(path)
    warnings = placement_warnings("the mask", path, placement)
    names = _grids(path, labels, paths, brain, settings.drawn_on)
    places = [np.eye(4) if name == ATLAS else np.array(matrices[name]) for name in names]
    tumour = Volume((labels.array > 0).astype(np.float32), labels.affine)
    ambiguity = _ambiguity_mm(tumour, places)
    if ambiguity > AMBIGUOUS_MM:
        log.warning(
            "%s has the grid of %s and was assumed to be drawn on %s; with the others it would be up to %.1f mm away "
            "(set mask.drawn_on if you know the sequence)",
            path,
            " and ".join(names),
            names[0],
            ambiguity,
        )
    array = resample(tumour, brain, places[0]).array >= 0.5
    origin = {
        "mask_drawn_on": names[0],
        "mask_ambiguity_mm": ambiguity,
        "mask_sform_qform_mm": placement.sform_qform_mm,
    }
    return array, origin | {"warnings": warnings}


def _grids(path: Path, labels: Volume, paths: dict[str, Path], brain: Volume, drawn_on: str | None) -> list[str]:
    """The sequences on whose grid the mask lies, or the atlas; only ``drawn_on``, where it is given."""
    if drawn_on is not None:
        grid = brain if drawn_on == ATLAS else read_grid(paths[drawn_on])
        if not same_grid(labels, grid):
            raise Failure(
                f"mask on another grid: not on that of {drawn_on}, which mask.drawn_on names. Mask: "
                f"{describe_grid(labels)}, {drawn_on}: {describe_grid(grid)}",
                path,
            )
        return [drawn_on]
    grids = {name: read_grid(file) for name, file in paths.items()}
    names = [name for name, grid in grids.items() if same_grid(labels, grid)]
    if not names and not same_grid(labels, brain):
        raise Failure(
            "mask on another grid: neither on that of a sequence nor on the atlas's. Mask: "
            f"{describe_grid(labels)}, {_describe_grids(grids | {ATLAS: brain})}",
            path,
        )
    # A mask keeps the order of the voxels that it was drawn on, unless a program turned it afterwards.
    order = nib.aff2axcodes(labels.affine)
    return [name for name in names if nib.aff2axcodes(grids[name].affine) == order] or names or [ATLAS]


def _describe_grids(grids: dict[str, Volume]) -> str:
    """Each grid in words, once, after the names of those that have it."""
    names: dict[str, list[str]] = {}
    for name, grid in grids.items():
        names.setdefault(describe_grid(grid), []).append(name)
    return ", ".join(f"{' and '.join(alike)}: {words}" for words, alike in names.items())


def _ambiguity_mm(tumour: Volume, places: list[np.ndarray]) -> float:
    """Largest distance in the atlas between where the first matrix puts the mask's centre of mass and the others do.

    Args:
        tumour: mask on its own grid, not empty.
        places: matrices from a point of the atlas to a point of the scan, LPS, mm.
    """
    centre = np.append(np.argwhere(tumour.array).mean(axis=0), 1)
    point = (LPS @ tumour.affine @ centre)[None, :3]
    first, *others = (np.linalg.inv(place) for place in places)
    return max((float(displacement_mm(first, other, point)[0]) for other in others), default=0.0)


def brats(
    path: Path | None, paths: dict[str, Path], brain: Volume, matrices: dict[str, list], settings: MaskSettings
) -> tuple[np.ndarray, Measures]:
    """What a BraTS algorithm segments on the atlas's grid."""
    volumes = on_atlas(paths, matrices, brain, {})
    stripped = Volume(volumes.array * brain.array[..., None], brain.affine)
    mask = segment(stripped, list(paths), settings.algorithm, settings.engine)
    return mask, {"mask_drawn_on": ATLAS, "mask_ambiguity_mm": 0.0, "mask_sform_qform_mm": None}


#: Name -> where the mask comes from.
METHODS = {"provided": provided, "brats": brats}


def _read_labels(path: Path) -> Volume:
    try:
        labels = read_volume(path)
    except BadVolume as bad:
        empty = str(bad).startswith("constant: every voxel is 0")
        raise Failure("empty mask" if empty else f"mask {bad}", path) from None
    if not np.array_equal(labels.array, np.round(labels.array)) or labels.array.min() < 0:
        raise Failure("mask without labels: it has values that are not whole numbers of at least 0", path)
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
        shown, least = apart(measures["inside_brain"], settings.min_inside_brain, decimals=0, kind="%")
        raise Failure(
            f"mask outside the brain: {shown} of it lies inside, at least {least} is asked for (mask.min_inside_brain)"
        )
