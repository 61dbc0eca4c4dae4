"""Trial of a configuration's losses before any job starts.

A loss is tried with its arguments on as many classes as the dataset has. This imports torch, so only new losses are
tried: those that passed are stored under a digest of the loss's code, its arguments and the number of classes.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.losses.build import module_names, try_loss
from imbalance_aware.provenance import code_digest

#: Where passed trials are noted, below the working directory.
NOTES = Path(".snakemake/imbalance_aware_losses.json")


@dataclass(frozen=True)
class Trial:
    """A loss with the arguments that a condition gives it, for a dataset.

    Attributes:
        place: table and condition, for messages.
        loss: its name.
        kwargs: arguments of its class.
        classes: number of classes, None where it is not known.
    """

    place: str
    loss: str
    kwargs: dict[str, Any]
    classes: int | None

    def class_counts(self) -> list[int]:
        """Placeholders for the number of training samples of each class, which is unknown during planning."""
        lengths = [len(value) for value in self.kwargs.values() if isinstance(value, list)]
        return [10] * (self.classes or max([2, *lengths]))

    def key(self) -> str:
        """Digest of all that its outcome depends on."""
        code = code_digest(["losses.build", *module_names({self.loss: 1})])
        content = [code, _torch_version(), self.loss, self.kwargs, self.class_counts()]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def try_losses(trials: Iterable[Trial], notes: Path = NOTES, attempt: Callable[..., None] = try_loss) -> None:
    """Try every loss that is given arguments; without torch none is tried here, but training tries it.

    Args:
        trials: of all conditions.
        notes: file with the keys of trials that passed, read and written; where it cannot be, all are tried again.
        attempt: what tries a loss.

    Raises:
        UserError: one line for every loss that cannot be used.
    """
    waiting = {trial.key(): trial for trial in trials if trial.kwargs}
    passed = read_notes(notes)
    waiting = {key: trial for key, trial in waiting.items() if key not in passed}
    if not waiting or _torch_version() is None:
        return
    problems = []
    for key, trial in waiting.items():
        try:
            attempt(trial.loss, trial.kwargs, trial.class_counts())
            passed.append(key)
        except UserError as problem:
            problems.append(f"{trial.place}: {problem}")
    write_notes(notes, passed)
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))


def _torch_version() -> str | None:
    try:
        return version("torch")
    except PackageNotFoundError:
        return None


def read_notes(notes: Path) -> list[str]:
    """Keys of trials that passed; none where the file cannot be read."""
    try:
        return list(json.loads(notes.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return []


def write_notes(notes: Path, passed: Sequence[str]) -> None:
    """Keep the keys of trials that passed, where the file can be written."""
    try:
        write_text(notes, json.dumps(passed))
    except OSError:
        return
