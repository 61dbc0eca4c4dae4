"""Settings of the preprocessing of 2D images."""

from typing import Annotated, Literal

from pydantic import Field

from imbalance_aware.schema import Strict


class ResizeSettings(Strict):
    """Form of resized images: size in pixels (height, width), channels, and the value that becomes 1."""

    image_size: tuple[Annotated[int, Field(ge=8)], Annotated[int, Field(ge=8)]]
    channels: Literal["rgb", "grey"] = "rgb"
    max_value: Annotated[int, Field(ge=1, le=65535)] | None = None
