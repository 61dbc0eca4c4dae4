"""Networks by name: the packages that a run needs, building the network, and a trial on one image."""

import inspect
import re
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from imbalance_aware.errors import MissingPackage, UserError
from imbalance_aware.models import DEFAULT, FAMILIES, NETWORKS
from imbalance_aware.provenance import PACKAGE
from imbalance_aware.schema import nearest

if TYPE_CHECKING:
    from imbalance_aware.models.make import InputSpec

#: A name in a package of ``FAMILIES``: no address, no path.
NAME = re.compile(r"[A-Za-z]\w*(\.\w+)?")
#: What every network is given first; not for users to set.
GIVEN = ("dimensions", "in_channels", "classes")
#: What has to be there of a network.
PARTS = ("forward", "features", "head", "last_layer", "scale_logits")
#: What building and trying a network may raise if its arguments or the size of the images do not suit it.
UNSUITABLE = (TypeError, ValueError, KeyError, IndexError, ArithmeticError, RuntimeError, AssertionError)


def check_network(architecture: Mapping[str, Any], spec: "InputSpec") -> None:
    """Build the network of a run and try it on one image of zeros, on the CPU.

    The network `DEFAULT` is not tried: what its settings allow takes images of every size.

    Args:
        architecture: settings of ``model``.
        spec: what the network takes.

    Raises:
        UserError: a package that is not installed, unusable arguments, or images that are too small for the network.
        TypeError: it is not a `imbalance_aware.models.network.Network`.
    """
    network = architecture.get("network", DEFAULT)
    if network == DEFAULT:
        return
    if problem := unfit_dimensions(network, spec.dimensions):
        raise UserError(problem)
    import torch

    from imbalance_aware.models.make import find_network, network_of, reference_of
    from imbalance_aware.models.network import Network

    packages_of(network)
    _check_arguments(network, find_network(network), architecture.get("arguments", {}))
    with torch.random.fork_rng(devices=[]):
        try:
            model = network_of(architecture, spec)
        except UNSUITABLE as error:
            raise _told(error, f'the network "{network}" cannot be built') from error
    if not isinstance(model, Network):
        missing = [name for name in PARTS if not hasattr(model, name)]
        raise TypeError(
            f"{reference_of(network)} lacks {', '.join(missing) or 'what a torch.nn.Module has'} of `Network`"
        )
    image = torch.zeros(1, spec.channels, *spec.seen)
    try:
        with torch.inference_mode():
            features = model.eval().features(image)
            logits = model.head(features)
    except UNSUITABLE as error:
        size = " x ".join(map(str, image.shape[1:]))
        place = f'the network "{network}" cannot take images of {size}; they may be too small for it'
        raise _told(error, place) from error
    if features.ndim != 2 or logits.shape != (1, len(spec.classes)):
        shapes = f"{tuple(features.shape)} and {tuple(logits.shape)}"
        raise TypeError(
            f"{reference_of(network)}: features and logits of one image have shapes {shapes}; see `Network`"
        )


def with_constants(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of ``model`` in which a file of weights has the constants of its training, if need be those that the
    network's package states.

    Raises:
        UserError: they are neither set nor stated, or the package is not installed.
    """
    weights, network = architecture.get("weights"), architecture.get("network", DEFAULT)
    if not weights or weights.get("mean") is not None:
        return dict(architecture)
    packages_of(network)
    package, _, name = network.partition(":")
    stated = import_module(FAMILIES[package][0]).normalisation(name)
    if stated is None:
        raise UserError(
            f'{package} does not state how images are normalised for "{network}": set mean and std in model.weights'
        )
    return {**architecture, "weights": {**weights, "mean": stated[0], "std": stated[1]}}


def environment(network: str) -> str:
    """Name of the environment in ``envs/`` that training and prediction with this network need."""
    package, separate, _ = network.partition(":")
    return package if separate else "train"


def packages_of(network: str) -> dict[str, str]:
    """Package that a network comes from, and its version: empty for those of this project.

    Raises:
        MissingPackage: it is not installed.
    """
    package, separate, _ = network.partition(":")
    try:
        return {package: version(package)} if separate else {}
    except PackageNotFoundError:
        place = environment(network)
        raise MissingPackage(
            f'the network "{network}" needs the package {package}, which is not installed: '
            f"pip install 'imbalance-aware[{place}]', or install the packages of envs/{place}.yaml"
        ) from None


def module_names(network: str) -> list[str]:
    """Modules, named below the package, of a name of the table: a run depends on them."""
    return [reference.partition(":")[0].removeprefix(f"{PACKAGE}.") for reference in references(network).values()]


def references(network: str) -> dict[str, str]:
    """The entry of a name in the table: ``{name: "module:attribute"}``."""
    package, _, name = network.partition(":")
    return {network: f"{FAMILIES[package][0]}:{name}" if package in FAMILIES else NETWORKS[network]}


def unknown(network: str) -> str | None:
    """What is wrong with a name, as far as the tables tell; of a package in ``FAMILIES``, the package tells."""
    package, separate, name = network.partition(":")
    if package in FAMILIES and separate:
        return None if NAME.fullmatch(name) else f'"{network}" is no name of a network: expected {package}:NAME'
    families = [f"{package}:NAME" for package in FAMILIES]
    return None if network in NETWORKS else f'"{network}" is not known.{nearest(network, [*NETWORKS, *families])}'


def unfit_dimensions(network: str, dimensions: int) -> str | None:
    """Why a network takes no images of so many spatial dimensions, as far as the tables tell."""
    package = network.partition(":")[0]
    if package not in FAMILIES or dimensions in FAMILIES[package][1]:
        return None
    kind = {2: "photographs", 3: "volumes"}
    takes = " and ".join(kind[one] for one in FAMILIES[package][1])
    return f'the network "{network}" takes {takes}, not {kind[dimensions]}; docs/networks.md lists networks that do'


def _check_arguments(network: str, make: Any, arguments: Mapping[str, Any]) -> None:
    parameters = inspect.signature(make).parameters
    accepted = [name for name in parameters if name not in GIVEN]
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return  # the network says what it does not take
    for name in arguments:
        if name not in accepted:
            raise UserError(f'the network "{network}" has no argument "{name}".{nearest(name, accepted)}')


def _told(error: Exception, sentence: str) -> Exception:
    """``error`` as a user's mistake; one about memory as it is, since that is explained elsewhere."""
    reason = str(error).strip().partition("\n")[0]
    return error if "memory" in reason else UserError(f"{sentence}: {reason}")
