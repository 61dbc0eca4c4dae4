"""From the name of a network to the network."""

import inspect
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from imbalance_aware.errors import UserError
from imbalance_aware.models import DEFAULT, NETWORKS
from imbalance_aware.provenance import PACKAGE
from imbalance_aware.schema import nearest

if TYPE_CHECKING:
    from imbalance_aware.models.network import Network

#: What every network is given first; not for users to set.
GIVEN = ("dimensions", "in_channels", "classes")


def build_network(
    dimensions: int,
    in_channels: int,
    classes: int,
    network: str = DEFAULT,
    arguments: Mapping[str, Any] | None = None,
    **own: Any,
) -> "Network":
    """A network of the table `NETWORKS`, with weights from torch's random numbers.

    Args:
        dimensions: spatial dimensions of the images, 2 or 3.
        in_channels: of the images.
        classes: number of logits.
        network: its name.
        arguments: of the network, by name.
        own: the same: those of `DEFAULT` are keys of ``model`` themselves.

    Raises:
        UserError: an unknown name, a package that is not installed, or unusable arguments.
        TypeError: what the table names is not a `Network`.
    """
    from imbalance_aware.models.network import Network

    make = _named(network)
    given = {**(arguments or {}), **own}
    parameters = inspect.signature(make).parameters
    accepted = [name for name in parameters if name not in GIVEN]
    is_open = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    for name in given:
        if name not in accepted and not is_open:
            raise UserError(f'the network "{network}" has no argument "{name}".{nearest(name, accepted)}')
    try:
        built = make(dimensions, in_channels, classes, **given)
    except (TypeError, ValueError, KeyError, IndexError, ZeroDivisionError, OverflowError, RuntimeError) as error:
        if "memory" in str(error):  # said elsewhere
            raise
        raise UserError(f'the network "{network}" cannot be built: {_reason(error)}') from error
    if not isinstance(built, Network):
        wanted = ("features", "head", "forward", "scale_logits")
        missing = [name for name in wanted if not hasattr(built, name)]
        raise TypeError(f"{NETWORKS[network]} lacks {', '.join(missing) or 'what a torch.nn.Module has'} of `Network`")
    return built


def require_fit(model: "Network", network: str, channels: int, size: tuple[int, ...], classes: int) -> None:
    """Try a network on one image of zeros, on the CPU; its state stays as it is.

    Args:
        model: in any mode, which is kept.
        network: its name.
        channels: of an image.
        size: spatial shape of what the network sees.
        classes: number of logits.

    Raises:
        UserError: images of this size do not fit the network.
        TypeError: its features or logits do not have the shapes of `Network`.
    """
    import torch

    training, image = model.training, torch.zeros(1, channels, *size)
    shape = " x ".join(map(str, image.shape[1:]))
    try:
        with torch.inference_mode():
            features = model.eval().features(image)
            logits = model.head(features)
    except (ValueError, IndexError, RuntimeError) as error:
        if "memory" in str(error):  # said elsewhere
            raise
        raise UserError(
            f'the network "{network}" cannot take images of {shape}, perhaps because they are too small: '
            f"{_reason(error)}"
        ) from error
    finally:
        model.train(training)
    if features.ndim != 2 or tuple(logits.shape) != (1, classes):
        found = f"{tuple(features.shape)} and {tuple(logits.shape)}"
        raise TypeError(f"{NETWORKS[network]}: features and logits of one image have shapes {found}; see `Network`")


def environment(network: str) -> str:
    """Name of the environment in ``envs/`` that training and prediction with this network need."""
    package, separate, _ = network.partition(":")
    return package if separate else "train"


def packages_of(network: str) -> dict[str, str]:
    """Package that a network comes from, and its version: empty for those of this project.

    Raises:
        UserError: it is not installed.
    """
    package, separate, _ = network.partition(":")
    try:
        return {package: version(package)} if separate else {}
    except PackageNotFoundError:
        raise UserError(_not_installed(network, package)) from None


def module_names(network: str) -> list[str]:
    """Modules, named below the package, that `build_network` looks up for a name: a run depends on them."""
    return [reference.partition(":")[0].removeprefix(f"{PACKAGE}.") for reference in references(network).values()]


def references(network: str) -> dict[str, str]:
    """What a name stands for in the table: ``{name: "module:attribute"}``."""
    return {network: NETWORKS[network]}


def _named(network: str) -> Any:
    if network not in NETWORKS:
        raise UserError(f'unknown network "{network}".{nearest(network, NETWORKS)}')
    module, _, name = NETWORKS[network].partition(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise UserError(_not_installed(network, error.name)) from error


def _not_installed(network: str, package: str) -> str:
    place = environment(network)
    return (
        f'the network "{network}" needs the package {package}, which is not installed: '
        f"pip install 'imbalance-aware[{place}]', or the packages of envs/{place}.yaml"
    )


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
