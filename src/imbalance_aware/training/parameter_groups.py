"""Groups of a network's weights that an optimiser treats alike."""

from typing import Any

from imbalance_aware.models.network import Network


def parameter_groups(model: Network, weight_decay: float | None = None) -> list[dict[str, Any]]:
    """Groups for an optimiser of ``torch.optim``.

    Args:
        model: the network.
        weight_decay: of all weights with two axes or more. Those with fewer are not decayed: biases, and the scales and
            shifts of normalisation layers (He et al., "Bag of tricks for image classification with convolutional
            neural networks", CVPR 2019, section 3.1). None: one group, decayed as the optimiser does by itself.

    Returns:
        mappings with ``params`` and, where it is given, ``weight_decay``; no group is empty.
    """
    weights = list(model.parameters())
    if weight_decay is None:
        return [{"params": weights}]
    decayed = {"params": [values for values in weights if values.ndim > 1], "weight_decay": weight_decay}
    others = {"params": [values for values in weights if values.ndim <= 1], "weight_decay": 0.0}
    return [group for group in (decayed, others) if group["params"]]
