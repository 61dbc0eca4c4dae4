"""Settings of the datasets of photographs and other 2D images."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from imbalance_aware.class_names import ClassNames
from imbalance_aware.cohort.split_settings import SplitSettings
from imbalance_aware.paths import UserPath
from imbalance_aware.schema import misfit

Pixels = Annotated[int, Field(ge=8, le=4096)]
TableColumn = Literal["path", "class", "split", "group", "cohort"]


class Images2D(SplitSettings):
    """What every dataset of 2D images has."""

    kind: ClassVar[str] = "images"

    image_size: tuple[Pixels, Pixels] = Field(
        (240, 240), description="height and width in pixels to which every image is resized"
    )

    @property
    def training_shape(self) -> tuple[int, ...]:
        """Spatial shape of the images that training starts from."""
        return self.image_size

    def for_cohort(self) -> dict[str, Any]:
        """The settings on which the cohort table depends, to be passed to the step ``cohort``."""
        return self.model_dump(mode="json", exclude={"image_size"})

    def for_resize(self) -> dict[str, Any]:
        """The settings on which the resized images depend, to be passed to the step ``resize``."""
        return self.model_dump(mode="json", include={"image_size", "channels", "max_value"})


class Ahn2018Settings(Images2D):
    """Fundus photographs of Ahn et al. 2018 (doi:10.7910/DVN/1YRRAC): no, early and advanced glaucoma."""

    classes: ClassVar[tuple[str, ...]] = ("no", "early", "advanced")

    adapter: Literal["ahn2018"]
    path: UserPath = Field(description="folder with normal_control, early_glaucoma and advanced_glaucoma")
    split: Literal["authors", "random"] = Field(
        "authors", description="authors: the split that the study's authors published; random: stratified by class"
    )


class FolderSettings(Images2D):
    """Anyone's 2D images, listed in a table with a row per image."""

    adapter: Literal["folder"]
    table: UserPath = Field(
        description="CSV (separated by commas, semicolons or tabs) with the columns path and class, and optionally "
        "split, group (patient) and cohort"
    )
    root: UserPath | None = Field(None, description="folder that the paths start from; left out: the table's own")
    columns: dict[TableColumn, str] = Field(
        default_factory=dict, description="names of the columns that are not called path, class, split, group, cohort"
    )
    classes: ClassNames | None = Field(None, description="classes in the order of their labels; left out: alphabetical")
    split: Literal["table", "random"] | None = Field(
        None, description="the table's split column (train or test), or random; left out: the table's if it has one"
    )
    channels: Literal["rgb", "grey"] = Field(
        "rgb", description="form of the images; others are left out, with the reason in the cohort table"
    )
    max_value: int | None = Field(
        None, ge=1, le=65535, description="for 16-bit images, the value that becomes 1; left out: images are 8-bit"
    )


class FundusPhantomSettings(Images2D):
    """Generated fundus-like photographs in the proportions of Ahn et al. 2018; not patients."""

    classes: ClassVar[tuple[str, ...]] = ("no", "early", "advanced")

    adapter: Literal["fundus_phantoms"]
    subjects: int = Field(360, ge=24, description="number of photographs over all classes")
    seed: int = Field(0, ge=0, description="seed of the photographs; the same seed gives the same bytes")
    image_size: tuple[Pixels, Pixels] = Field(
        (48, 48), description="height and width in pixels at which they are drawn; equal"
    )

    def for_phantoms(self) -> dict[str, Any]:
        """The settings on which the photographs depend, to be passed to the step ``phantoms``."""
        return self.model_dump(mode="json", include={"adapter", "subjects", "seed", "image_size"})

    @model_validator(mode="after")
    def _square(self) -> "FundusPhantomSettings":
        if self.image_size[0] != self.image_size[1]:
            raise misfit(["image_size"], "fundus phantoms are square")
        return self
