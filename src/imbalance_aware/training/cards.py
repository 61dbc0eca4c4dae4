"""Which GPU of this machine a run takes: of those that it may use, the one with the fewest runs on it.

Jobs of one machine start without knowing of each other: Snakemake counts GPUs and does not name them. So every run
holds a locked file that is named after its card. The operating system unlocks it when the process ends or is killed.
"""

import fcntl
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

#: One for each machine and user; runs of others are not counted.
FOLDER = Path(tempfile.gettempdir()) / f"imbalance-aware-gpus-{os.getuid()}"


@dataclass(frozen=True)
class Card:
    """A GPU that a run holds as long as this object lives.

    Attributes:
        index: position among those that were offered.
        others: runs that were on it before.
        lock: open and locked.
    """

    index: int
    others: int
    lock: IO


def take(names: Sequence[str], folder: Path = FOLDER) -> Card:
    """Hold one of the cards.

    Args:
        names: one for each card, the same in all processes whatever they call the card's number.
        folder: of the locks; on a disk of this machine.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "choosing").open("w") as turn:
        # Only one process at a time counts and chooses.
        fcntl.flock(turn, fcntl.LOCK_EX)
        runs = [_runs(folder, name) for name in names]
        index = runs.index(min(runs))
        handle, _ = tempfile.mkstemp(prefix=f"{names[index]}.", dir=folder)
        fcntl.flock(handle, fcntl.LOCK_EX)
    return Card(index, runs[index], os.fdopen(handle))


def _runs(folder: Path, name: str) -> int:
    """Runs that hold a card; what ended runs left behind is removed."""
    count = 0
    for path in folder.glob(f"{name}.*"):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                count += 1
            else:
                path.unlink()
    return count
