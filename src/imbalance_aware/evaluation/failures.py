"""List the test subjects that conditions get wrong: how many of them do, and how certain they are.

What a condition says of a subject is the class with the largest mean probability over its runs (seeds, and repeats of a
cross-validation), the first of equals. Runs that diverged are left out, and so are conditions all of whose runs did.
Probabilities are as the networks give them: no decision rule and no temperature is applied, and conditions differ in
how well theirs are calibrated.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from imbalance_aware.evaluation.metrics import DIVERGED, status_of
from imbalance_aware.evaluation.same_images import check_same_test_set
from imbalance_aware.files import write_text
from imbalance_aware.runs.identity import Run, identify
from imbalance_aware.tables.failures import FAILURES
from imbalance_aware.tables.predictions import Predictions, read_predictions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--out", type=Path, required=True, help="failures.csv to write")
    parser.add_argument("predictions", type=Path, nargs="+", help="…/study/dataset/condition/replicate/predictions.csv")


def run(args: argparse.Namespace) -> None:
    """Write one row per dataset and test subject that any condition gets wrong."""
    runs = {identify(path): read_predictions(path) for path in args.predictions}
    rows: list[dict[str, Any]] = []
    for dataset in dict.fromkeys(place.dataset for place in runs):
        here = {place: predictions for place, predictions in runs.items() if place.dataset == dataset}
        check_same_test_set(here)
        rows += [{"dataset": dataset} | row for row in failures(here)]
    write_text(args.out, FAILURES.csv(pd.DataFrame(rows, columns=list(FAILURES.columns))))


def failures(runs: Mapping[Run, Predictions]) -> list[dict[str, Any]]:
    """Rows of `imbalance_aware.tables.failures`, without ``dataset``, for the runs of one dataset.

    Args:
        runs: all with the same test set.
    """
    first = next(iter(runs.values()))
    answers = _Answers.of(runs)
    if answers is None:
        return []
    who = [{name: getattr(first, f"{name}s")[row] for name in ("subject", "group", "cohort")} for row in answers.order]
    return [
        of | {"class": first.classes[first.labels[row]]} | answers.row(row, first.classes)
        for of, row in zip(who, answers.order, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Answers:
    """What C conditions, in R runs that did not diverge, say of n subjects with K classes.

    Attributes:
        conditions: C names.
        labels: true classes, shape (n,).
        means: mean probabilities over the runs of each condition, shape (C, n, K).
        runs_wrong: how many of the R runs get each subject wrong, shape (n,).
        n_runs: R.
    """

    conditions: list[str]
    labels: np.ndarray
    means: np.ndarray
    runs_wrong: np.ndarray
    n_runs: int

    @classmethod
    def of(cls, runs: Mapping[Run, Predictions]) -> "_Answers | None":
        """Those of the runs of one dataset; None if all of them diverged."""
        labels = next(iter(runs.values())).labels
        finite: dict[str, list[np.ndarray]] = {}
        for place, table in runs.items():
            if status_of(table.labels, table.probabilities, table.fold) != DIVERGED:
                finite.setdefault(place.condition, []).append(table.probabilities)
        if not finite:
            return None
        single = np.array([probabilities for of in finite.values() for probabilities in of])
        means = np.array([np.mean(of, axis=0) for of in finite.values()])
        return cls([*finite], labels, means, (single.argmax(axis=2) != labels).sum(axis=0), len(single))

    @cached_property
    def chosen(self) -> np.ndarray:
        """The class that each condition gives each subject, shape (C, n)."""
        return self.means.argmax(axis=2)

    @cached_property
    def certainty(self) -> np.ndarray:
        """Probability of the class chosen where it is wrong, -1 where it is right; shape (C, n)."""
        return np.where(self.chosen != self.labels, self.means.max(axis=2), -1.0)

    @property
    def order(self) -> list[int]:
        """Subjects that any condition gets wrong: those that most get wrong first, then the most certain errors."""
        n_wrong, most_certain = (self.certainty >= 0).sum(axis=0), self.certainty.max(axis=0)
        return sorted(np.flatnonzero(n_wrong).tolist(), key=lambda row: (-n_wrong[row], -most_certain[row]))

    def row(self, subject: int, classes: Sequence[str]) -> dict[str, Any]:
        """The columns after ``class``."""
        wrong = self.chosen[:, subject] != self.labels[subject]
        average = self.means[:, subject].mean(axis=0)
        predicted = _most_chosen(self.chosen[wrong, subject], average)
        surest = int(self.certainty[:, subject].argmax())
        return {
            "n_conditions": len(self.conditions),
            "n_wrong": int(wrong.sum()),
            "n_runs": self.n_runs,
            "n_runs_wrong": int(self.runs_wrong[subject]),
            "predicted": classes[predicted],
            "probability": float(average[predicted]),
            "probability_of_class": float(average[self.labels[subject]]),
            "confident_condition": self.conditions[surest],
            "confident_predicted": classes[self.chosen[surest, subject]],
            "confident_probability": float(self.certainty[surest, subject]),
        }


def _most_chosen(chosen: np.ndarray, average: np.ndarray) -> int:
    """The most frequent class of ``chosen``; of equals the one with the larger mean probability, then the first."""
    counts = np.bincount(chosen, minlength=len(average))
    return max(range(len(average)), key=lambda label: (counts[label], average[label], -label))
