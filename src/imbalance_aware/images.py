"""Reading 2D images: every pixel is decoded, and nothing is converted silently."""

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np

from imbalance_aware.limits import apart

Channels = Literal["rgb", "grey"]

#: How Pillow's modes are kept; a mode that is not here has no form that keeps every value.
KEPT_AS = {"1": "L", "L": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA", "P": "RGB", "PA": "RGBA"}


#: Pixels of the largest image that is read, close to Pillow's own limit (178 956 970): larger ones take gigabytes.
MOST_PIXELS = 178_000_000
#: Least height and width of an image, in pixels.
LEAST_EDGE = 8
#: Formats that are read. Pillow would hand PostScript to Ghostscript, if that is installed and so run a file.
FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")


class BadImage(Exception):
    """An image that cannot be used; the message is the reason, fit for a table: ``kind: detail``."""


def read_image(path: str | Path) -> np.ndarray:
    """Decode a whole image file as it is stored.

    A palette is resolved to its colours, and the orientation noted by the camera is applied; both keep every value.

    Returns:
        (H, W), (H, W, 2) grey with alpha, (H, W, 3) or (H, W, 4), uint8; or (H, W) uint16.

    Raises:
        BadImage: the file is missing, no image, damaged, holds several images, is too small or too large, or has a
            form whose values would have to change (16 bits per colour channel, floating point, CMYK).
    """
    from PIL import Image, ImageOps

    # Pillow's own limit warns at half of its size and speaks of attacks; `_check_size` comes before any decoding.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(path, formats=FORMATS) as image:
            _check_size(*image.size)
            frames = getattr(image, "n_frames", 1)
            if frames > 1:
                raise BadImage(f"several images in one file: {frames}")
            mode = _kept_mode(image)
            image.load()
            upright = ImageOps.exif_transpose(image)
            return np.asarray(upright if upright.mode == mode else upright.convert(mode))
    except FileNotFoundError:
        raise BadImage("missing: no such file") from None
    except Image.UnidentifiedImageError:
        raise BadImage(f"unreadable: not an image file of a known format ({', '.join(FORMATS)})") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        # `strerror` leaves out the path, which the table has already.
        raise BadImage(f"unreadable: {getattr(error, 'strerror', None) or error}") from None


def _check_size(width: int, height: int) -> None:
    """Refuse images that are too small or too large."""
    if min(width, height) < LEAST_EDGE:
        raise BadImage(f"too small: {width}x{height} pixels, at least {LEAST_EDGE}x{LEAST_EDGE} are needed")
    if width * height > MOST_PIXELS:
        found, most = apart(width * height / 1e6, MOST_PIXELS / 1e6, decimals=0)
        raise BadImage(
            f"too large: {width}x{height} pixels are {found} megapixels, at most {most} are read; save it smaller"
        )


def _kept_mode(image) -> str:
    """Pillow's mode in which ``image`` keeps every value."""
    if image.mode in ("I;16", "I;16B", "I;16L"):
        return "I;16"
    # Pillow silently reads 16-bit colour as 8 bits; only the decoder's arguments show it.
    if any(";16" in str(tile[3]) for tile in image.tile):
        raise BadImage("16 bits per colour channel: not supported, save it with 8 bits per channel")
    if image.mode == "P" and "transparency" in image.info:
        return "RGBA"
    if image.mode not in KEPT_AS:
        raise BadImage(f"pixel format: {image.mode} is not supported, save it as 8-bit RGB or 8/16-bit greyscale")
    return KEPT_AS[image.mode]


def pixel_sha256(image: np.ndarray) -> str:
    """SHA-256 of shape, type and values, so that two files with the same pixels share it whatever their encoding."""
    header = f"{image.dtype.str}{image.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(image).tobytes()).hexdigest()


def to_channels(image: np.ndarray, channels: Channels = "rgb", max_value: int | None = None) -> np.ndarray:
    """Convert a decoded image to a dataset's form if nothing is lost.

    Only two such conversions are made: an alpha channel that is opaque everywhere is dropped, and in a grey dataset a
    colour image with three equal channels becomes one channel.

    Args:
        image: as from `read_image`.
        channels: what the dataset's images have.
        max_value: for 16-bit images, the value that becomes 1; None in a dataset of 8-bit images.

    Returns:
        (C, H, W), C = 3 or 1: uint8 (v / 255), or float32 in [0, 1] (v / max_value).

    Raises:
        BadImage: the image has another form; the reason names the setting that would accept it.
    """
    image = _without_alpha(image if image.ndim == 3 else image[..., np.newaxis])
    image = _with_channels(np.moveaxis(image, -1, 0), channels)
    if max_value is None:
        if image.dtype != np.uint8:
            raise BadImage("16-bit image: in an 8-bit dataset, `max_value` (such as 4095 or 65535) would admit it")
        return np.ascontiguousarray(image)
    if image.dtype == np.uint8:
        raise BadImage("8-bit image: in a 16-bit dataset, leaving out `max_value` would admit it")
    if image.max() > max_value:
        raise BadImage(f"16-bit image: its value {image.max()} exceeds `max_value` {max_value}")
    return image.astype(np.float32) / np.float32(max_value)


def _without_alpha(image: np.ndarray) -> np.ndarray:
    if image.shape[-1] in (1, 3):
        return image
    if (image[..., -1] < 255).any():
        raise BadImage("transparency: flatten the image onto a background")
    return image[..., :-1]


def _with_channels(image: np.ndarray, channels: Channels) -> np.ndarray:
    count = len(image)
    if channels == "rgb" and count == 1:
        raise BadImage("greyscale image: in a colour dataset, `channels: grey` would admit greyscale images")
    if channels == "grey" and count == 3:
        if not (np.array_equal(image[0], image[1]) and np.array_equal(image[0], image[2])):
            raise BadImage("colour image: in a grey dataset, `channels: rgb` would admit colour images")
        return image[:1]
    return image


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize (C, H, W) to ``size`` = (height, width) with anti-aliasing (`skimage.transform.resize`, linear).

    uint8 stays uint8 (rounded); anything else becomes float16. An image that has the size already keeps its
    values.
    """
    eight_bit = image.dtype == np.uint8
    if image.shape[1:] != tuple(size):
        from skimage.transform import resize as skimage_resize

        resized = [
            skimage_resize(channel.astype(np.float64), size, order=1, anti_aliasing=True, preserve_range=True)
            for channel in image
        ]
        image = np.stack(resized)
    return np.rint(image).astype(np.uint8) if eight_bit else image.astype(np.float16)
