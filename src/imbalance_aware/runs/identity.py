"""The run that a file belongs to: its path says the study, dataset, condition, seed, repeat and fold.

``{study}/{dataset}/{condition}/{replicate}/``, and of the runs of a cross-validated dataset
``…/{replicate}/fold-{fold}/``. A replicate is ``seed-N``, from the second repeat of a cross-validation on
``seed-N-repeat-R``.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from imbalance_aware.errors import UserError

REPLICATE = re.compile(r"seed-(?P<seed>\d+)(?:-repeat-(?P<repeat>[1-9]\d*))?")
FOLD = re.compile(r"fold-(\d+)")
#: Folder of the mean over the seeds of a condition, in the place of a replicate.
ENSEMBLE = "ensemble"


@dataclass(frozen=True)
class Run:
    """One training, or all folds of one cross-validation together.

    Attributes:
        study: its name.
        dataset: its name.
        condition: its name.
        seed: of initial weights, batches and augmentation; None for the ensemble of all seeds.
        repeat: of the cross-validation, from 0; 0 where the dataset has a fixed split.
        fold: from 0; None for a fixed split, and for what is pooled over the folds.
    """

    study: str
    dataset: str
    condition: str
    seed: int | None
    repeat: int = 0
    fold: int | None = None

    @property
    def replicate(self) -> str:
        """Name of the folder of its seed and repeat."""
        return ENSEMBLE if self.seed is None else replicate_name(self.seed, self.repeat)

    @property
    def place(self) -> Path:
        """Its folder, below ``results/runs``."""
        parts = [self.study, self.dataset, self.condition, self.replicate]
        return Path(*parts, *([] if self.fold is None else [f"fold-{self.fold}"]))


def replicate_name(seed: int, repeat: int = 0) -> str:
    """``seed-N``, or ``seed-N-repeat-R`` from the second repeat on."""
    return f"seed-{seed}" + (f"-repeat-{repeat}" if repeat else "")


def read_replicate(name: str) -> tuple[int, int] | None:
    """Seed and repeat of the folder ``name``; None if it is not one of a replicate."""
    match = REPLICATE.fullmatch(name)
    return (int(match["seed"]), int(match["repeat"] or 0)) if match else None


def identify(path: str | Path) -> Run:
    """The run that a file of a run folder belongs to.

    Args:
        path: ``…/{study}/{dataset}/{condition}/{replicate}/{file}`` or ``…/{replicate}/fold-{fold}/{file}``; the file
            need not exist. In the place of the replicate may be ``ensemble``.

    Raises:
        UserError: the path has another form.
    """
    folders = [*Path(path).parts[:-1]]
    fold = FOLD.fullmatch(folders[-1]) if folders else None
    if fold:
        folders.pop()
    last = folders[-1] if len(folders) >= 4 else ""
    found: tuple[int | None, int] | None = read_replicate(last)
    if last == ENSEMBLE and not fold:
        found = (None, 0)
    if found is None:
        raise UserError(
            f"{path}: not a file of a run: expected …/study/dataset/condition/seed-N/file, with the folder fold-K "
            "before the file in a run of one fold"
        )
    (study, dataset, condition), (seed, repeat) = folders[-4:-1], found
    return Run(study, dataset, condition, seed, repeat, int(fold[1]) if fold else None)
