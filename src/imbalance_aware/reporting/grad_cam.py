"""Maps of where in an image a network finds what raises the score of a class: Grad-CAM, as MONAI computes it.

Of the maps ``A_c`` that a layer returns, ``ReLU(sum over c of w_c A_c)``, where ``w_c`` is the mean over space of the
gradient of the class's logit with respect to ``A_c`` (Selvaraju et al., ICCV 2017, arXiv 1610.02391).
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from imbalance_aware.errors import UserError
from imbalance_aware.models.network import Network

#: A map of fewer cells along an axis says nothing about the place along it.
FEWEST_CELLS = 2
#: Parts that only add a border, whose cells are not those of the image.
PADDING = (
    *(nn.ConstantPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d),
    *(nn.ConstantPad3d, nn.ReflectionPad3d, nn.ReplicationPad3d),
)


@dataclass(frozen=True)
class Layer:
    """A part of a network that returns maps.

    Attributes:
        name: as in ``torch.nn.Module.named_modules``.
        cells: of a map, along each spatial axis.
    """

    name: str
    cells: tuple[int, ...]


def last_layer_with_maps(model: Network, image: Tensor) -> Layer | None:
    """The last part of a network, in the order of its computation, that returns maps of the image.

    It returns ``(1, C, *cells)`` with at least `FEWEST_CELLS` cells along each axis, is used once, and all that reaches
    the logits passes through it, so that nothing goes around it. In the network of this project, and in MONAI's
    residual networks, this is the last stage before the mean over space, or an earlier one where that has one cell.

    Args:
        model: in evaluation mode. It is changed: its weights take no gradients.
        image: ``(1, C, *spatial)``.

    Returns:
        None if no part returns such maps.
    """
    module = _module(model).requires_grad_(False)
    parts = {name: part for name, part in module.named_modules() if name and not isinstance(part, PADDING)}
    finished: list[tuple[str, tuple[int, ...]]] = []

    def note(name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            finished.append((name, tuple(output.shape) if isinstance(output, Tensor) else ()))

        return hook

    hooks = [part.register_forward_hook(note(name)) for name, part in parts.items()]
    with _removed_afterwards(hooks), torch.inference_mode():
        model(image)
    names = [name for name, _ in finished]
    for name, (_, _, *cells) in ((name, shape) for name, shape in reversed(finished) if len(shape) == image.ndim):
        if min(cells) >= FEWEST_CELLS and names.count(name) == 1 and _all_passes(model, parts[name], image):
            return Layer(name, tuple(cells))
    return None


def _all_passes(model: Network, part: nn.Module, image: Tensor) -> bool:
    """Whether the logits depend on the image through this part alone: without its gradient they have none."""
    with _removed_afterwards([part.register_forward_hook(lambda _, __, output: output.detach())]):
        return not model(image.detach().clone().requires_grad_()).requires_grad


@contextmanager
def _removed_afterwards(hooks: Sequence[RemovableHandle]) -> Iterator[None]:
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class Explainer:
    """Grad-CAM of one network.

    Args:
        model: on the CPU. It is changed: its weights take no gradients, and no layer overwrites its input.
        layer: whose maps are combined.

    Raises:
        UserError: MONAI is not installed.
    """

    def __init__(self, model: Network, layer: Layer) -> None:
        module = _module(model).eval().requires_grad_(False)
        for part in module.modules():
            if "inplace" in vars(part):
                vars(part)["inplace"] = False
        self.model, self.layer = model, layer
        self._cam = _monai_grad_cam()(module, layer.name)

    def probabilities(self, image: Tensor) -> Tensor:
        """Of the classes, for ``(1, C, *spatial)``: float64 (K,)."""
        with torch.inference_mode():
            return self.model(image)[0].double().softmax(0)

    def map(self, image: Tensor, label: int) -> Tensor:
        """Grad-CAM of one class, before upsampling: float32, one value of at least 0 for each cell.

        Args:
            image: ``(1, C, *spatial)``.
            label: of the class.
        """
        # With no gradients of weights, only the image can start the chain of gradients.
        return self._cam.compute_map(image.detach().clone().requires_grad_(), class_idx=label).detach()[0, 0]


def upsampled(cells: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A map of cells, interpolated linearly along each axis to the spatial shape of an image."""
    from monai.visualize.visualizer import default_upsampler

    return default_upsampler(shape)(cells[None, None])[0, 0]


def spearman(a: Tensor, b: Tensor) -> float:
    """Spearman's rank correlation of two maps of equal shape, ties at their mean rank; NaN if one is constant."""
    import pandas as pd

    ranks = [pd.Series(values.flatten().numpy()).rank() for values in (a, b)]
    if any(of_one.nunique() < 2 for of_one in ranks):
        return math.nan
    return float(ranks[0].corr(ranks[1]))


def _module(model: Network) -> nn.Module:
    return cast(nn.Module, model)


def _monai_grad_cam() -> Any:
    try:
        from monai.visualize import GradCAM
    except ImportError:
        raise UserError(
            "explanations need the package monai, which is not installed: pip install 'imbalance-aware[monai]', or "
            "install the packages of envs/monai.yaml"
        ) from None
    return GradCAM
