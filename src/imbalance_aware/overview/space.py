"""Bytes on the disk, from the shapes of images and networks."""

from pathlib import Path

from imbalance_aware.overview.known_samples import KnownDataset
from imbalance_aware.runs.run_folder import MODEL
from imbalance_aware.runs.settings import RunSettings


def finished_model_bytes(folder: Path) -> int | None:
    """Of ``model.pt`` of a finished run in ``results/runs/{study}/{dataset}``; None if there is none."""
    finished = next((path for depth in ("*/*", "*/*/*") for path in folder.glob(f"{depth}/{MODEL}")), None)
    return finished.stat().st_size if finished else None


def network_bytes(settings: RunSettings, dataset: KnownDataset) -> int:
    """Of the parameters of a network, and the running statistics that are stored with them, 4 bytes each.

    Nothing is computed, but torch is imported, which takes more than a second.
    """
    import torch

    from imbalance_aware.models.make import InputSpec, network_of

    shape, classes = dataset.shape, dataset.classes
    spec = InputSpec(shape[0], shape[1:], dataset.dtype, settings.augmentation.crop, classes, settings.max_value)
    with torch.device("meta"):
        network = network_of(settings.model.model_dump(exclude={"weights", "freeze"}), spec)
    return 4 * sum(values.numel() for values in network.state_dict().values())
