"""Selection of a GPU: of those that a job may use, the one with the fewest jobs on it.

Jobs of one machine do not know of each other: Snakemake counts GPUs but does not assign them. So every job holds a
locked file that is named after its GPU. The operating system unlocks it when the process ends or is killed.
"""

import fcntl
import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

log = logging.getLogger(__name__)

#: One for each machine and user; jobs of others are not counted.
FOLDER = Path(tempfile.gettempdir()) / f"imbalance-aware-gpus-{os.getuid()}"


@dataclass(frozen=True)
class Card:
    """A GPU that a job holds as long as this object lives.

    Attributes:
        index: position among those that were offered.
        others: jobs that were on it before.
        lock: open and locked.
    """

    index: int
    others: int
    lock: IO


@cache
def of_this_process() -> Card:
    """This process's GPU, by its index for torch: chosen at the first call, then held until the process ends.

    It becomes torch's current one. There must be one (`torch.cuda.is_available`).
    """
    import torch

    cards = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    held = take([str(card.uuid) for card in cards])
    torch.cuda.set_device(held.index)
    log.info("on GPU %d of %d, %s; other jobs on it: %d", held.index, len(cards), cards[held.index].name, held.others)
    return held


def why_none() -> str:
    """Why torch has no GPU, as far as it knows."""
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return "torch finds no GPU: this torch is built for CPUs only"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return "torch finds no GPU here" + ("" if visible is None else f" (CUDA_VISIBLE_DEVICES is {visible!r})")


def take(names: Sequence[str], folder: Path | None = None) -> Card:
    """Hold one of the GPUs.

    Args:
        names: one for each card, the same in all processes whatever they call the card's number.
        folder: of the locks, on a disk of this machine; None: `FOLDER`.
    """
    folder = folder or FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "choosing").open("w") as turn:
        # Only one process at a time counts and chooses.
        fcntl.flock(turn, fcntl.LOCK_EX)
        jobs = [_jobs(folder, name) for name in names]
        index = jobs.index(min(jobs))
        handle, _ = tempfile.mkstemp(prefix=f"{names[index]}.", dir=folder)
        fcntl.flock(handle, fcntl.LOCK_EX)
    return Card(index, jobs[index], os.fdopen(handle))


def _jobs(folder: Path, name: str) -> int:
    """Jobs that hold a card; files of ended jobs are removed."""
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
