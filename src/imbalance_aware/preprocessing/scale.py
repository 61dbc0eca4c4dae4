"""Scale each sequence linearly to [0, 1] inside the brain; outside it is 0.

By default the brain's minimum becomes 0 and its maximum 1, which is what the study says ("[0;1] normalized within the
brainmask"). Percentiles instead of the extremes keep a single bright voxel, such as a vessel in T1c, from compressing
all tissue into the lower part of the range; values beyond them are clamped.

A few voxels far beyond all others would leave the tissue hardly any of the 256 levels that are stored. The check: the
1st to the 99th percentile of the brain must span a least share of the range that becomes [0, 1].
"""

from collections.abc import Sequence

import numpy as np

from imbalance_aware.preprocessing.subject_step import Failure, Measures
from imbalance_aware.volume_settings import NormalisationSettings

#: What is measured of each sequence, see `measure`.
INTENSITIES = ("min", "median", "p99", "max", "low", "high", "spread")


def scale_sequences(
    volumes: np.ndarray,
    brain: np.ndarray,
    sequences: Sequence[str],
    settings: NormalisationSettings,
    measures: Measures,
) -> None:
    """Scale every sequence in place.

    Args:
        volumes: (x, y, z, sequences), float32, on the atlas's grid.
        brain: mask (x, y, z).
        sequences: names along the fourth axis.
        settings: percentiles to scale by, and the check.
        measures: is given ``intensity_KEY``: sequence -> value for each of `INTENSITIES`, before the check.

    Raises:
        Failure: a sequence has no contrast in the brain, or only a few voxels have it; nothing is scaled then.
    """
    found = {name: measure(volumes[..., channel][brain], settings) for channel, name in enumerate(sequences)}
    # One measure at a time, as the reports of the other steps have them: measure -> sequence -> value.
    measures |= {f"intensity_{key}": {name: values[key] for name, values in found.items()} for key in INTENSITIES}
    for name, values in found.items():
        check(name, values, settings)
    for channel, name in enumerate(sequences):
        scale(volumes[..., channel], brain, found[name]["low"], found[name]["high"])


def measure(values: np.ndarray, settings: NormalisationSettings) -> dict[str, float]:
    """Intensities of one sequence in the brain.

    Args:
        values: of the voxels of the brain, any shape.
        settings: percentiles to scale by.

    Returns:
        ``min``, ``median``, ``p99`` (99th percentile), ``max``; ``low`` and ``high``, which become 0 and 1; ``spread``:
        what the 1st to the 99th percentile spans, as a share of ``high - low`` (0 if that is 0).
    """
    percentiles = [0, 1, 50, 99, 100, settings.lower, settings.upper]
    least, first, median, last, most, low, high = map(float, np.percentile(values.astype(np.float64), percentiles))
    spread = (last - first) / (high - low) if high > low else 0.0
    return dict(zip(INTENSITIES, (least, median, last, most, low, high, spread), strict=True))


def check(name: str, values: dict[str, float], settings: NormalisationSettings) -> None:
    """Raise `Failure` if a sequence has no contrast, or only a few voxels have it."""
    if not values["high"] > values["low"]:
        raise Failure(f"flat: {name} has no contrast inside the brain")
    if values["spread"] < settings.min_spread:
        raise Failure(
            f"hot voxels: {name}, the 1st to the 99th percentile of the brain span {values['spread']:.2%} of the range "
            f"{values['low']:g} to {values['high']:g} (median {values['median']:g}, 99th percentile "
            f"{values['p99']:g}), at least {settings.min_spread:.0%} is asked for (normalisation.min_spread). "
            "Repair the scan, or scale all patients by percentiles (normalisation: {lower: 0.1, upper: 99.9})"
        )


def scale(values: np.ndarray, brain: np.ndarray, low: float, high: float) -> None:
    """Scale ``values`` (x, y, z) in place: ``(v - low) / (high - low)`` clamped to [0, 1] in the brain, 0 outside.

    Args:
        values: float32.
        brain: mask of the same shape.
        low: intensity that becomes 0.
        high: intensity that becomes 1, larger than ``low``.
    """
    inside = np.clip((values[brain] - low) / (high - low), 0, 1)
    values[...] = 0
    values[brain] = inside
