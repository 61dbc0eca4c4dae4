"""Synthetic fundus photographs of three classes, in the proportions of the real set; not patients.

A photograph shows the optic disc with its cup, vessels that leave the disc and sometimes an atrophic crescent. What
differs between the classes is what differs in glaucoma: the vertical cup-to-disc ratio grows and the rim thins, most of
all below. Its distributions overlap, large discs have large cups in every class, and contrast, focus, light and colour
vary, so that no classifier can be perfect.
"""

import csv
import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from imbalance_aware.files import atomic
from imbalance_aware.phantoms.fundus_vessels import vessel_mask
from imbalance_aware.progress import progress

log = logging.getLogger(__name__)

TABLE = "table.csv"
#: Photographs per class in Ahn et al. 2018.
PROPORTIONS = {"no": 786, "early": 289, "advanced": 467}
#: Mean and standard deviation of the vertical cup-to-disc ratio.
CUP_TO_DISC = {"no": (0.40, 0.08), "early": (0.60, 0.065), "advanced": (0.79, 0.075)}
#: Probability of an atrophic crescent beside the disc.
CRESCENT = {"no": 0.25, "early": 0.35, "advanced": 0.5}
#: Lines and edges are drawn this many times finer than the photograph.
SUPERSAMPLING = 3

#: Colours (RGB in [0, 1]) between which a photograph's are mixed; the first of each is the common orange look.
BACKGROUNDS = np.array([[0.72, 0.38, 0.10], [0.52, 0.36, 0.28], [0.42, 0.42, 0.30], [0.80, 0.30, 0.14]])
RIM = np.array([[0.92, 0.58, 0.26], [0.86, 0.52, 0.44], [0.95, 0.62, 0.40]])
CUP = np.array([[0.99, 0.86, 0.48], [0.96, 0.90, 0.80]])
BLOOD = np.array([0.45, 0.07, 0.08])


class FundusSettings(Protocol):
    """What is drawn.

    Attributes:
        subjects: number of photographs over all classes.
        seed: of the photographs.
        image_size: height and width in pixels; equal.
    """

    @property
    def subjects(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def image_size(self) -> tuple[int, int]: ...


@dataclass(frozen=True)
class Eye:
    """The geometry of one drawn eye; lengths in units of the photograph's width, the origin at its centre."""

    disc_x: float
    disc_y: float
    disc_height: float
    disc_width: float
    tilt: float
    cup_to_disc: float
    crescent: bool
    side: int  # +1 if the temporal side is on the right


def write(settings: FundusSettings, out: Path) -> None:
    """Write one PNG per phantom and ``table.csv`` with path, class, cohort and the drawn cup-to-disc ratio.

    Each photograph depends on the seed, its class and its number within the class alone: a larger set begins with the
    photographs of a smaller one.
    """
    out.mkdir(parents=True, exist_ok=True)
    todo = [
        (label, name, number)
        for label, (name, count) in enumerate(class_counts(settings.subjects).items())
        for number in range(count)
    ]
    rows = []
    for label, name, number in progress(todo, len(todo), "fundus phantoms drawn", log):
        image, eye = draw(name, settings.image_size[0], np.random.default_rng([settings.seed, label, number]))
        file = f"{name}-{number + 1:04d}.png"
        with atomic(out / file) as path:
            Image.fromarray(image).save(path, optimize=False)
        rows.append((file, name, "phantom", f"{eye.cup_to_disc:.3f}"))
    with atomic(out / TABLE) as path, path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(("path", "class", "cohort", "cup_to_disc"))
        writer.writerows(rows)


def class_counts(subjects: int) -> dict[str, int]:
    """Share ``subjects`` among the classes in the proportions of the real set (largest remainders are rounded up)."""
    total = sum(PROPORTIONS.values())
    exact = {name: subjects * count / total for name, count in PROPORTIONS.items()}
    counts = {name: math.floor(share) for name, share in exact.items()}
    left = subjects - sum(counts.values())
    for name in sorted(exact, key=lambda name: counts[name] - exact[name])[:left]:
        counts[name] += 1
    return counts


def draw(name: str, size: int, random: np.random.Generator) -> tuple[np.ndarray, Eye]:
    """Draw one photograph of class ``name``.

    Returns:
        (size, size, 3) uint8, and the geometry that it shows.
    """
    eye = _eye(name, random)
    fine = size * SUPERSAMPLING
    axis = (np.arange(fine) + 0.5) / fine - 0.5
    x, y = np.meshgrid(axis, axis)
    image = _retina(fine, random)
    image = _disc(image, x, y, eye, random)
    image = _vessels(image, eye, fine, random)
    image = image.reshape(size, SUPERSAMPLING, size, SUPERSAMPLING, 3).mean(axis=(1, 3))
    return _photograph(image, random), eye


def _eye(name: str, random: np.random.Generator) -> Eye:
    disc_height = random.uniform(0.17, 0.29)
    mean, deviation = CUP_TO_DISC[name]
    # Large healthy discs have large cups: the ratio alone misleads, as it does in clinics.
    ratio = random.normal(mean, deviation) + 0.8 * (disc_height - 0.23)
    return Eye(
        disc_x=random.normal(0, 0.05),
        disc_y=random.normal(0, 0.05),
        disc_height=disc_height,
        disc_width=disc_height * random.uniform(0.82, 1.0),
        tilt=random.normal(0, 0.2),
        cup_to_disc=float(np.clip(ratio, 0.15, 0.93)),
        crescent=bool(random.random() < CRESCENT[name]),
        side=int(random.choice((-1, 1))),
    )


def _mix(colours: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A random colour between ``colours``, nearer to one of them."""
    return random.dirichlet(np.full(len(colours), 0.6)) @ colours


def _cloud(fine: int, scale: float, random: np.random.Generator) -> np.ndarray:
    """Smooth random field (fine, fine) with mean 0 and standard deviation 1; ``scale`` in units of the width."""
    field = gaussian_filter(random.standard_normal((fine, fine)), scale * fine, mode="wrap")
    return (field - field.mean()) / field.std()


def _retina(fine: int, random: np.random.Generator) -> np.ndarray:
    """Background (fine, fine, 3): one colour, mottled by the choroid beneath."""
    mottle = 0.05 * _cloud(fine, 0.12, random) + random.uniform(0.01, 0.06) * _cloud(fine, 0.03, random)
    tint = np.array([1.0, 0.75, 0.4])
    return _mix(BACKGROUNDS, random) * (1 + mottle[..., None] * tint)


def _ellipse(x: np.ndarray, y: np.ndarray, centre: tuple, axes: tuple, tilt: float, softness: float) -> np.ndarray:
    """1 inside the ellipse with the half-axes ``axes``, 0 outside, with a soft edge (relative to its size)."""
    u, v = x - centre[0], y - centre[1]
    across = (u * math.cos(tilt) + v * math.sin(tilt)) / axes[0]
    along = (v * math.cos(tilt) - u * math.sin(tilt)) / axes[1]
    return 1 / (1 + np.exp(np.clip((np.hypot(across, along) - 1) / softness, -40, 40)))


def _blend(image: np.ndarray, mask: np.ndarray, colour: np.ndarray) -> np.ndarray:
    return image + mask[..., None] * (colour - image)


def _disc(image: np.ndarray, x: np.ndarray, y: np.ndarray, eye: Eye, random: np.random.Generator) -> np.ndarray:
    """Add crescent, disc and cup."""
    centre, axes = (eye.disc_x, eye.disc_y), (eye.disc_width, eye.disc_height)
    if eye.crescent:
        beside = (eye.disc_x + eye.side * random.uniform(0.03, 0.08), eye.disc_y + random.normal(0, 0.02))
        mask = _ellipse(x, y, beside, (axes[0] * 1.1, axes[1] * 1.05), eye.tilt, 0.06)
        spots = np.clip(0.6 + 0.25 * _cloud(len(x), 0.012, random), 0, 1)
        image = _blend(image, mask * spots * random.uniform(0.3, 0.8), np.array([0.90, 0.74, 0.42]))
    rim, cup = _mix(RIM, random), _mix(CUP, random)
    image = _blend(image, 0.92 * _ellipse(x, y, centre, axes, eye.tilt, random.uniform(0.02, 0.07)), rim)
    # The lower rim thins first, so a deep cup reaches down; the vessels crowd to the nasal side.
    down = 0.10 * eye.cup_to_disc * eye.disc_height * random.uniform(0, 1)
    inner = (eye.disc_x + eye.side * 0.06 * eye.disc_width, eye.disc_y + down)
    cup_axes = (
        axes[0] * eye.cup_to_disc * random.uniform(0.85, 1.05),
        axes[1] * eye.cup_to_disc,
    )
    pallor = random.uniform(0.6, 1.0)
    return _blend(image, pallor * _ellipse(x, y, inner, cup_axes, eye.tilt, random.uniform(0.04, 0.12)), cup)


def _vessels(image: np.ndarray, eye: Eye, fine: int, random: np.random.Generator) -> np.ndarray:
    nasal = (eye.disc_x - eye.side * 0.25 * eye.disc_width, eye.disc_y)
    mask = vessel_mask(nasal, eye.side, fine, random)
    return _blend(image, mask * random.uniform(0.55, 0.85), BLOOD * random.uniform(0.8, 1.3))


def _photograph(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Camera effects on (size, size, 3): focus, uneven light, exposure, colour balance, noise; as uint8."""
    size = len(image)
    axis = (np.arange(size) + 0.5) / size - 0.5
    x, y = np.meshgrid(axis, axis)
    focus = random.gamma(2.0, 0.004) * size
    image = gaussian_filter(image, (focus, focus, 0), mode="nearest")
    light_x, light_y = random.normal(0, 0.15, 2)
    vignette = 1 - random.uniform(0.3, 1.1) * ((x - light_x) ** 2 + (y - light_y) ** 2)
    slope = 1 + random.normal(0, 0.2) * x + random.normal(0, 0.2) * y
    gain = random.uniform(0.85, 1.2) * random.normal(1, 0.05, 3)
    image = image * np.clip(vignette * slope, 0.05, None)[..., None] * gain
    grey = random.normal(0, 1, (size, size, 1))
    noise = 0.6 * grey + 0.8 * random.normal(0, 1, image.shape)
    image = image + random.uniform(0.008, 0.03) * noise
    return np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)
