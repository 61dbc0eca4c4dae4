"""Settings of all sources of photographs or other 2D images."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from imbalance_aware.cohort.split_settings import SplitSettings
from imbalance_aware.sources.class_context import KEYS, ClassContext

Pixels = Annotated[int, Field(ge=8, le=4096)]


class Images2D(ClassContext, SplitSettings):
    """What every dataset of 2D images has."""

    kind: ClassVar[str] = "images"

    image_size: tuple[Pixels, Pixels] = Field(
        (240, 240), description="height and width in pixels to which every image is resized"
    )

    @property
    def training_shape(self) -> tuple[int, ...]:
        """Spatial shape of the images that training starts from."""
        return self.image_size

    @property
    def training_channels(self) -> int:
        """Channels of these images."""
        return 1 if getattr(self, "channels", "rgb") == "grey" else 3

    def for_cohort(self) -> dict[str, Any]:
        """The settings on which the cohort table depends, to be passed to the step ``cohort``."""
        kept = self.model_dump(mode="json", exclude={"image_size", "split", *KEYS})
        return kept | {"split": self.split_for_cohort()}

    def for_resize(self) -> dict[str, Any]:
        """The settings on which the resized images depend, to be passed to the step ``resize``."""
        return self.model_dump(mode="json", include={"image_size", "channels", "max_value"})
