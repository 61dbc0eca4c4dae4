"""Put all included subjects of a cohort into one array, in the order of the cohort table, with a table of its
rows.

The table holds a digest of each image (see `imbalance_aware.image_digests`), which links it to the array. Subjects are
copied one at a time: memory does not grow with their number.
"""

import argparse
import logging
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from imbalance_aware.arrays import read_npy
from imbalance_aware.class_names import classes_argument
from imbalance_aware.cohort.inclusion import included, parts_of
from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic, write_text
from imbalance_aware.image_digests import image_digest, short
from imbalance_aware.progress import progress
from imbalance_aware.tables.cohort import read_cohort
from imbalance_aware.tables.csv_text import make_again
from imbalance_aware.tables.samples import IMAGE_DIGEST, samples_csv

log = logging.getLogger(__name__)

DTYPES = (np.dtype(np.uint8), np.dtype(np.float16))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--cohort", type=Path, required=True, help="table of subjects")
    parser.add_argument("--preprocessed", type=Path, required=True, help="folder with one .npy per included subject")
    parser.add_argument(
        "--classes", type=classes_argument, help="JSON list of the classes in label order (default: alphabetical)"
    )
    parser.add_argument(
        "--subgroups", nargs="*", default=[], help="columns of the table of subjects to pass on (default: none)"
    )
    parser.add_argument("--images", type=Path, required=True, help="array to write (N, C, *spatial)")
    parser.add_argument("--samples", type=Path, required=True, help="table of the array's rows to write")


def run(args: argparse.Namespace) -> None:
    """Write the array and its table.

    Raises:
        UserError: a class has no sample left for training or testing.
    """
    cohort = read_cohort(args.cohort)
    # Include classes without remaining subjects: training without them would be another task.
    classes = args.classes or sorted(set(cohort["class"]) - {""})
    if absent := [name for name in args.subgroups if name not in cohort]:
        raise UserError(
            f"{args.cohort}: lacks the column {', '.join(absent)} of `subgroups`. {make_again(args.cohort)}"
        )
    require_each_class(cohort, classes, args.cohort)
    samples = label_samples(cohort[included(cohort)], classes)
    files = [args.preprocessed / f"{subject}.npy" for subject in samples["subject"]]
    # A step killed between the two leaves an old table with a new array: readers refuse such a pair.
    digests = pack(files, args.images)
    write_text(args.samples, samples_csv(samples.assign(**{IMAGE_DIGEST: digests}), args.subgroups))


def require_each_class(cohort: pd.DataFrame, classes: list[str], table: Path) -> None:
    """Raise `UserError` unless each class has included samples for training and for testing.

    Args:
        cohort: all subjects, with those that are excluded.
        classes: of the classifier.
        table: file of the cohort, to which the message points.
    """
    everybody = cohort[included(cohort)]
    # In a cross-validated dataset nobody has a side; whether it can be divided, the step `folds` says.
    given = parts_of(everybody) if (everybody["split"] != "").any() else []
    for name in classes:
        members = cohort[cohort["class"] == name]
        inside = members[included(members)]
        if not given and inside.empty:
            raise UserError(
                f'class "{name}" has no usable sample: {len(members)} found; the reason for each is in {table}, '
                "column excluded"
            )
        for side in given:
            if not (inside["split"] == side).any():
                raise UserError(
                    f'class "{name}" has no sample in the {side} set: {len(members)} found, {len(inside)} usable; '
                    f"{table}, column excluded, has the reason for each of the others"
                )


def label_samples(subjects: pd.DataFrame, classes: list[str] | None) -> pd.DataFrame:
    """Table of samples with ``label`` = position of their class in ``classes`` (alphabetical if None).

    Args:
        subjects: rows of the cohort that are in.
        classes: in label order.

    Returns:
        ``subjects`` with their labels.

    Raises:
        UserError: there are no samples, or one whose class is not in ``classes``.
    """
    if subjects.empty:
        raise UserError("the cohort has no included subject")
    classes = classes or sorted(set(subjects["class"]))
    unknown = sorted(set(subjects["class"]) - set(classes))
    if unknown:
        raise UserError(f"the cohort has class(es) {', '.join(unknown)}, which are not among {', '.join(classes)}")
    label = subjects["class"].map({name: label for label, name in enumerate(classes)})
    return subjects.assign(label=label).reset_index(drop=True)


def pack(files: list[Path], images: Path) -> list[str]:
    """Copy arrays of one shape and type (uint8, or float16 in [0, 1]) into one ``.npy`` file.

    Returns:
        The part of each image's digest for the table, in order.

    Raises:
        UserError: a file is missing, damaged, or differs in shape or type from the first, or has values
            outside [0, 1].
    """
    first = load(files[0])
    header = {"descr": np.lib.format.dtype_to_descr(first.dtype), "fortran_order": False}
    with atomic(images) as path, path.open("wb") as out:
        np.lib.format.write_array_header_1_0(out, header | {"shape": (len(files), *first.shape)})
        return [_append(out, file, first) for file in progress(files, len(files), "subjects packed", log)]


def _append(out: BinaryIO, file: Path, like: np.ndarray) -> str:
    sample = load(file)
    if (sample.shape, sample.dtype) != (like.shape, like.dtype):
        raise UserError(
            f"{file}: {sample.dtype} {sample.shape} differs from the other subjects' {like.dtype} {like.shape}"
        )
    out.write(sample.tobytes())
    return short(image_digest(sample))


def load(file: Path) -> np.ndarray:
    """One preprocessed subject, checked by itself."""
    if not file.exists():
        raise UserError(f"{file}: missing, although the cohort includes this subject")
    sample = np.array(read_npy(file))
    if sample.dtype not in DTYPES or sample.ndim < 3:
        raise UserError(f"{file}: {sample.dtype} {sample.shape}; expected uint8 or float16, channels first")
    if sample.dtype == np.float16 and not (np.isfinite(sample).all() and sample.min() >= 0 and sample.max() <= 1):
        raise UserError(f"{file}: has values that are not in [0, 1]")
    # The sum makes 0 of -0, which a comparison takes for 0 and a table of stored values does not hold.
    return sample + sample.dtype.type(0)
