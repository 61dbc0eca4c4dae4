"""Find the brain on the atlas's grid, and check what was found.

In scans that start `stripped`, the brain is what is not 0. In all others it is extracted from the reference
sequence, resampled to the atlas's grid. The checks: a plausible volume, overlap with the atlas's brain, and sequences
that look like one patient's: their edges match those of the reference inside the brain. In doubtful cases the subject
is marked instead of refused: the report's ``warnings`` go into the table and picture of quality control.
"""

import argparse
import logging
from pathlib import Path

import numpy as np

from imbalance_aware.limits import apart
from imbalance_aware.nifti import read_volume, write_volume
from imbalance_aware.preprocessing.brain_extraction import METHODS, largest_component
from imbalance_aware.preprocessing.resample import on_atlas
from imbalance_aware.preprocessing.similarity import correlation, dice, edge_match, edges
from imbalance_aware.preprocessing.subject_step import Failure, Measures, named_paths, next_step
from imbalance_aware.schema import parse
from imbalance_aware.volume_settings import BrainExtractionSettings
from imbalance_aware.volumes import Volume, reorient

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--settings", required=True, help="method and checks: JSON, or a YAML/JSON file")
    parser.add_argument("--volumes", type=named_paths, nargs="+", required=True, help="SEQUENCE=FILE for each sequence")
    parser.add_argument("--atlas-brain", type=Path, required=True, help="T1 of the atlas, without skull")
    parser.add_argument("--previous", type=Path, required=True, help="report of the step register")
    parser.add_argument("--out", type=Path, required=True, help="brain mask to write (.nii.gz)")
    parser.add_argument("--report", type=Path, required=True, help="report to write")


def run(args: argparse.Namespace) -> None:
    """Write the brain mask."""
    settings = parse(BrainExtractionSettings, args.settings)
    atlas = reorient(read_volume(args.atlas_brain))
    paths = dict(args.volumes)
    sequences = list(paths)

    def work(steps: dict[str, Measures], measures: Measures) -> None:
        placed = steps["register"]
        reference = placed["reference"]
        volumes = on_atlas(paths, placed["matrices"], atlas, measures)
        brain = find_brain(volumes, sequences.index(reference), placed["start"], settings)
        measures |= measure(volumes, brain, atlas, sequences, reference)
        # Before the check: the picture of a subject that fails it shows what was found.
        write_volume(args.out, Volume(brain, volumes.affine))
        check(measures, settings, reference)
        measures["warnings"] = doubts(measures, settings, reference)
        for doubt in measures["warnings"]:
            log.warning("%s", doubt)

    next_step("strip", args.previous, args.report, [args.out], work)


def find_brain(volumes: Volume, reference: int, start: str, settings: BrainExtractionSettings) -> np.ndarray:
    """Brain mask (x, y, z)."""
    if start == "stripped":
        return largest_component((volumes.array != 0).any(axis=-1))
    head = Volume(np.ascontiguousarray(volumes.array[..., reference]), volumes.affine)
    brain = METHODS[settings.method](head, settings.device)
    # Voxels that no scan covers, such as those near the vertex, do not count as brain.
    return brain & (volumes.array != 0).any(axis=-1)


def measure(volumes: Volume, brain: np.ndarray, atlas: Volume, sequences: list[str], reference: str) -> Measures:
    """Measures of the brain and of what it shows.

    Args:
        volumes: (x, y, z, sequences).
        brain: mask of the same shape.
        atlas: T1 without skull, on the same grid.
        sequences: names along the fourth axis.
        reference: the sequence with which the others are compared.

    Returns:
        Volume in ml, overlap with the atlas's brain (Dice), correlation of the reference with the atlas's T1 where both
        show brain, and for each other sequence how well its edges match the reference's (`edge_match`).
    """
    if not brain.any():
        raise Failure("no brain: nothing was found in the scan")
    compared = volumes.array[..., sequences.index(reference)]
    both = brain & (atlas.array > 0)
    found = edges(compared, brain, volumes.spacing)
    return {
        "brain_ml": float(brain.sum() * volumes.voxel_ml),
        "atlas_overlap": dice(brain, atlas.array > 0),
        "atlas_correlation": correlation(compared[both], atlas.array[both]) if both.any() else 0.0,
        "edge_match": {
            name: edge_match(found, edges(volumes.array[..., channel], brain, volumes.spacing))
            for channel, name in enumerate(sequences)
            if name != reference
        },
    }


def check(measures: Measures, settings: BrainExtractionSettings, reference: str) -> None:
    """Raise `Failure` for the first measure that is out of bounds."""
    low, high = settings.volume_ml
    if not low <= measures["brain_ml"] <= high:
        shown, _ = apart(measures["brain_ml"], low if measures["brain_ml"] < low else high, decimals=0)
        raise Failure(f"brain volume: {shown} ml, plausible are {low:g} to {high:g} (brain_extraction.volume_ml)")
    if measures["atlas_overlap"] < settings.min_atlas_overlap:
        shown, least = apart(measures["atlas_overlap"], settings.min_atlas_overlap)
        raise Failure(
            f"atlas overlap: Dice {shown} of the brain and the atlas's, at least {least} is asked for "
            "(brain_extraction.min_atlas_overlap)"
        )
    for name, value in measures["edge_match"].items():
        if value < settings.min_edge_match:
            shown, least = apart(value, settings.min_edge_match)
            raise Failure(
                f"sequences do not match: the edges of {name} match those of {reference} by {shown}, at least {least} "
                "is asked for (brain_extraction.min_edge_match); are both of this patient, and are their headers right?"
            )


def doubts(measures: Measures, settings: BrainExtractionSettings, reference: str) -> list[str]:
    """Warnings about a subject that passed, one sentence each."""
    found = []
    for name, value in measures["edge_match"].items():
        if value < settings.sure_edge_match:
            shown, sure = apart(value, settings.sure_edge_match)
            found.append(
                f"the edges of {name} match those of {reference} by {shown}, less than {sure} "
                "(brain_extraction.sure_edge_match): another patient, a mirrored header, a shift, or thick or noisy "
                "slices"
            )
    if measures["atlas_correlation"] < 0:
        found.append(
            f"{reference} correlates with the atlas's T1 by {measures['atlas_correlation']:.2f} in the brain: is it "
            "a T1 (registration.reference_sequence), or was it exchanged with T2?"
        )
    return found
