"""timm's networks for photographs: ``timm_networks.resnet18`` makes timm's network of that name, of the 1300 it has.

They are timm's own, with its defaults and the names of its weights. The arguments of a network are those of
``timm.create_model``. A name may have the tag of a pretraining (``resnet18.a1_in1k``), which says the normalisation of
images; weights themselves come from a file (`imbalance_aware.models.pretrained`), never from the internet.
"""

import difflib
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from imbalance_aware.errors import MissingPackage, UserError
from imbalance_aware.models.wrapped import Wrapped

#: Not for users to set: what the images and classes fix, and weights from elsewhere than `model.weights`.
FIXED = (
    *("model_name", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir"),
    *("in_chans", "num_classes", "features_only", "scriptable", "exportable", "no_jit"),
)
#: A name of timm's, with or without a tag: no address of a hub, no folder.
NAME = re.compile(r"\w+(\.\w+)?")


class TimmNetwork(Wrapped):
    """A network of timm's as a `imbalance_aware.models.network.Network`; its head is timm's classifier.

    Args:
        name: of timm's, such as ``resnet18`` or ``convnext_tiny.fb_in1k``.
        dimensions: spatial dimensions; 2.
        in_channels: of the images.
        classes: number of logits.
        arguments: of ``timm.create_model``.

    Raises:
        UserError: timm has no such network, or it cannot be used here.
    """

    def __init__(self, name: str, dimensions: int, in_channels: int, classes: int, **arguments: Any) -> None:
        if dimensions != 2:
            raise UserError(
                f'the network "timm:{name}" is for photographs; volumes need another, such as monai:ResNet18'
            )
        timm = _timm()
        _require_known(timm, name)
        if fixed := [key for key in arguments if key in FIXED]:
            raise UserError(f'the network "timm:{name}" has no argument "{fixed[0]}"; it is not for users to set')
        network = timm.create_model(name, pretrained=False, in_chans=in_channels, num_classes=classes, **arguments)
        head = network.get_classifier()
        # The second computes the same; it only casts its weights where a script is under autocast.
        if type(head) not in (nn.Linear, timm.layers.Linear) or head.bias is None:
            raise UserError(
                f'the network "timm:{name}" does not end with one linear layer with biases ({type(head).__name__}); '
                "choose another"
            )
        super().__init__(f"timm:{name}", network, next(key for key, part in network.named_modules() if part is head))


def normalisation(name: str) -> tuple[list[float], list[float]] | None:
    """Mean and standard deviation of each channel that timm's weights of a name were trained with; None: not stated."""
    timm = _timm()
    _require_known(timm, name)
    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    return None if config is None else ([*config.mean], [*config.std])


def __getattr__(name: str) -> Callable[..., TimmNetwork]:
    if not NAME.fullmatch(name) or name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return partial(TimmNetwork, name)


def _timm() -> Any:
    try:
        import timm
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"networks of timm need the package {error.name}, which is not installed: "
            "pip install 'imbalance-aware[timm]', or install the packages of envs/timm.yaml"
        ) from None
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        raise MissingPackage(
            "networks of timm need torchvision, and the one that is installed does not fit the installed torch (one is "
            "built for CUDA, the other for CPUs): install both of them from the same place, see pytorch.org"
        ) from None
    return timm


def _require_known(timm: Any, name: str) -> None:
    plain, _, tag = name.partition(".")
    known = timm.list_models()
    if plain not in known:
        close = difflib.get_close_matches(plain, known, n=1, cutoff=0.6)
        hint = f' Did you mean "timm:{close[0]}"?' if close else " timm.list_models() lists them."
        raise UserError(f'timm {timm.__version__} has no network "{plain}".{hint}')
    tags = timm.list_models(f"{plain}.*", include_tags=True) if tag else []
    if tag and name not in tags:
        close = difflib.get_close_matches(name, tags, n=1, cutoff=0)
        hint = f' Did you mean "timm:{close[0]}"?' if close else ""
        raise UserError(f'timm {timm.__version__} has no "{name}".{hint}')
