"""What is shown as white in a slice of an MRI sequence, so that a few bright voxels do not darken the rest."""

import numpy as np

BRIGHTEST_PERCENT = 99.5


def brightest(values: np.ndarray) -> float:
    """The 99.5th percentile of the values above 0; 1 where there are none."""
    return float(np.percentile(values[values > 0], BRIGHTEST_PERCENT)) if values.any() else 1.0
