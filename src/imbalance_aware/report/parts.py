"""The samples of a dataset and the parts they are in: of a fixed split, or of the folds of its first repeat."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from imbalance_aware.report.study_files import DatasetFiles
from imbalance_aware.tables.folds import read_folds
from imbalance_aware.tables.samples import COLUMNS, SPLITS, read_samples

Sample = Mapping[str, str]

#: What a sample is called, by kind of dataset.
UNIT = {"images": "image", "volumes": "subject"}
#: What the parts of a fixed split are called.
PART_NAMES = {"train": "Training", "validation": "Validation", "test": "Test"}


@dataclass(frozen=True)
class Parts:
    """The samples of a dataset and its parts.

    Attributes:
        samples: rows of ``samples.csv``.
        classes: in the order of their labels.
        parts: name -> its samples, those of a fixed split or the test samples of each fold.
        repeats: how often the dataset is cross-validated; 0 where it has a fixed split.
        left_out: of a cross-validated dataset, how many samples each fold trains without, beside those that it tests.
    """

    samples: Sequence[Sample]
    classes: Sequence[str]
    parts: Mapping[str, Sequence[Sample]]
    repeats: int = 0
    left_out: Sequence[int] = field(default=())

    @property
    def has_patients(self) -> bool:
        """Whether some patient has several samples, so that counts of patients differ from those of samples."""
        return patients(self.samples) < len(self.samples)


def patients(samples: Iterable[Sample]) -> int:
    """How many groups (patients) they are of."""
    return len({sample["group"] for sample in samples})


def of_class(samples: Iterable[Sample], name: str) -> list[Sample]:
    """Those of one class."""
    return [sample for sample in samples if sample["class"] == name]


def read_parts(dataset: DatasetFiles) -> Parts:
    """The parts of a packed dataset.

    Raises:
        UserError: its tables cannot be read.
    """
    samples = read_samples(dataset.folder / "samples.csv", COLUMNS)
    classes = [name for _, name in sorted({(int(sample["label"]), sample["class"]) for sample in samples})]
    folds = first_folds(dataset)
    if not folds:
        of_split = {part: [row for row in samples if row["split"] == part] for part in SPLITS}
        return Parts(samples, classes, {PART_NAMES[part]: rows for part, rows in of_split.items() if rows})
    tested = [[row for row in samples if fold.get(row["subject"]) == "test"] for fold in folds]
    left_out = [sum(not part for part in fold.values()) for fold in folds]
    named = {f"Fold {number}": rows for number, rows in enumerate(tested)}
    return Parts(samples, classes, named, dataset.repeats, left_out)


def first_folds(dataset: DatasetFiles) -> list[dict[str, str]]:
    """For each fold of the first repeat: subject -> its part; empty of a dataset with a fixed split."""
    return [] if dataset.folds is None else read_folds(dataset.folder / "folds" / "repeat-0.csv")
