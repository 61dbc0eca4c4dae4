"""Synthetic fundus photographs in the proportions of Ahn et al. 2018; not patients."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from imbalance_aware.cohort.split_settings import Random
from imbalance_aware.errors import UserError
from imbalance_aware.schema import misfit
from imbalance_aware.sources.settings_2d import Images2D, Pixels

if TYPE_CHECKING:
    import pandas as pd


class Settings(Images2D):
    """Synthetic fundus photographs in the proportions of Ahn et al. 2018; not patients."""

    classes: ClassVar[tuple[str, ...]] = ("no", "early", "advanced")
    licence: ClassVar[str] = "none needed: drawn by this workflow, no data of patients"

    adapter: Literal["fundus_phantoms"]
    subjects: int = Field(360, ge=24, description="number of photographs over all classes")
    seed: int = Field(0, ge=0, description="seed of the photographs; the same seed gives the same bytes")
    image_size: tuple[Pixels, Pixels] = Field(
        (48, 48), description="height and width in pixels of the phantoms; must be equal"
    )

    def for_phantoms(self) -> dict[str, Any]:
        """The settings on which the photographs depend, to be passed to the step ``phantoms``."""
        return self.model_dump(mode="json", include={"adapter", "subjects", "seed", "image_size"})

    @model_validator(mode="after")
    def _square(self) -> "Settings":
        if self.image_size[0] != self.image_size[1]:
            raise misfit(["image_size"], "fundus phantoms are square")
        return self


def fingerprint(settings: Settings) -> str:
    """Nothing: the workflow makes the source, from the settings."""
    return ""


def find(settings: Settings, source: Path | None) -> "pd.DataFrame":
    """The table of subjects: the phantoms in ``source``, the folder that `write` made.

    Raises:
        UserError: no such folder was named.
    """
    from imbalance_aware.phantoms.fundus import TABLE
    from imbalance_aware.sources import folder

    if source is None:
        raise UserError("fundus_phantoms: name the folder that the step `phantoms` wrote: --source DIR")
    listed = folder.Settings(adapter="folder", table=source / TABLE, classes=settings.classes, split=Random())
    return folder.find(listed)


def write(settings: Settings, folder: Path) -> None:
    """Draw the phantoms into ``folder``."""
    from imbalance_aware.phantoms import fundus

    fundus.write(settings, folder)
