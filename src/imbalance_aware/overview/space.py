"""Bytes on the disk, from the shapes of images and networks."""

from pathlib import Path

from imbalance_aware.overview.known_samples import KnownDataset
from imbalance_aware.runs.run_folder import MODEL
from imbalance_aware.runs.settings import RunSettings


def model_bytes(folder: Path, settings: RunSettings, dataset: KnownDataset) -> int:
    """Of ``model.pt`` of a run.

    Args:
        folder: of a study on a dataset, ``results/runs/{study}/{dataset}``. A finished run in it tells.
        settings: of a run; without finished ones, its network's parameters are counted, 4 bytes each.
        dataset: that it is trained on.
    """
    finished = next((path for depth in ("*/*", "*/*/*") for path in folder.glob(f"{depth}/{MODEL}")), None)
    return finished.stat().st_size if finished else 4 * _parameters(settings, dataset)


def _parameters(settings: RunSettings, dataset: KnownDataset) -> int:
    """Parameters of a network, and the running statistics that are stored with them; nothing is computed."""
    import torch

    from imbalance_aware.models.make import InputSpec, network_of

    shape, classes = dataset.shape, dataset.classes
    spec = InputSpec(shape[0], shape[1:], dataset.dtype, settings.augmentation.crop, classes, settings.max_value)
    with torch.device("meta"):
        network = network_of(settings.model.model_dump(), spec)
    return sum(values.numel() for values in network.state_dict().values())
