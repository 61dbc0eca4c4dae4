"""Trial of a configuration's networks before any job starts: whether they exist, and take the images and the weights.

This builds the network and imports its package, so only new ones are tried: those that passed are stored under a digest
of the code, the settings, the versions of the packages and the size of the images.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imbalance_aware.errors import MissingPackage, UserError
from imbalance_aware.loss_checks import read_notes, write_notes
from imbalance_aware.models import DEFAULT
from imbalance_aware.models.build import check_network, module_names, packages_of, with_constants
from imbalance_aware.provenance import code_digest
from imbalance_aware.runs.weights_file import find_weights, read_weights

if TYPE_CHECKING:
    from imbalance_aware.runs.settings import ModelSettings

#: Where passed trials are noted, below the working directory.
NOTES = Path(".snakemake/imbalance_aware_networks.json")


@dataclass(frozen=True)
class Trial:
    """The network of a study on a dataset.

    Attributes:
        place: study and dataset, for messages.
        model: its settings.
        channels: of the images.
        shape: of what the network sees of them.
        classes: number of classes.
    """

    place: str
    model: "ModelSettings"
    channels: int
    shape: tuple[int, ...]
    classes: int

    def key(self, versions: dict[str, str]) -> str:
        """Digest of all that its outcome depends on."""
        code = code_digest(["models.build", "models.pretrained", *module_names(self.model.network)])
        content: list[Any] = [code, versions, self.model.model_dump(mode="json")]
        content += [self.channels, self.shape, self.classes]
        if self.model.weights is not None:
            file = find_weights(self.model.weights).stat()
            content += [file.st_size, file.st_mtime_ns]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def try_networks(trials: Iterable[Trial], elsewhere: bool = False, notes: Path = NOTES) -> None:
    """Try the network of every study that has another than the default one, or begins with a file of weights.

    Args:
        trials: of all studies that are to run.
        elsewhere: whether training runs in an environment of its own: then a network whose package is not installed
            here is tried there, by the step `train`.
        notes: file with the keys of trials that passed, read and written; where it cannot be, all are tried again.

    Raises:
        UserError: one line for every network that cannot be used.
    """
    problems, passed = [], read_notes(notes)
    before = len(passed)
    for trial in trials:
        if trial.model.network == DEFAULT and trial.model.weights is None:
            continue
        try:
            versions = _versions(trial)
            if versions is not None and (key := trial.key(versions)) not in passed:
                _try(trial)
                passed.append(key)
        except MissingPackage as problem:
            problems += [] if elsewhere else [f"{trial.place}: {problem}"]
        except UserError as problem:
            problems.append(f"{trial.place}: {problem}")
    if len(passed) > before:
        write_notes(notes, passed)
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))


def _versions(trial: Trial) -> dict[str, str] | None:
    """Versions of torch and of the network's package; None if there is no torch, so that nothing can be tried here."""
    try:
        return {"torch": version("torch")} | packages_of(trial.model.network)
    except PackageNotFoundError:
        return None


def _try(trial: Trial) -> None:
    from imbalance_aware.models.make import InputSpec, make_model
    from imbalance_aware.models.pretrained import load_pretrained

    classes = tuple(map(str, range(trial.classes)))
    spec = InputSpec(trial.channels, trial.shape, "uint8", None, classes)
    architecture = with_constants(trial.model.model_dump(mode="json"))
    check_network(architecture, spec)
    if trial.model.weights is not None:
        path = find_weights(trial.model.weights)
        state = read_weights(path, trial.model.weights.sha256)
        try:
            load_pretrained(make_model(architecture, spec, 0), state)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
