"""Decoding: what is stored comes back value for value, and everything else is refused with its reason."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage.transform import resize as skimage_resize

from imbalance_aware.cohort.image_checks import check_images
from imbalance_aware.images import BadImage, pixel_sha256, read_image, resize, to_channels

RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (24, 20, 3), dtype=np.uint8)
GREY = COLOUR[..., 0]
DEEP = RANDOM.integers(0, 65536, (24, 20), dtype=np.uint16)
ALPHA = np.dstack([COLOUR, np.full((24, 20), 255, np.uint8)])


def save(path: Path, pixels: np.ndarray, **options) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
@pytest.mark.parametrize("pixels", [COLOUR, GREY, DEEP, ALPHA], ids=["colour", "grey", "16 bit", "alpha"])
def test_lossless_files_come_back_as_stored(tmp_path, suffix, pixels):
    if suffix == ".bmp" and (pixels is DEEP or pixels is ALPHA):
        pytest.skip("Pillow writes neither 16-bit greyscale nor alpha to BMP")
    image = read_image(save(tmp_path / f"image{suffix}", pixels))
    assert image.dtype == pixels.dtype
    np.testing.assert_array_equal(image, pixels)


def test_a_palette_stands_for_its_colours(tmp_path):
    few = (COLOUR // 128) * 127
    Image.fromarray(few).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "palette.png")
    assert Image.open(tmp_path / "palette.png").mode == "P"
    np.testing.assert_array_equal(read_image(tmp_path / "palette.png"), few)


def test_black_and_white_becomes_0_and_255(tmp_path):
    Image.fromarray(GREY > 127).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(read_image(tmp_path / "bits.png"), np.where(GREY > 127, 255, 0))


def test_the_orientation_noted_by_a_camera_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    path = save(tmp_path / "turned.png", COLOUR, exif=exif)
    np.testing.assert_array_equal(read_image(path), np.rot90(COLOUR, -1))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.95])
def test_a_truncated_file_is_refused(tmp_path, suffix, share):
    path = save(tmp_path / f"image{suffix}", COLOUR)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(BadImage, match="unreadable"):
        read_image(path)


@given(data=st.data())
def test_no_flipped_bit_in_a_png_passes_unnoticed(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("bits") / "image.png"
    content = bytearray(save(path, COLOUR).read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        image = read_image(path)
    except BadImage:
        return
    np.testing.assert_array_equal(image, COLOUR)


def test_text_named_png_is_refused(tmp_path):
    (tmp_path / "image.png").write_text("not an image")
    with pytest.raises(BadImage, match="not an image file"):
        read_image(tmp_path / "image.png")


def test_postscript_is_not_handed_to_an_interpreter(tmp_path, monkeypatch):
    from PIL import EpsImagePlugin

    Image.new("RGB", (20, 20)).save(tmp_path / "x.png", format="EPS")
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *args: pytest.fail("Ghostscript was called"))
    with pytest.raises(BadImage, match="not an image file of a known format"):
        read_image(tmp_path / "x.png")


def test_missing_files_and_folders_are_refused_without_their_path(tmp_path):
    with pytest.raises(BadImage, match="missing: no such file"):
        read_image(tmp_path / "image.png")
    with pytest.raises(BadImage, match="Is a directory") as bad:
        read_image(tmp_path)
    assert str(tmp_path) not in str(bad.value)


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and holds no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in (header, b"IDAT")
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("width", "height", "found"), [(17000, 11000, "187"), (178_000_001, 8, "1424"), (13342, 13342, "178.01")]
)
def test_an_image_too_large_for_memory_is_refused_in_plain_words(tmp_path, width, height, found):
    (tmp_path / "slide.png").write_bytes(png_header(width, height))
    with pytest.raises(BadImage) as bad:
        read_image(tmp_path / "slide.png")
    most = "178.00" if "." in found else "178"
    assert str(bad.value) == (
        f"too large: {width}x{height} pixels are {found} megapixels, at most {most} are read; save it smaller"
    )


def test_large_images_below_the_limit_are_read_without_a_word(tmp_path, recwarn):
    Image.new("1", (10000, 9000), 1).save(tmp_path / "large.bmp")
    assert read_image(tmp_path / "large.bmp").shape == (9000, 10000)
    assert not recwarn.list, "Pillow warns from 89 megapixels on"


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 7)])
def test_an_image_of_hardly_any_pixels_is_refused(tmp_path, size):
    Image.new("RGB", size, (200, 30, 40)).save(tmp_path / "dot.png")
    with pytest.raises(BadImage, match=f"too small: {size[0]}x{size[1]} pixels, at least 8x8 are needed"):
        read_image(tmp_path / "dot.png")


@pytest.mark.parametrize(("colour", "blank"), [((200, 30, 40), True), ((0, 0, 0), True), (None, False)])
def test_one_colour_everywhere_is_blank_whatever_the_colour(tmp_path, colour, blank):
    image = Image.fromarray(COLOUR) if colour is None else Image.new("RGB", (24, 20), colour)
    image.save(tmp_path / "image.png")
    subjects = pd.DataFrame({"image": [str(tmp_path / "image.png")], "excluded": ""})
    assert check_images(subjects)["excluded"].tolist() == ["blank: all pixels are equal" if blank else ""]


def test_16_bit_colour_is_refused_rather_than_cut_to_8_bits(tmp_path):
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + np.full(24, 1000, ">u2").tobytes() for _ in range(8))
    header = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    (tmp_path / "deep.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    assert np.asarray(Image.open(tmp_path / "deep.png")).dtype == np.uint8, "Pillow alone drops half of the bits"
    with pytest.raises(BadImage, match="16 bits per colour channel"):
        read_image(tmp_path / "deep.png")


def test_forms_that_would_lose_values_are_refused(tmp_path):
    Image.fromarray(COLOUR).convert("CMYK").save(tmp_path / "print.jpg")
    with pytest.raises(BadImage, match="pixel format: CMYK"):
        read_image(tmp_path / "print.jpg")
    save(tmp_path / "float.tif", GREY.astype(np.float32))
    with pytest.raises(BadImage, match="pixel format: F"):
        read_image(tmp_path / "float.tif")
    Image.fromarray(GREY).save(tmp_path / "stack.tif", save_all=True, append_images=[Image.fromarray(GREY)])
    with pytest.raises(BadImage, match="several images in one file: 2"):
        read_image(tmp_path / "stack.tif")


def test_pixel_sums_ignore_the_encoding_but_not_shape_or_type(tmp_path):
    png, bmp = read_image(save(tmp_path / "a.png", COLOUR)), read_image(save(tmp_path / "a.bmp", COLOUR))
    assert pixel_sha256(png) == pixel_sha256(bmp)
    sums = {pixel_sha256(pixels) for pixels in (GREY, GREY.T.copy(), GREY.reshape(20, 24), GREY.astype(np.uint16))}
    assert len(sums) == 4


def test_colour_dataset_takes_colour_and_drops_opaque_alpha_only():
    np.testing.assert_array_equal(to_channels(COLOUR), COLOUR.transpose(2, 0, 1))
    np.testing.assert_array_equal(to_channels(ALPHA), COLOUR.transpose(2, 0, 1))
    transparent = ALPHA.copy()
    transparent[3, 4, 3] = 254
    with pytest.raises(BadImage, match="transparency"):
        to_channels(transparent)


def test_grey_dataset_takes_grey_and_colour_without_colour():
    np.testing.assert_array_equal(to_channels(GREY, "grey"), GREY[None])
    np.testing.assert_array_equal(to_channels(np.dstack([GREY] * 3), "grey"), GREY[None])


@pytest.mark.parametrize(
    ("pixels", "channels", "max_value", "setting"),
    [
        (GREY, "rgb", None, "channels: grey"),
        (COLOUR, "grey", None, "channels: rgb"),
        (DEEP, "grey", None, "max_value"),
        (GREY, "grey", 4095, "max_value"),
        (DEEP, "grey", 4095, "exceeds `max_value` 4095"),
    ],
)
def test_another_form_is_refused_with_the_setting_that_admits_it(pixels, channels, max_value, setting):
    with pytest.raises(BadImage, match=setting):
        to_channels(pixels, channels, max_value)


def test_16_bit_images_are_scaled_by_the_value_given():
    scaled = to_channels(DEEP, "grey", 65535)
    assert scaled.shape == (1, 24, 20)
    np.testing.assert_allclose(scaled[0], DEEP / 65535, rtol=1e-6)
    np.testing.assert_allclose(resize(scaled, (24, 20))[0], DEEP / 65535, atol=2**-11)


def test_resize_keeps_images_of_the_right_size_and_is_skimage_otherwise():
    image = to_channels(COLOUR)
    np.testing.assert_array_equal(resize(image, (24, 20)), image)
    smaller = resize(image, (9, 11))
    assert smaller.dtype == np.uint8
    expected = skimage_resize(COLOUR / 255, (9, 11), order=1, anti_aliasing=True)
    np.testing.assert_allclose(smaller.transpose(1, 2, 0) / 255, expected, atol=0.5 / 255 + 1e-9)


@given(height=st.integers(8, 40), width=st.integers(8, 40))
def test_resized_16_bit_images_stay_in_range(height, width):
    resized = resize(to_channels(DEEP, "grey", 65535), (height, width))
    assert resized.dtype == np.float16
    assert resized.shape == (1, height, width)
    assert resized.min() >= 0
    assert resized.max() <= 1
