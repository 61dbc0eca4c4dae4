"""Align a subject's sequences with each other and with the atlas; nothing is resampled yet.

Scans that start `raw` lie on grids of their own: each is aligned rigidly to the reference sequence, and that one to the
atlas. Scans that are `registered` share a grid, so only the reference is aligned to the atlas; so do `stripped` ones,
which are aligned to the atlas's brain, unless their brain lies in its place already, voxel by voxel, as in BraTS data.
Writes the matrices and what was measured, as JSON: ``matrices`` maps, for each sequence, a point of the atlas to the
point of that scan (LPS, mm); ``start`` and ``reference`` say what the steps that follow start from.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from imbalance_aware.errors import UserError
from imbalance_aware.nifti import read_placement, read_volume
from imbalance_aware.preprocessing.registration import LPS, Registration, register, resample
from imbalance_aware.preprocessing.similarity import dice
from imbalance_aware.preprocessing.subject_step import (
    Failure,
    Measures,
    first_step,
    named_paths,
    placement_warnings,
    read_all,
)
from imbalance_aware.schema import parse
from imbalance_aware.volume_settings import RegistrationSettings, reference_of
from imbalance_aware.volumes import Volume, describe_grid, reorient, same_grid

#: How far beyond the atlas's brain the finer levels of a registration look.
MARGIN_MM = 3.0
#: Overlap (Dice) with the atlas's brain from which a stripped scan counts as being in its place.
IN_PLACE = 0.85


@dataclass(frozen=True)
class Atlas:
    """T1 of the atlas with and without skull, on one grid."""

    head: Volume
    brain: Volume

    @cached_property
    def region(self) -> np.ndarray:
        """The brain and a margin around it, so that its outline counts."""
        radius = [max(1, round(MARGIN_MM / float(edge))) for edge in self.brain.spacing]
        mask = sitk.GetImageFromArray((self.brain.array > 0).astype(np.uint8).transpose(2, 1, 0))
        return sitk.GetArrayFromImage(sitk.BinaryDilate(mask, radius)).transpose(2, 1, 0) > 0

    @property
    def region_volume(self) -> Volume:
        """The region as a volume of 0 and 1."""
        return Volume(self.region.astype(np.float32), self.brain.affine)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--settings", required=True, help="reference_sequence, samples, …: JSON, or a YAML/JSON file")
    parser.add_argument("--subject", required=True, help="identifier of the subject")
    parser.add_argument("--start", choices=STARTS, required=True, help="preprocessing state of the scans")
    parser.add_argument("--volumes", type=named_paths, nargs="+", required=True, help="SEQUENCE=FILE for each sequence")
    parser.add_argument("--atlas", type=Path, required=True, help="T1 of the atlas, with skull")
    parser.add_argument("--atlas-brain", type=Path, required=True, help="T1 of the atlas, without skull")
    parser.add_argument("--report", type=Path, required=True, help="report to write")


def run(args: argparse.Namespace) -> None:
    """Write the report with the matrices."""
    settings = parse(RegistrationSettings, args.settings)
    paths = dict(args.volumes)
    try:
        reference = reference_of(settings.reference_sequence, list(paths))
    except ValueError as error:
        raise UserError(f"--settings: {error}") from None
    atlas = Atlas(reorient(read_volume(args.atlas)), reorient(read_volume(args.atlas_brain)))

    def work(measures: Measures) -> None:
        measures |= {"start": args.start, "reference": reference}
        volumes = read_all(paths)
        measures |= placements(paths)
        measures |= STARTS[args.start](volumes, atlas, reference, settings)

    first_step("register", args.subject, args.report, work)


def placements(paths: Mapping[str, Path]) -> Measures:
    """Notable facts in the headers of readable scans about the positions of voxels.

    Returns:
        ``sform_qform_mm``: sequence -> mm between the places by sform and by qform, where both are set;
        ``header_unit``: sequence -> the header's unit of length, where it is not mm; ``warnings``: sentences on what
        matters of it.
    """
    found = {name: read_placement(path) for name, path in paths.items()}
    return {
        "warnings": [text for name, place in found.items() for text in placement_warnings(name, paths[name], place)],
        "sform_qform_mm": {name: place.sform_qform_mm for name, place in found.items() if place.forms},
        "header_unit": {name: place.unit for name, place in found.items() if place.unit},
    }


def _raw(volumes: dict[str, Volume], atlas: Atlas, name: str, settings: RegistrationSettings) -> Measures:
    reference = volumes[name]
    place = register(atlas.head, reference, atlas.region, settings.atlas_transform, settings.samples)
    region = resample(atlas.region_volume, reference, np.linalg.inv(place.matrix)).array >= 0.5
    if not region.any():
        raise Failure(f"registration: the atlas's brain lies outside the {name} scan")
    others = {
        other: register(reference, volume, region, samples=settings.samples)
        for other, volume in volumes.items()
        if other != name
    }
    return _measures(place, others, volumes, name)


def _registered(volumes: dict[str, Volume], atlas: Atlas, name: str, settings: RegistrationSettings) -> Measures:
    reference = _on_one_grid(volumes, name)
    place = register(atlas.head, reference, atlas.region, settings.atlas_transform, settings.samples)
    return _measures(place, {}, volumes, name)


def _stripped(volumes: dict[str, Volume], atlas: Atlas, name: str, settings: RegistrationSettings) -> Measures:
    reference = reorient(_on_one_grid(volumes, name))
    brain = atlas.brain
    if reference.shape == brain.shape and np.allclose(reference.spacing, brain.spacing, rtol=0.01):
        overlap = dice(reference.array > 0, brain.array > 0)
        if overlap >= IN_PLACE:
            # BraTS data sets agree in their voxels, not always in the origin of their headers.
            matrix = LPS @ reference.affine @ np.linalg.inv(LPS @ brain.affine)
            return {"in_place": True, "matrices": {sequence: matrix.tolist() for sequence in volumes}}
    place = register(brain, reference, atlas.region, settings.atlas_transform, settings.samples)
    return _measures(place, {}, volumes, name)


#: State of the scans -> what remains to be aligned.
STARTS = {"raw": _raw, "registered": _registered, "stripped": _stripped}


def _measures(
    place: Registration, others: dict[str, Registration], volumes: dict[str, Volume], reference: str
) -> Measures:
    """The report: the matrix of each scan, and the measures."""
    to_reference = {name: others[name].matrix if name in others else np.eye(4) for name in volumes}
    return {
        "in_place": False,
        "mutual_information": {"atlas": place.mutual_information}
        | {name: found.mutual_information for name, found in others.items()},
        "moved_mm": {name: _moved_mm(found.matrix, volumes[reference]) for name, found in others.items()},
        "matrices": {name: (matrix @ place.matrix).tolist() for name, matrix in to_reference.items()},
    }


def _on_one_grid(volumes: dict[str, Volume], reference: str) -> Volume:
    for name, volume in volumes.items():
        if not same_grid(volume, volumes[reference]):
            raise Failure(
                f"grids differ: {name} and {reference} do not lie on one grid, though their start is not raw. "
                f"{name}: {describe_grid(volume)}, {reference}: {describe_grid(volumes[reference])}"
            )
    return volumes[reference]


def _moved_mm(matrix: np.ndarray, volume: Volume) -> float:
    """How far a transform moves the centre of a volume."""
    middle = LPS @ volume.affine @ np.append((np.array(volume.shape) - 1) / 2, 1)
    return float(np.linalg.norm((matrix @ middle - middle)[:3]))
