"""Find the brain on the atlas's grid, and check what was found.

In scans that start `stripped`, the brain is what is not 0. In all others it is extracted from the centre
sequence, resampled to the atlas's grid. The checks: a plausible volume, overlap with the atlas's brain, and sequences
that look like one patient's: their normalised mutual information with the centre inside the brain.
"""

import argparse
from pathlib import Path

import numpy as np

from imbalance_aware.limits import apart
from imbalance_aware.preprocessing.brain_extraction import METHODS, largest_component
from imbalance_aware.preprocessing.resample import on_atlas
from imbalance_aware.preprocessing.similarity import dice, normalised_mutual_information
from imbalance_aware.preprocessing.subject_step import Failure, Measures, named_paths, next_step
from imbalance_aware.schema import parse
from imbalance_aware.volume_settings import StripSettings
from imbalance_aware.volumes import Volume, read_volume, reorient, write_volume


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--settings", required=True, help="method and checks: JSON, or a YAML/JSON file")
    parser.add_argument("--start", choices=("raw", "registered", "stripped"), required=True, help="state of the scans")
    parser.add_argument("--volumes", type=named_paths, nargs="+", required=True, help="SEQUENCE=FILE for each sequence")
    parser.add_argument("--centre", required=True, help="sequence in which the brain is looked for")
    parser.add_argument("--atlas-brain", type=Path, required=True, help="T1 of the atlas, without skull")
    parser.add_argument("--previous", type=Path, required=True, help="report of the step register")
    parser.add_argument("--out", type=Path, required=True, help="brain mask to write (.nii.gz)")
    parser.add_argument("--report", type=Path, required=True, help="report to write")


def run(args: argparse.Namespace) -> None:
    """Write the brain mask."""
    settings = parse(StripSettings, args.settings)
    atlas = reorient(read_volume(args.atlas_brain))
    paths = dict(args.volumes)
    sequences = list(paths)

    def work(steps: dict[str, Measures], measures: Measures) -> None:
        volumes = on_atlas(paths, steps["register"]["matrices"], atlas, measures)
        brain = find_brain(volumes, sequences.index(args.centre), args.start, settings)
        measures |= measure(volumes, brain, atlas.array > 0, sequences, args.centre)
        # Before the check: the picture of a subject that fails it shows what was found.
        write_volume(args.out, Volume(brain, volumes.affine))
        check(measures, settings)

    next_step("strip", args.previous, args.report, [args.out], work)


def find_brain(volumes: Volume, centre: int, start: str, settings: StripSettings) -> np.ndarray:
    """Brain mask (x, y, z)."""
    if start == "stripped":
        return largest_component((volumes.array != 0).any(axis=-1))
    head = Volume(np.ascontiguousarray(volumes.array[..., centre]), volumes.affine)
    brain = METHODS[settings.method](head, settings.device)
    # A scan that does not reach to the vertex has nothing to say about the voxels beyond it.
    return brain & (volumes.array != 0).any(axis=-1)


def measure(volumes: Volume, brain: np.ndarray, atlas: np.ndarray, sequences: list[str], centre: str) -> Measures:
    """Volume in ml, overlap with the atlas's brain (Dice), similarity of each sequence with the centre."""
    if not brain.any():
        raise Failure("no brain: nothing was found in the scan")
    reference = volumes.array[..., sequences.index(centre)][brain]
    return {
        "brain_ml": float(brain.sum() * volumes.voxel_ml),
        "atlas_overlap": dice(brain, atlas),
        "similarity": {
            name: normalised_mutual_information(reference, volumes.array[..., channel][brain])
            for channel, name in enumerate(sequences)
            if name != centre
        },
    }


def check(measures: Measures, settings: StripSettings) -> None:
    """Raise `Failure` for the first measure that is out of bounds."""
    low, high = settings.volume_ml
    if not low <= measures["brain_ml"] <= high:
        shown, _ = apart(measures["brain_ml"], low if measures["brain_ml"] < low else high, decimals=0)
        raise Failure(f"brain volume: {shown} ml, plausible are {low:g} to {high:g}")
    if measures["atlas_overlap"] < settings.min_atlas_overlap:
        shown, least = apart(measures["atlas_overlap"], settings.min_atlas_overlap)
        raise Failure(f"atlas overlap: Dice {shown} of the brain and the atlas's, at least {least} is asked for")
    for name, value in measures["similarity"].items():
        if value < settings.min_similarity:
            shown, least = apart(value, settings.min_similarity, decimals=3)
            raise Failure(
                f"sequences do not match: {name} has a normalised mutual information of {shown} with the centre "
                f"sequence, at least {least} is asked for; are both of this patient?"
            )
