"""Draw the quality control picture of one subject: three planes through the middle of its patch, every sequence, scaled
to [0, 1], with the outline of the tumour (orange) and of the patch (blue).

A subject that failed after registration has to be judged by a person: the picture shows its scans placed in the atlas,
through the middle of the tumour or else of the brain, with the outlines of the brain (green) and of the tumour if they
were found, and the reason. For a subject that failed before, the picture shows only the reason.
"""

import logging
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imbalance_aware.files import atomic
from imbalance_aware.nifti import read_mask, read_volume
from imbalance_aware.preprocessing.crop import centre_of_mass
from imbalance_aware.preprocessing.registration import resample
from imbalance_aware.preprocessing.scans_to_patch import SubjectFiles
from imbalance_aware.preprocessing.subject_step import warnings_of
from imbalance_aware.volumes import BadVolume, Volume, reorient

log = logging.getLogger(__name__)

Report = Mapping[str, Any]

ORANGE, BLUE, GREEN, GREY = (230, 159, 0), (86, 180, 233), (0, 158, 115), (190, 190, 190)
PLANES = ("axial", "coronal", "sagittal")
#: Least width of a panel, height of a line of text, and width that a character takes at most on average, in pixels.
PANEL, LINE, CHARACTER = 200, 15, 7
GAP = 4
#: Share of intensities of an unprocessed scan that become white.
TAIL = 0.005


def write_picture(path: Path, picture: Image.Image) -> None:
    """Write a picture in a palette of its own, so that few bytes hold it."""
    with atomic(path) as temporary:
        picture.quantize(palette=_palette(), dither=Image.Dither.NONE).save(temporary, optimize=True)


def _palette() -> Image.Image:
    """Grey levels and the colours, those of text in shades: an adaptive palette drops colours that few pixels have."""
    greys = [(level, level, level) for level in range(0, 256, 2)]
    shades = [tuple(part * share // 8 for part in ORANGE) for share in range(1, 9)]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in (*greys, (255, 255, 255), *shades, BLUE, GREEN) for part in colour])
    return palette


def draw(report: Report, channels: Mapping[str, np.ndarray], tumour: np.ndarray, size: int) -> Image.Image:
    """The picture of a subject that passed.

    Args:
        report: of all steps.
        channels: sequence -> (x, y, z), scaled to [0, 1].
        tumour: mask of the same shape.
        size: edge of the patch in voxels.
    """
    centre = report["steps"]["crop"]["centre_voxel"]
    outlines = [(tumour, ORANGE), (_box(tumour.shape, centre, size), BLUE)]
    return _with_header(report, lambda: _planes(channels, outlines, centre))


def draw_failed(report: Report, files: SubjectFiles) -> Image.Image:
    """The picture of a subject that failed."""
    matrices = report["steps"].get("register", {}).get("matrices")
    return _with_header(report, (lambda: _draw_scans(matrices, files)) if matrices else _blank)


def _blank() -> Image.Image:
    return Image.new("RGB", (PANEL * 3, 1))


def _draw_scans(matrices: Mapping[str, list], files: SubjectFiles) -> Image.Image:
    """Scans placed in the atlas, and the masks that were found."""
    atlas = reorient(read_volume(files.atlas_brain))
    nothing = np.zeros(atlas.shape, bool)
    brain, tumour = (
        read_mask(path).array if path.stat().st_size > 0 else nothing for path in (files.brain, files.tumour)
    )
    found = next((mask for mask in (tumour, brain) if mask.any()), ~nothing)
    channels = {name: _on_atlas(path, matrices[name], atlas) for name, path in files.scans.items()}
    return _planes(channels, [(brain, GREEN), (tumour, ORANGE)], centre_of_mass(found).tolist())


def _on_atlas(path: Path, matrix: list, atlas: Volume) -> np.ndarray:
    """One scan on the atlas's grid, 0 to its bright tail as [0, 1]; black if it cannot be read."""
    try:
        values = resample(read_volume(path), atlas, np.array(matrix)).array
    except BadVolume:
        return np.zeros(atlas.shape, np.float32)
    shown = values[values > 0]
    return values / max(float(np.quantile(shown, 1 - TAIL)) if shown.size else 0.0, 1e-6)


def _planes(channels: Mapping[str, np.ndarray], outlines: list, centre: list[int]) -> Image.Image:
    """Three planes of every sequence.

    Args:
        channels: name -> (x, y, z) in [0, 1].
        outlines: masks (x, y, z) with their colours, the last on top.
        centre: voxel through which the planes pass.
    """
    rows = []
    for plane in range(3):
        panels = [
            _panel(values, outlines, centre, plane, name if plane == 0 else "") for name, values in channels.items()
        ]
        rows.append(np.hstack(panels))
    width = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((0, GAP), (0, width - row.shape[1]), (0, 0))) for row in rows]
    return Image.fromarray(np.vstack(rows))


def _plane(values: np.ndarray, centre: list[int], plane: int) -> np.ndarray:
    """Slice through ``centre`` as radiologists look at it: patient's left on the right, front or head on top."""
    x, y, z = centre
    return (values[:, :, z].T, values[:, y, ::-1].T, values[x, :, ::-1].T)[plane]


def _panel(values: np.ndarray, outlines: list, centre: list[int], plane: int, label: str) -> np.ndarray:
    """One sequence in one plane, RGB uint8."""
    grey, *masks = (_plane(part, centre, plane) for part in (values, *(mask for mask, _ in outlines)))
    factor = max(1, -(-PANEL // grey.shape[1]))
    grey, *masks = (np.repeat(np.repeat(part, factor, axis=0), factor, axis=1) for part in (grey, *masks))
    image = np.repeat(np.clip(grey * 255, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    for mask, (_, colour) in zip(masks, outlines, strict=True):
        image[_outline(mask)] = colour
    canvas = Image.fromarray(np.pad(image, ((0, 0), (0, GAP), (0, 0))))
    if label:
        ImageDraw.Draw(canvas).text((4, 2), label, fill=(255, 255, 255), font=ImageFont.load_default(13))
    return np.asarray(canvas)


def _box(shape: tuple[int, ...], centre: list[int], size: int) -> np.ndarray:
    box = np.zeros(shape, bool)
    box[tuple(slice(max(0, middle - size // 2), max(0, middle - size // 2 + size)) for middle in centre)] = True
    return box


def _outline(mask: np.ndarray) -> np.ndarray:
    """Pixels of a mask that have a neighbour outside it."""
    padded = np.pad(mask, 1)
    inner = padded[2:, 1:-1] & padded[:-2, 1:-1] & padded[1:-1, 2:] & padded[1:-1, :-2]
    return mask & ~inner


def _with_header(report: Report, planes: Callable[[], Image.Image]) -> Image.Image:
    """What ``planes`` draws below the report in words; what cannot be drawn is left out, because a picture must not
    stop the workflow."""
    try:
        picture = planes()
    except Exception:
        log.exception("%s: its sequences cannot be drawn", report["subject"])
        picture = _blank()
    lines = _header(report, picture.width // CHARACTER)
    result = Image.new("RGB", (picture.width, picture.height + LINE * len(lines) + 6))
    result.paste(picture, (0, LINE * len(lines) + 6))
    pen = ImageDraw.Draw(result)
    for number, (line, colour) in enumerate(lines):
        pen.text((4, 3 + number * LINE), line, fill=colour, font=ImageFont.load_default(12))
    return result


def _header(report: Report, characters: int) -> list[tuple[str, tuple[int, int, int]]]:
    """Lines of text, none longer than ``characters``, and their colours."""
    strip, mask = (report["steps"].get(step, {}) for step in ("strip", "mask"))
    measured, reason = [], []
    if failed := report["failed"]:
        reason = textwrap.wrap(f"excluded at the step {failed['step']}: {failed['reason']}", characters)
    for text in warnings_of(report):
        reason += textwrap.wrap(f"look at this: {text}", characters)
    # A step that failed may still have some of its measures.
    if "edge_match" in strip:
        alike = ", ".join(f"{name} {value:.2f}" for name, value in strip["edge_match"].items())
        measured.append(f"brain {strip['brain_ml']:.0f} ml, overlap with the atlas {strip['atlas_overlap']:.2f}")
        measured.append(f"edges match the reference sequence's: {alike}")
    if "tumour_ml" in mask:
        measured.append(f"tumour {mask['tumour_ml']:.1f} ml, {mask['inside_brain']:.0%} of it inside the brain")
    return [(report["subject"], GREY), *((line, ORANGE) for line in reason), *((line, GREY) for line in measured)]
