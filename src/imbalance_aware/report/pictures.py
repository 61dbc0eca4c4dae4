"""Pictures as ``data:`` URIs, scaled down, so that a page holds them itself."""

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

from imbalance_aware.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

#: Quality of WebP from 0 to 100; drawings need more than photographs.
QUALITY = 80


def data_uri(picture: "Path | str | np.ndarray", longest_side_px: int, quality: int = QUALITY) -> str:
    """A picture as WebP in a ``data:`` URI, scaled down where it is larger.

    Args:
        picture: a file, or pixels of uint8 as ``(height, width)`` or ``(height, width, 3)``.
        longest_side_px: what its longer side has at most.
        quality: from 0 to 100.

    Raises:
        UserError: there is no such file, or it is no picture; the message names it.
    """
    from PIL import Image

    image = _open(picture)
    if max(image.size) > longest_side_px:
        image.thumbnail((longest_side_px, longest_side_px), Image.Resampling.LANCZOS)
    memory = io.BytesIO()
    image.save(memory, format="WEBP", quality=quality, method=2)
    return uri(memory.getvalue(), "image/webp")


def picture_size_px(path: Path) -> tuple[int, int]:
    """Width and height of a picture.

    Raises:
        UserError: there is no such file, or it is no picture; the message names it.
    """
    return _open(path).size


def uri(content: bytes, kind: str) -> str:
    """A file's content as a ``data:`` URI; ``kind`` is its media type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _open(picture: "Path | str | np.ndarray") -> "Image.Image":
    from PIL import Image

    if not isinstance(picture, (str, Path)):
        return Image.fromarray(picture).convert("RGB")
    try:
        with Image.open(picture) as image:
            return image.convert("RGB")
    except FileNotFoundError:
        raise UserError(f"{picture}: no such file") from None
    except OSError as error:
        raise UserError(f"{picture}: not a picture that can be read: {error}") from None
