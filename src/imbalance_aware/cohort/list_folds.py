"""Write the folds of one repeat of a cross-validated dataset: in which part each sample is, fold by fold.

Each repeat has a file of its own, so that further repeats change none of those that are there.
"""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
from pydantic import Field

from imbalance_aware.cohort.audit import join
from imbalance_aware.cohort.folds import assign_folds
from imbalance_aware.cohort.split_settings import SPLIT, Folds, LeaveOneCohortOut, Table, any_method
from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.schema import Strict, parse
from imbalance_aware.tables.cohort import FOLD, read_cohort
from imbalance_aware.tables.csv_text import make_again
from imbalance_aware.tables.duplicates import PIXELS, read_duplicates
from imbalance_aware.tables.folds import folds_csv
from imbalance_aware.tables.samples import COLUMNS, SPLITS, read_samples_frame

if TYPE_CHECKING:  # a type that is made from a table is none that a checker can read
    CrossValidatedSplit = Any
else:
    CrossValidatedSplit = any_method(Table, Folds, LeaveOneCohortOut)

log = logging.getLogger(__name__)


class FoldSettings(Strict):
    """What one repeat's folds depend on, beside the samples."""

    split: CrossValidatedSplit = Field(description=SPLIT)
    folds: int = Field(ge=2, description="number of folds; some methods leave it to the source's cohorts or table")
    conflicts: Literal["keep", "drop"] = Field("keep", description="of equal images under two classes in training")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--samples", type=Path, required=True, help="samples.csv of the dataset")
    parser.add_argument("--duplicates", type=Path, required=True, help="duplicates.csv of the dataset")
    parser.add_argument("--cohort", type=Path, required=True, help="cohort.csv: where the user's table gives the folds")
    parser.add_argument("--settings", required=True, help="settings of the split: JSON, or a YAML/JSON file")
    parser.add_argument("--repeat", type=int, required=True, help="number of the repeat, from 0")
    parser.add_argument("--out", type=Path, required=True, help="table of folds to write")


def run(args: argparse.Namespace) -> None:
    """Write the table.

    Raises:
        UserError: the samples cannot be divided as the settings say, or have a fixed split.
    """
    settings = parse(FoldSettings, args.settings)
    samples = read_samples_frame(args.samples, COLUMNS)
    if (samples["split"] != "").any():
        raise UserError(f"{args.samples}: has a fixed split and therefore no folds. {make_again(args.samples)}")
    subjects = _with_duplicates(samples, read_duplicates(args.duplicates), settings.conflicts == "drop")
    if isinstance(settings.split, Table):
        subjects[FOLD] = _given_folds(subjects, args.cohort)
    folds = assign_folds(subjects, settings.split, settings.folds, args.repeat)
    log.info("samples per fold and class:\n%s", count(folds, subjects["class"]).to_string())
    write_text(args.out, folds_csv(subjects["subject"].tolist(), [folds[number].tolist() for number in folds]))


def count(folds: pd.DataFrame, classes: pd.Series) -> pd.DataFrame:
    """Samples of each class in each part of each fold, rows ``(fold, part)``."""
    long = folds.melt(var_name="fold", value_name="part", ignore_index=False).join(classes)
    table = pd.crosstab([long["fold"], long["part"]], long["class"])
    return table.reindex([row for row in ((f, part) for f in folds for part in (*SPLITS, "")) if row in table.index])


def _with_duplicates(samples: pd.DataFrame, duplicates: pd.DataFrame, drop: bool) -> pd.DataFrame:
    """Samples with ``unit``, of what no fold may separate, and ``conflict``, whether training leaves them out."""
    twins = duplicates[(duplicates["kind"] == PIXELS) & duplicates["subject"].isin(samples["subject"])]
    rows = pd.Series(samples.index, index=samples["subject"])
    sets = [pd.Index(rows[same["subject"]]) for _, same in twins.groupby("set")]
    conflicting = twins.loc[twins["conflicting_label"] == "True", "subject"]
    return samples.assign(
        unit=join(samples["group"], sets), conflict=samples["subject"].isin(conflicting) if drop else False
    )


def _given_folds(samples: pd.DataFrame, cohort: Path) -> pd.Series:
    """The fold that tests each sample, as the user's table says."""
    table = read_cohort(cohort)
    if FOLD not in table:
        raise UserError(f"{cohort}: lacks the column {FOLD}, which must contain the folds. {make_again(cohort)}")
    return samples["subject"].map(table.set_index("subject")[FOLD])
