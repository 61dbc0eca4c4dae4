"""Information on a dataset before its images are packed: number of samples, their shape and part."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imbalance_aware.errors import UserError
from imbalance_aware.overview.tested import TestSet
from imbalance_aware.tables.cohort import included_subjects
from imbalance_aware.tables.samples import read_samples

#: The table of the packed samples, and those of a cohort, the one after preprocessing first.
SAMPLES, COHORTS = "samples.csv", ("preprocessed.csv", "cohort.csv")
COLOURS = {"rgb": 3, "grey": 1}


@dataclass(frozen=True)
class KnownDataset:
    """A dataset as far as its tables say.

    Attributes:
        table: the table that lists the samples; None where there is none yet.
        samples: how many.
        train: of them, for training in one run (of a cross-validation, in a fold on average).
        test: who is tested.
        classes: their names.
        shape: of an image, ``(C, *spatial)``.
        dtype: of the packed images.
    """

    table: Path | None
    samples: int
    train: int
    test: TestSet
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str

    @property
    def image_bytes(self) -> int:
        """Of one image."""
        size = {"uint8": 1, "float16": 2}[self.dtype]
        for edge in self.shape:
            size *= edge
        return size


def known_dataset(name: str, settings: Any, results: Path = Path("results")) -> KnownDataset:
    """What the settings and tables of a dataset say of it.

    Raises:
        UserError: a table cannot be read.
    """
    folder = results / "datasets" / name
    table, rows = _rows(folder)
    folds = _folds(settings)
    parts = Counter(row["split"] for row in rows)
    train = parts["train"] or (round(len(rows) * (folds - 1) / folds) if folds else 0)
    tested = [row for row in rows if row["split"] == "test"] or [row for row in rows if not row["split"]]
    classes = tuple(settings.classes or sorted({row["class"] for row in rows}))
    return KnownDataset(
        table,
        len(rows),
        train,
        _test_set(tested, classes),
        classes,
        (_channels(settings), *settings.training_shape),
        "uint8" if settings.kind == "images" and getattr(settings, "max_value", None) is None else "float16",
    )


def _rows(folder: Path) -> tuple[Path | None, list[dict[str, str]]]:
    if (path := folder / SAMPLES).is_file():
        return path, read_samples(path)
    table = cohort_table(folder)
    return table, [*included_subjects(table).values()] if table else []


def cohort_table(folder: Path) -> Path | None:
    """The last table of a dataset's cohort that is there: the one after preprocessing, if it has been made."""
    return next((folder / name for name in COHORTS if (folder / name).is_file()), None)


def _folds(settings: Any) -> int | None:
    try:
        found = settings.cross_validation()
    except UserError:  # said when the dataset is needed
        return None
    return found and found.folds


def _channels(settings: Any) -> int:
    return len(settings.sequences) if settings.kind == "volumes" else COLOURS[getattr(settings, "channels", "rgb")]


def _test_set(rows: list[dict[str, str]], classes: tuple[str, ...]) -> TestSet:
    images = {name: [row for row in rows if row["class"] == name] for name in classes}
    return TestSet(
        {name: len(of) for name, of in images.items()},
        {name: len({row["group"] for row in of}) for name, of in images.items()},
    )
