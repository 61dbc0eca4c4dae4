"""Retinal vessels for fundus phantoms: curves that leave the disc above and below, arch outwards, thin and branch."""

import math

import numpy as np
from PIL import Image, ImageDraw

STEPS = 18
STEP_LENGTH = 0.045


def vessel_mask(origin: tuple[float, float], side: int, fine: int, random: np.random.Generator) -> np.ndarray:
    """Draw the vessels of one eye.

    Args:
        origin: where they leave the disc, in units of the width from the centre.
        side: +1 if the temporal side (towards which the large vessels arch) is on the right, else -1.
        fine: width in pixels of the canvas.
        random: source of the shapes.

    Returns:
        (fine, fine) in [0, 1]: 1 for a vein, less for arteries and fine branches.
    """
    canvas = Image.new("L", (fine, fine), 0)
    pen = ImageDraw.Draw(canvas)
    for vertical in (-1, 1):
        for horizontal in (-side, side):
            for vein in (False, True):
                # Angles from the vertical; the temporal arcades leave steeply and bend round the macula.
                heading = math.atan2(vertical, horizontal * random.uniform(0.1, 0.9))
                bend = horizontal * vertical * random.uniform(-0.02, 0.10) * (1 if horizontal == side else -0.4)
                start = (origin[0] + random.normal(0, 0.02), origin[1] + random.normal(0, 0.02))
                width = random.uniform(0.020, 0.034) if vein else random.uniform(0.013, 0.022)
                shade = 255 if vein else 190
                _grow(pen, fine, start, heading, -bend, width, shade, random, branches=2)
    for _ in range(random.integers(2, 6)):
        heading = random.uniform(-math.pi, math.pi)
        _grow(pen, fine, origin, heading, random.normal(0, 0.05), random.uniform(0.006, 0.010), 150, random, branches=1)
    return np.asarray(canvas, dtype=float) / 255


def _grow(
    pen: ImageDraw.ImageDraw,
    fine: int,
    position: tuple[float, float],
    heading: float,
    bend: float,
    width: float,
    shade: int,
    random: np.random.Generator,
    branches: int,
) -> None:
    """Draw one vessel step by step; at random steps a thinner branch leaves it."""
    x, y = position
    for step in range(STEPS):
        heading += bend + random.normal(0, 0.10)
        ahead = (x + STEP_LENGTH * math.cos(heading), y + STEP_LENGTH * math.sin(heading))
        thickness = max(1, round(width * fine * (1 - 0.6 * step / STEPS)))
        pen.line([_pixel(x, y, fine), _pixel(*ahead, fine)], fill=shade, width=thickness)
        radius = thickness / 2
        column, row = _pixel(*ahead, fine)
        pen.ellipse([column - radius, row - radius, column + radius, row + radius], fill=shade)
        x, y = ahead
        if max(abs(x), abs(y)) > 0.6:
            return
        if branches and step > 3 and random.random() < 0.12:
            away = heading + random.choice((-1, 1)) * random.uniform(0.4, 0.8)
            _grow(pen, fine, (x, y), away, random.normal(0, 0.04), width * 0.6, shade - 20, random, branches - 1)


def _pixel(x: float, y: float, fine: int) -> tuple[float, float]:
    return ((x + 0.5) * fine, (y + 0.5) * fine)
