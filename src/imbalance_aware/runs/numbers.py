"""The code that can change the numbers of a training run: these modules, its network and its losses.

Where there is a validation part, its metric is one of them.

Editing any of them reruns the training that it concerns, and no checkpoint survives it. All else is machinery: files,
locks, checkpoints, messages, settings and their descriptions, command lines. Settings count by their values. Of the
modules themselves prose does not count (see `imbalance_aware.provenance`).

The modules listed here import only each other (except for type checking), so that no other code can affect a number;
`tests/unit/test_numbers.py` checks this.
"""

from collections.abc import Mapping

from imbalance_aware.losses.build import module_names, references
from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.models import DEFAULT
from imbalance_aware.models.build import module_names as network_modules
from imbalance_aware.models.build import references as network_references
from imbalance_aware.provenance import PACKAGE, code_digest

NUMBERS = (
    "errors",
    "losses.make",
    "models.make",
    "models.memory_format",
    "models.network",
    "models.normalised",
    "training.accumulation",
    "training.augment_cpu",
    "training.augment_device",
    "training.augmentation",
    "training.batches",
    "training.captured",
    "training.blur",
    "training.device",
    "training.data",
    "training.drawn",
    "training.epoch",
    "training.inference",
    "training.intensity",
    "training.loop",
    "training.mixup",
    "training.optimisers",
    "training.parameter_groups",
    "training.sampling",
    "training.streams",
    "training.validation",
    "training.weight_average",
)
#: Of runs that begin with a file of weights.
PRETRAINED = "models.pretrained"
#: Of the files of a run folder. Raised when later steps could not use what earlier versions wrote: all runs are made
#: again.
FORMAT = 2


def training_code(
    terms: Mapping[str, float], network: str = DEFAULT, metric: str | None = None, pretrained: bool = False
) -> str:
    """Digest of the code that decides the numbers of a condition's runs.

    Args:
        terms: name of a loss -> its factor in the condition's sum.
        network: its name in the table of networks.
        metric: that of the validation part, by its name in the catalogue; None where there is no such part.
        pretrained: whether they begin with a file of weights.
    """
    modules = [*NUMBERS, *([PRETRAINED] if pretrained else []), *network_modules(network), *module_names(terms)]
    named = {f"loss {name}": reference for name, reference in references(terms).items()}
    named |= {f"network {name}": reference for name, reference in network_references(network).items()}
    if metric is not None:
        function, better = METRICS[metric].function, METRICS[metric].better
        modules.append(function.__module__.removeprefix(f"{PACKAGE}."))
        named |= {f"metric {metric}": f"{function.__module__}:{function.__qualname__}, {better} is better"}
    return code_digest(modules, named | {"format": str(FORMAT)})
