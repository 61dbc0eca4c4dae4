"""Synthetic heads with gliomas in raw scans, from three cohorts; not patients."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from imbalance_aware.cohort.split_settings import SPLIT, Cohorts, CohortsSplit, Random, WithCohorts
from imbalance_aware.errors import UserError
from imbalance_aware.phantoms.mri_cohorts import COHORTS, TEST_COHORT
from imbalance_aware.schema import Strict, misfit, nearest
from imbalance_aware.sources.settings_3d import Volumes3D
from imbalance_aware.sources.who2021 import CLASSES
from imbalance_aware.volume_settings import (
    BrainExtractionSettings,
    CropSettings,
    RegistrationSettings,
    VolumePreprocessing,
)

if TYPE_CHECKING:
    import pandas as pd


class PhantomPreprocessing(VolumePreprocessing):
    """As for patients, with different defaults: `registration.samples`, `brain_extraction.method` and `crop.size`."""

    registration: RegistrationSettings = Field(
        RegistrationSettings(samples=4000), description="registration of sequences to each other and to the atlas"
    )
    brain_extraction: BrainExtractionSettings = Field(
        BrainExtractionSettings(method="threshold"), description="brain extraction"
    )
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


class Settings(WithCohorts, Volumes3D):
    """Synthetic heads with tumours that look different in each class; not patients."""

    classes: ClassVar[tuple[str, ...]] = CLASSES
    licence: ClassVar[str] = "none needed: drawn by this workflow, no data of patients"

    adapter: Literal["mri_phantoms"]
    preprocessing: PhantomPreprocessing = Field(PhantomPreprocessing(), description="from scans to patches")
    split: CohortsSplit = Field(Cohorts(test_cohorts=(TEST_COHORT,)), description=SPLIT)
    subjects: int = Field(48, ge=24, description="number of phantoms over the cohorts " + ", ".join(COHORTS))
    seed: int = Field(0, ge=0, description="seed of the phantoms; the same seed gives the same bytes")
    voxel_mm: float = Field(4, ge=1, le=6, description="edge of a voxel of the atlas and of the raw scans in plane")
    noise: float = Field(0.03, ge=0, le=0.5, description="standard deviation of the noise, as a share of white matter")

    @model_validator(mode="after")
    def _cohorts_exist(self) -> "Settings":
        for name in self.split.test_cohorts if isinstance(self.split, Cohorts) else ():
            if name not in COHORTS:
                raise misfit(["split", "test_cohorts"], f'there is no cohort "{name}".{nearest(name, COHORTS)}')
        return self

    def cohort_names(self) -> list[str]:
        """Names of all cohorts."""
        return list(COHORTS)

    def for_phantoms(self) -> dict[str, Any]:
        """The settings on which the scans depend, to be passed to the step ``phantoms``."""
        return self.model_dump(mode="json", include={"adapter", "subjects", "seed", "voxel_mm", "noise"})


def fingerprint(settings: Settings) -> str:
    """Nothing: the workflow makes the source, from the settings."""
    return ""


def find(settings: Settings, source: Path | None) -> "pd.DataFrame":
    """The table of subjects: the phantoms in ``source``, the folder that `write` made.

    Raises:
        UserError: no such folder was named.
    """
    from imbalance_aware.phantoms.mri import TABLE
    from imbalance_aware.sources import folder3d

    if source is None:
        raise UserError("mri_phantoms: name the folder that the step `phantoms` wrote: --source DIR")
    return folder3d.find(
        folder3d.Settings(
            adapter="folder3d",
            table=source / TABLE,
            sequences=settings.sequences,
            preprocessing=settings.preprocessing,
            classes=settings.classes,
            split=Random(),  # said by the settings of the phantoms, not by the table
        )
    )


def write(settings: Settings, folder: Path) -> None:
    """Draw the phantoms into ``folder``."""
    from imbalance_aware.phantoms import mri

    mri.write(settings, folder)
