"""Draw what was made of one subject: three planes through the middle of its patch, every sequence, scaled to [0, 1],
with the outline of the tumour (orange) and of the patch (blue).

Of a subject that failed, what there is is shown, with the reason. The axial slice is written as numbers too, for
figures that are drawn when all subjects are prepared; of a subject that failed, that file is empty.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imbalance_aware.files import atomic
from imbalance_aware.preprocessing.axial_slice import write_axial_slice
from imbalance_aware.preprocessing.subject_step import read_report
from imbalance_aware.volumes import read_channels, read_mask

ORANGE, BLUE, GREY = (230, 159, 0), (86, 180, 233), (190, 190, 190)
PLANES = ("axial", "coronal", "sagittal")
#: Least width of a panel, and heights of the lines of text, in pixels.
PANEL, HEADER, LINE = 200, 40, 15
GAP = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--sequences", nargs="+", required=True, help="names along the volumes' fourth axis")
    parser.add_argument("--volumes", type=Path, required=True, help="scaled volumes")
    parser.add_argument("--tumour", type=Path, required=True, help="tumour mask")
    parser.add_argument("--size", type=int, required=True, help="edge of the patch in voxels")
    parser.add_argument("--previous", type=Path, required=True, help="report of the step crop")
    parser.add_argument("--out", type=Path, required=True, help="picture to write (.png)")
    parser.add_argument("--slices", type=Path, required=True, help="axial slices to write (.npz)")


def run(args: argparse.Namespace) -> None:
    """Write the picture and the slices."""
    report = read_report(args.previous)
    picture = draw(report, args.volumes, args.tumour, args.sequences, args.size)
    with atomic(args.out) as path:
        picture.quantize(128).save(path, optimize=True)
    with atomic(args.slices) as path:
        if not report["failed"]:
            volumes, tumour = read_channels(args.volumes).array, read_mask(args.tumour).array
            write_axial_slice(path, volumes, tumour, report["steps"]["crop"]["centre_voxel"], args.size)


def draw(report: dict[str, Any], volumes: Path, tumour: Path, sequences: list[str], size: int) -> Image.Image:
    """The picture of one subject, from its last report and its files (empty where it failed before)."""
    if not _there(volumes):
        return _with_header(Image.new("RGB", (PANEL * 3, 1)), report)
    array = read_channels(volumes).array
    mask = read_mask(tumour).array if _there(tumour) else np.zeros(array.shape[:3], bool)
    centre = report["steps"].get("crop", {}).get("centre_voxel") or [side // 2 for side in array.shape[:3]]
    rows = []
    for plane in range(3):
        panels = [
            _panel(array[..., channel], mask, centre, size, plane, name if plane == 0 else "")
            for channel, name in enumerate(sequences)
        ]
        rows.append(np.hstack(panels))
    width = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((0, GAP), (0, width - row.shape[1]), (0, 0))) for row in rows]
    return _with_header(Image.fromarray(np.vstack(rows)), report)


def _there(path: Path) -> bool:
    return path.stat().st_size > 0


def _plane(values: np.ndarray, centre: list[int], plane: int) -> np.ndarray:
    """Slice through ``centre`` as radiologists look at it: patient's left on the right, front or head on top."""
    x, y, z = centre
    return (values[:, :, z].T, values[:, y, ::-1].T, values[x, :, ::-1].T)[plane]


def _panel(values: np.ndarray, mask: np.ndarray, centre: list[int], size: int, plane: int, label: str) -> np.ndarray:
    """One sequence in one plane, RGB uint8."""
    slices = [_plane(part, centre, plane) for part in (values, mask, _box(values.shape, centre, size))]
    factor = max(1, -(-PANEL // slices[0].shape[1]))
    grey, tumour, patch = (np.repeat(np.repeat(part, factor, axis=0), factor, axis=1) for part in slices)
    image = np.repeat(np.clip(grey * 255, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    image[_outline(tumour)] = ORANGE
    image[_outline(patch)] = BLUE
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


def _with_header(picture: Image.Image, report: dict[str, Any]) -> Image.Image:
    lines = _header(report)
    result = Image.new("RGB", (picture.width, picture.height + LINE * len(lines) + 6))
    result.paste(picture, (0, LINE * len(lines) + 6))
    pen = ImageDraw.Draw(result)
    for number, line in enumerate(lines):
        colour = ORANGE if report["failed"] and number == 1 else GREY
        pen.text((4, 3 + number * LINE), line, fill=colour, font=ImageFont.load_default(12))
    return result


def _header(report: dict[str, Any]) -> list[str]:
    strip, mask = (report["steps"].get(step, {}) for step in ("strip", "mask"))
    lines = [report["subject"]]
    if report["failed"]:
        lines.append(f"left out at the step {report['failed']['step']}: {report['failed']['reason']}")
    if strip:
        alike = ", ".join(f"{name} {value:.2f}" for name, value in strip["similarity"].items())
        lines.append(f"brain {strip['brain_ml']:.0f} ml, overlap with the atlas {strip['atlas_overlap']:.2f}")
        lines.append(f"similarity to the centre sequence: {alike}")
    if mask:
        lines.append(f"tumour {mask['tumour_ml']:.1f} ml, {mask['inside_brain']:.0%} of it inside the brain")
    return lines
