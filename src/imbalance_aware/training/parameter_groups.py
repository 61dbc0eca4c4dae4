"""Groups of a network's weights that an optimiser treats alike."""

from typing import Any

from imbalance_aware.models.network import Network
from imbalance_aware.training.optimisers import FACTOR


def parameter_groups(
    model: Network, weight_decay: float | None = None, head_factor: float | None = None
) -> list[dict[str, Any]]:
    """Groups for an optimiser of ``torch.optim``, without the weights that are frozen.

    Args:
        model: the network.
        weight_decay: of all weights with two axes or more. Those with fewer are not decayed: biases, and the scales and
            shifts of normalisation layers (He et al., "Bag of tricks for image classification with convolutional
            neural networks", CVPR 2019, section 3.1). None: decayed as the optimiser does by itself.
        head_factor: learning rate of the last layer divided by that of all other weights. None: the same rate.

    Returns:
        mappings with ``params`` and, where they are given, ``weight_decay`` and the key `FACTOR`; no group is empty.
    """
    weights = [values for values in model.parameters() if values.requires_grad]
    groups: list[dict[str, Any]] = [{"params": weights}]
    if weight_decay is not None:
        groups = [
            {"params": [values for values in weights if values.ndim > 1], "weight_decay": weight_decay},
            {"params": [values for values in weights if values.ndim <= 1], "weight_decay": 0.0},
        ]
    if head_factor is not None:
        of_head = {id(values) for values in model.last_layer().parameters()}
        groups = [
            {**group, **extra, "params": [values for values in group["params"] if (id(values) in of_head) == in_head]}
            for group in groups
            for in_head, extra in ((False, {}), (True, {FACTOR: head_factor}))
        ]
    return [group for group in groups if group["params"]]
