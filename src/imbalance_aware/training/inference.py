"""Prediction: probabilities and features of images by a trained network."""

import numpy as np
import torch

from imbalance_aware.models.network import Network
from imbalance_aware.training.augmentation import unchanged
from imbalance_aware.training.batches import Images
from imbalance_aware.training.device import single_pass


def predict(
    model: Network, images: Images, rows: np.ndarray, crop: int | None, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and features of images, without augmentation, in float32 (no TF32) whatever training used.

    Args:
        model: on the device.
        images: makes batches.
        rows: which images, shape (n,).
        crop: edge of the central part that the network sees, or None.
        batch_size: how many at a time; does not change the result beyond rounding.

    Returns:
        probabilities float64 ``(n, K)``, features float32 ``(n, F)``.
    """
    model.eval()
    parts = np.split(rows, range(batch_size, len(rows), batch_size))
    probabilities, features = [], []
    with torch.inference_mode(), single_pass():
        for batch in images.batches(parts, unchanged(len(rows), crop, images.shape)):
            seen = model.features(batch)
            probabilities.append(model.head(seen).double().softmax(1).cpu())
            features.append(seen.cpu())
    return torch.cat(probabilities).numpy(), torch.cat(features).numpy()
