"""Truncation of the Gaussian blur: how many voxels it reaches."""

#: `scipy.ndimage.gaussian_filter` cuts its kernel off here, in standard deviations.
TRUNCATE = 4.0


def blur_reach(sigma: float) -> int:
    """Voxels on each side that a Gaussian blur of standard deviation ``sigma`` (voxels) reaches."""
    return int(TRUNCATE * sigma + 0.5)
