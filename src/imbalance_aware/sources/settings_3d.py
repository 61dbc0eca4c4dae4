"""Settings of the datasets of MRI volumes."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from imbalance_aware.class_names import ClassNames
from imbalance_aware.cohort.split_settings import SplitSettings
from imbalance_aware.names import Name
from imbalance_aware.paths import UserPath
from imbalance_aware.schema import Strict, misfit, nearest
from imbalance_aware.sources.who2021 import CLASSES
from imbalance_aware.volume_settings import (
    CropSettings,
    RegistrationSettings,
    SequenceName,
    Start,
    StripSettings,
    VolumePreprocessing,
    centre_of,
)

#: Columns of the cohort table, and of a table of one's own, that a sequence's column would overwrite.
RESERVED = ("subject", "class", "cohort", "split", "excluded", "mask", "start", "group", "line")


class Volumes3D(SplitSettings):
    """What every dataset of volumes has."""

    kind: ClassVar[str] = "volumes"

    sequences: tuple[SequenceName, ...] = Field(
        ("t1", "t1c", "t2", "flair"), min_length=1, description="MRI sequences, in the order of the array's channels"
    )
    preprocessing: VolumePreprocessing = Field(VolumePreprocessing(), description="from scans to patches")

    @model_validator(mode="after")
    def _sequences_fit(self) -> "Volumes3D":
        if len(set(self.sequences)) < len(self.sequences):
            raise misfit(["sequences"], "one of them is listed twice")
        if taken := sorted(set(self.sequences) & set(RESERVED)):
            raise misfit(["sequences"], f"{', '.join(taken)} names another column of the table; rename the sequence")
        centre = self.preprocessing.registration.centre
        if centre not in (None, *self.sequences):
            raise misfit(
                ["preprocessing", "registration", "centre"],
                f"{centre} is not among the sequences {', '.join(self.sequences)}",
            )
        drawn_on = self.preprocessing.mask.drawn_on
        if drawn_on not in (None, "atlas", *self.sequences):
            raise misfit(
                ["preprocessing", "mask", "drawn_on"],
                f"{drawn_on} is neither atlas nor among the sequences {', '.join(self.sequences)}",
            )
        brats = {"t1", "t1c", "t2", "flair"}
        if self.preprocessing.mask.method == "brats" and not brats <= set(self.sequences):
            raise misfit(["preprocessing", "mask", "method"], "brats needs the sequences t1, t1c, t2 and flair")
        return self

    @property
    def centre(self) -> str:
        """The sequence to which the others are aligned."""
        return centre_of(self.preprocessing.registration.centre, self.sequences)

    @property
    def training_shape(self) -> tuple[int, ...]:
        """Spatial shape of the patches that training starts from."""
        return (self.preprocessing.crop.size,) * 3

    @property
    def needs_mask(self) -> bool:
        """Whether the source has to bring each subject's tumour mask."""
        return self.preprocessing.mask.method == "provided"

    def for_cohort(self) -> dict[str, Any]:
        """The settings on which the cohort table depends, to be passed to the step ``cohort``."""
        steps = self.preprocessing
        return self.model_dump(mode="json", exclude={"preprocessing"}) | {
            "preprocessing": {
                "registration": {"centre": self.centre},
                "mask": {"method": steps.mask.method},
            }
        }

    def _step(self, name: str) -> dict[str, Any]:
        return getattr(self.preprocessing, name).model_dump(mode="json")

    def for_register(self) -> dict[str, Any]:
        """Settings of the step ``register``."""
        return self._step("registration") | {"centre": self.centre}

    def for_strip(self) -> dict[str, Any]:
        """Settings of the step ``strip``."""
        return self._step("strip")

    def for_mask(self) -> dict[str, Any]:
        """Settings of the step ``mask``."""
        return self._step("mask")

    def for_patch(self) -> dict[str, Any]:
        """Settings of the step ``patch``."""
        return {name: self._step(name) for name in ("scale", "crop")}


class GliomaCohort(Strict):
    """One source of patients with glioma: where it lies and how far its scans are prepared."""

    how_to_get: ClassVar[str]

    path: UserPath = Field(description="folder of the images, as published")
    table: UserPath = Field(description="table of IDH and 1p/19q, as published (CSV)")


class UcsfPdgmCohort(GliomaCohort):
    """UCSF-PDGM (TCIA, doi:10.7937/tcia.bdgf-8v37)."""

    how_to_get: ClassVar[str] = (
        "Download UCSF-PDGM and its metadata from TCIA (doi:10.7937/tcia.bdgf-8v37); set `path` to the folder of the "
        "patients' folders and `table` to the metadata's CSV file."
    )

    adapter: Literal["ucsf_pdgm"]
    name: Name = Field("UCSF", description="name in tables and in `test_cohorts`")
    start: Start = Field("stripped", description="the scans are published in one space, without skull")
    bias_corrected: bool = Field(False, description="take the files that end in _bias.nii.gz")


class EgdCohort(GliomaCohort):
    """Erasmus Glioma Database (doi:10.1016/j.dib.2021.107191)."""

    how_to_get: ClassVar[str] = (
        "The Erasmus MC grants access under a data-use agreement (https://xnat.bmia.nl/data/archive/projects/egd); set "
        "`path` to the folder that holds SUBJECTS and `table` to its genetic and histological labels, saved as CSV."
    )

    adapter: Literal["egd"]
    name: Name = Field("EGD", description="name in tables and in `test_cohorts`")
    start: Start = Field("registered", description="the scans are published in MNI space, with skull, defaced")


class TcgaCohort(GliomaCohort):
    """TCGA-GBM and TCGA-LGG as prepared by Bakas et al. 2017 (doi:10.1038/sdata.2017.117)."""

    how_to_get: ClassVar[str] = (
        "Download the NIfTI files and segmentations of TCGA-GBM (doi:10.7937/K9/TCIA.2017.KLXWJJ1Q) and TCGA-LGG "
        "(doi:10.7937/K9/TCIA.2017.GJQ7R0EF) from TCIA into one folder and set `path` to it; `table` is the table of "
        "molecular subtypes of Ceccarelli et al. 2016 (doi:10.1016/j.cell.2015.12.028), saved as CSV."
    )

    adapter: Literal["tcga"]
    name: Name = Field("TCGA", description="name in tables and in `test_cohorts`")
    start: Start = Field("stripped", description="the scans are published in BraTS space, without skull")


AnyGliomaCohort = Annotated[UcsfPdgmCohort | EgdCohort | TcgaCohort, Field(discriminator="adapter")]


class GliomaSettings(Volumes3D):
    """Adult diffuse glioma from public cohorts, classed by IDH and 1p/19q (WHO 2021)."""

    classes: ClassVar[tuple[str, ...]] = CLASSES

    adapter: Literal["glioma"]
    cohorts: tuple[AnyGliomaCohort, ...] = Field(min_length=1, description="sources of patients")
    test_cohorts: tuple[str, ...] = Field(
        (), description="names of the cohorts that are the test set; none: a random split, stratified by class"
    )

    @model_validator(mode="after")
    def _cohorts_fit(self) -> "GliomaSettings":
        names = [cohort.name for cohort in self.cohorts]
        if len(set(names)) < len(names):
            raise misfit(["cohorts"], "two of them have the same name; give one of them another `name`")
        for name in self.test_cohorts:
            if name not in names:
                raise misfit(["test_cohorts"], f'there is no cohort "{name}".{nearest(name, names)}')
        if set(names) == set(self.test_cohorts):
            raise misfit(["test_cohorts"], "every cohort is listed: none is left for training")
        return self


class Folder3DSettings(Volumes3D):
    """Anyone's volumes, listed in a table with a row per subject."""

    adapter: Literal["folder3d"]
    table: UserPath = Field(
        description="CSV (separated by commas, semicolons or tabs) with the columns subject and class, one per "
        "sequence with a path, and optionally mask, cohort, group (patient), split (train or test) and start"
    )
    root: UserPath | None = Field(None, description="folder that the paths start from; left out: the table's own")
    start: Start = Field(
        "raw",
        description="raw: each sequence on its own grid; registered: aligned with each other; stripped: also without "
        "skull. A column `start` overrides it",
    )
    classes: ClassNames | None = Field(None, description="classes in the order of their labels; left out: alphabetical")
    test_cohorts: tuple[str, ...] = Field((), description="cohorts that are the test set, if the table has no split")


class PhantomPreprocessing(VolumePreprocessing):
    """As for patients, but `registration.samples` is 4000, `strip.method` threshold and `crop.size` 24 by default."""

    registration: RegistrationSettings = Field(
        RegistrationSettings(samples=4000), description="sequences to each other and to the atlas"
    )
    strip: StripSettings = Field(StripSettings(method="threshold"), description="brain extraction")
    crop: CropSettings = Field(CropSettings(size=24), description="patch around the tumour")

    @model_validator(mode="before")
    @classmethod
    def _keep_what_suits(cls, content: Any) -> Any:
        """A step of which some keys are given keeps the phantoms' defaults for the others, not the patients'."""
        if not isinstance(content, dict):
            return content
        ours = {
            name: field.default.model_dump(exclude_unset=True)
            for name, field in cls.model_fields.items()
            if isinstance(field.default, Strict)
        }
        return {
            name: ours[name] | step if name in ours and isinstance(step, dict) else step
            for name, step in content.items()
        }


class MriPhantomSettings(Volumes3D):
    """Generated heads with tumours whose look depends on the class; not patients."""

    classes: ClassVar[tuple[str, ...]] = CLASSES

    adapter: Literal["mri_phantoms"]
    preprocessing: PhantomPreprocessing = Field(PhantomPreprocessing(), description="from scans to patches")
    subjects: int = Field(48, ge=24, description="number of phantoms over three cohorts, the third of them for testing")
    seed: int = Field(0, ge=0, description="seed of the phantoms; the same seed gives the same bytes")
    voxel_mm: float = Field(4, ge=1, le=6, description="edge of a voxel of the atlas and of the raw scans in plane")
    noise: float = Field(0.03, ge=0, le=0.5, description="standard deviation of the noise, as a share of white matter")

    def for_phantoms(self) -> dict[str, Any]:
        """The settings on which the scans depend, to be passed to the step ``phantoms``."""
        return self.model_dump(mode="json", include={"adapter", "subjects", "seed", "voxel_mm", "noise"})
