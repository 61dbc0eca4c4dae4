"""Whether predictions are of the subjects that they should be of, no more and no fewer."""

from collections.abc import Mapping
from pathlib import Path

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import make_again
from imbalance_aware.tables.predictions import Predictions
from imbalance_aware.tables.samples import read_samples


def classes_of_part(samples: Path, part: str | None, parts: Mapping[str, str] | None = None) -> dict[str, str]:
    """Subject -> class of everyone in a part of a dataset.

    Args:
        samples: ``samples.csv``, whose column ``split`` says who is in it.
        part: train, validation or test; None for everyone.
        parts: subject -> its part in one fold, which then says it instead.

    Raises:
        UserError: no such table.
    """
    rows = read_samples(samples, ("subject", "class", "split"))
    return {
        row["subject"]: row["class"]
        for row in rows
        if part is None or (row["split"] if parts is None else parts.get(row["subject"])) == part
    }


def require_subjects(predictions: Predictions, expected: Mapping[str, str], path: Path | str, samples: Path) -> None:
    """Check that predictions are of exactly these subjects and classes.

    Args:
        predictions: what was read.
        expected: subject -> class.
        path: of the predictions, for the message.
        samples: of the dataset, for the message.

    Raises:
        UserError: a subject is lacking, is there without reason, or is of another class.
    """
    found = {
        subject: predictions.classes[label]
        for subject, label in zip(predictions.subjects.tolist(), predictions.labels.tolist(), strict=True)
    }
    again = make_again(Path(path))
    if absent := [subject for subject in expected if subject not in found]:
        raise UserError(
            f"{path}: lacks {len(absent)} of the {len(expected)} subjects that {samples} lists for it, such as "
            f"{absent[0]}. {again}"
        )
    if strange := [subject for subject in found if subject not in expected]:
        raise UserError(f"{path}: contains the subject {strange[0]}, which {samples} does not list for it. {again}")
    if changed := [subject for subject, name in found.items() if expected[subject] != name]:
        raise UserError(
            f"{path}: subject {changed[0]} is of class {found[changed[0]]} here and of class {expected[changed[0]]} "
            f"in {samples}. {again}"
        )
