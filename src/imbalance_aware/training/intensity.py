"""Stored values as intensities in [0, 1], and the changes of intensity: gamma and sigmoid contrast.

Stored images have few different values: 256 of uint8 and 15361 of float16 in [0, 1]. A change of intensity is
therefore a table with one entry for each value, and its application a look-up.
"""

import numpy as np

#: Type of a stored image -> the intensity of each code. The code of a float16 is its bits as an integer.
LEVELS: dict[str, np.ndarray] = {
    "uint8": np.arange(256) / 255,
    "float16": np.arange(0x3C00 + 1, dtype=np.uint16).view(np.float16).astype(np.float64),
}
CUTOFF = 0.5


def codes(stored: np.ndarray) -> np.ndarray:
    """Stored values as positions in `LEVELS`; no copy is made."""
    return stored if stored.dtype == np.uint8 else stored.view(np.uint16)


def largest_code(stored: np.ndarray) -> int:
    """Largest code of an array, which shows whether all its values are in [0, 1]."""
    return int(codes(stored).max(initial=0))


def tables(dtype: str, gamma: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """The tables that carry out gamma and then contrast, one for each image.

    Gamma is ``x ** gamma``, as `skimage.exposure.adjust_gamma`; contrast is ``1 / (1 + exp(gain * (0.5 - x)))``, as
    `skimage.exposure.adjust_sigmoid`.

    Args:
        dtype: of the stored images, ``uint8`` or ``float16``.
        gamma: exponents, shape (B,); 1 changes nothing.
        gain: of the contrast, shape (B,); NaN: no contrast.

    Returns:
        float32, shape (B, number of codes).
    """
    values = LEVELS[dtype] ** gamma.astype(np.float64)[:, None]
    contrasted = ~np.isnan(gain)
    values[contrasted] = 1 / (1 + np.exp(gain[contrasted].astype(np.float64)[:, None] * (CUTOFF - values[contrasted])))
    return values.astype(np.float32)
