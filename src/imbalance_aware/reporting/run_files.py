"""Files of runs, joined with what the study's tidy table says about each run's condition."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from imbalance_aware.errors import UserError
from imbalance_aware.reporting.summary import label_conditions
from imbalance_aware.runs.identity import identify


def runs_of_one_dataset(paths: Sequence[Path], metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per path: ``path, study, dataset, condition, seed, loss_key, loss_label, sampling_label``.

    Conditions come in the order of ``metrics``.

    Args:
        paths: files of run folders, all of one dataset.
        metrics: the tidy table of their study.

    Raises:
        UserError: paths of several datasets, or of a condition that the table lacks.
    """
    runs = pd.DataFrame([{"path": path, **asdict(identify(path))} for path in paths])
    datasets = runs["dataset"].unique()
    if len(datasets) > 1:
        raise UserError(f"only runs of one dataset can be drawn at a time, but these are from {', '.join(datasets)}")
    known = metrics[["condition", "loss", "sampling", "weighted"]].drop_duplicates()
    absent = set(runs["condition"]) - set(known["condition"])
    if absent:
        raise UserError(f"the table of metrics has no condition {', '.join(sorted(absent))}")
    labelled = label_conditions(known).drop(columns=["loss", "sampling", "weighted"])
    return labelled.merge(runs, on="condition", validate="one_to_many")
