"""Study, dataset, condition and seed of a run, read from the path of one of its files."""

import re
from dataclasses import dataclass
from pathlib import Path

from imbalance_aware.errors import UserError

SEED_FOLDER = re.compile(r"seed-(\d+)")


@dataclass(frozen=True, order=True)
class Run:
    """One training: ``{study}/{dataset}/{condition}/seed-{seed}``."""

    study: str
    dataset: str
    condition: str
    seed: int


def identify(path: str | Path) -> Run:
    """The run that a file of a run folder belongs to.

    Args:
        path: ``…/{study}/{dataset}/{condition}/seed-{seed}/{file}``; the file need not exist.

    Raises:
        UserError: the path has another form.
    """
    folders = Path(path).parts[:-1]
    seed = SEED_FOLDER.fullmatch(folders[-1]) if len(folders) >= 4 else None
    if not seed:
        raise UserError(f"{path}: not a file of a run: expected …/study/dataset/condition/seed-N/file")
    return Run(folders[-4], folders[-3], folders[-2], int(seed[1]))
