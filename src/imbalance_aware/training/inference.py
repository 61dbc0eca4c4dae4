"""Prediction: probabilities and features of images by a trained network."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

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
    logits, features = evaluate(model, images, rows, crop, batch_size)
    return logits.double().softmax(1).cpu().numpy(), features.numpy()


def evaluate(
    model: Network,
    images: Images,
    rows: np.ndarray,
    crop: int | None,
    batch_size: int,
    after_batch: Callable[[], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Logits, on the device, and features, on the CPU, of images, as `predict`; the model is left in evaluation mode.

    Args:
        model, images, rows, crop, batch_size: as for `predict`.
        after_batch: called when a batch is done; may raise to stop.

    Returns:
        logits float32 ``(n, K)``, features float32 ``(n, F)``.
    """
    model.eval()
    parts = np.split(rows, range(batch_size, len(rows), batch_size))
    logits, features = [], []
    for batch in images.batches(parts, unchanged(len(rows), crop, images.shape)):
        with torch.inference_mode(), single_pass():
            seen = model.features(batch)
            logits.append(model.head(seen))
            features.append(seen.cpu())
        if after_batch is not None:
            after_batch()
    return torch.cat(logits), torch.cat(features)
