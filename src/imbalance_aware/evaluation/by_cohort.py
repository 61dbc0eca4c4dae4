"""Compute every metric of every condition on each cohort and subgroup of the test set, with confidence intervals.

A value is the mean over all runs (seeds, and repeats of a cross-validation) that did not diverge. Its 95 % interval
speaks of other patients and these trained models: jackknife over patients and a t distribution; of balanced accuracy
and recall Wilson's interval, see `imbalance_aware.statistics`. Metrics that need all classes are left out where a part
of the test set lacks one: over the other classes they would rank cohorts by who happened to have rare cases. With fewer
than 5 patients in a class there is no interval.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from imbalance_aware.class_names import metric_of_class
from imbalance_aware.evaluation.metrics import COLLAPSED, DIVERGED, status_of
from imbalance_aware.evaluation.same_images import check_same_test_set
from imbalance_aware.evaluation.units import Units, samples_of, take, units_of
from imbalance_aware.evaluation.value_intervals import (
    NOT_SMOOTH,
    measure_metrics,
    patients_of_others,
    too_few_others,
    wilson,
)
from imbalance_aware.files import write_text
from imbalance_aware.metrics.catalogue import TEST_GROUPS, TEST_SUBJECTS, metrics_for
from imbalance_aware.metrics.declaration import UNKNOWN, Metric, Outcome
from imbalance_aware.runs.identity import Run, identify
from imbalance_aware.statistics.design import Design
from imbalance_aware.statistics.estimates import estimate_value
from imbalance_aware.statistics.influence import Measured
from imbalance_aware.statistics.notes import FEW_PATIENTS, fewest_patients, too_few_patients
from imbalance_aware.statistics.variance import value_parts
from imbalance_aware.tables.cohort_metrics import (
    COHORT,
    COLUMNS,
    FOLDS,
    LACKS,
    NO_RUN,
    ONE_COHORT_EACH,
    UNDEFINED,
    cohort_metrics_csv,
)
from imbalance_aware.tables.predictions import Predictions, read_predictions

#: Those that need no settings of the dataset.
GIVEN = metrics_for(UNKNOWN)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--out", type=Path, required=True, help="cohort_metrics.csv to write")
    parser.add_argument("predictions", type=Path, nargs="+", help="…/study/dataset/condition/replicate/predictions.csv")


def run(args: argparse.Namespace) -> None:
    """Write one row per dataset, condition, unit, part of the test set and metric."""
    runs = {identify(path): read_predictions(path) for path in args.predictions}
    tables = []
    for dataset in dict.fromkeys(place.dataset for place in runs):
        here = {place: predictions for place, predictions in runs.items() if place.dataset == dataset}
        check_same_test_set(here)
        tables.append(metrics_by_cohort(here).assign(dataset=dataset))
    write_text(args.out, cohort_metrics_csv(pd.concat(tables)))


def parts_of(predictions: Predictions) -> Iterator[tuple[str, str, np.ndarray]]:
    """(split_by, part, mask of shape (n,)): the whole test set, then each cohort and each value of each subgroup.

    A column with one value for all is left out: its part is the whole.
    """
    yield "", "", np.ones(len(predictions.labels), bool)
    for name, values in {COHORT: predictions.cohorts, **predictions.subgroups}.items():
        found = sorted(dict.fromkeys(values.tolist()))
        if len(found) > 1:
            yield from ((name, value, values == value) for value in found)


def metrics_by_cohort(runs: Mapping[Run, Predictions]) -> pd.DataFrame:
    """Rows of `imbalance_aware.tables.cohort_metrics` for the runs of one dataset, which have the same test set."""
    first = next(iter(runs.values()))
    status = {place: status_of(run.labels, run.probabilities, run.fold) for place, run in runs.items()}
    counts = {
        condition: {
            name: sum(status[place] == what for place in runs if place.condition == condition)
            for name, what in (("n_collapsed", COLLAPSED), ("n_diverged", DIVERGED))
        }
        for condition in dict.fromkeys(place.condition for place in runs)
    }
    folds = _kind_of_folds(first)
    rows: list[dict] = []
    for split_by, part, members in parts_of(first):
        for unit in units_of(first):
            units = {place: take(unit, samples_of(run).where(members)) for place, run in runs.items()}
            finite = {place: of for place, of in units.items() if status[place] != DIVERGED}
            patients = Patients.of(next(iter(units.values())), first.classes)
            head = {"unit": unit, "split_by": split_by, "part": part, "folds": folds} | patients.size
            for condition, of_condition in _by_condition(finite, counts).items():
                about = head | {"condition": condition, "n_runs": len(of_condition)} | counts[condition]
                rows += [about | row for row in patients.counts()]
                rows += [about | row for row in _of_condition(patients, of_condition)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True, eq=False)
class Patients:
    """Who is in a part of the test set.

    Attributes:
        units: of any run.
        classes: K names.
        samples: units of each class, shape (K,).
        groups: groups with units of each class, shape (K,).
    """

    units: Units
    classes: Sequence[str]
    samples: np.ndarray
    groups: np.ndarray

    @classmethod
    def of(cls, units: Units, classes: Sequence[str]) -> "Patients":
        """Count them."""
        members = [units.groups[units.labels == label] for label in range(len(classes))]
        sizes, groups = [len(of) for of in members], [len(np.unique(of)) for of in members]
        return cls(units, classes, np.array(sizes), np.array(groups))

    @property
    def size(self) -> dict[str, int]:
        return {"n": len(self.units.labels), "n_groups": len(np.unique(self.units.groups))}

    def counts(self) -> Iterator[dict]:
        """Rows of the number of units and groups of each class."""
        for count, values in ((TEST_SUBJECTS, self.samples), (TEST_GROUPS, self.groups)):
            for name, value in zip(self.classes, values.tolist(), strict=True):
                yield {"metric": metric_of_class(count, name), "value": float(value), "note": ""}

    def absent(self) -> list[str]:
        """Classes that nobody has."""
        return [name for name, count in zip(self.classes, self.groups.tolist(), strict=True) if count == 0]


def _by_condition(finite: Mapping[Run, Units], conditions: Mapping[str, dict]) -> dict[str, dict[Run, Units]]:
    return {name: {place: of for place, of in finite.items() if place.condition == name} for name in conditions}


def _of_condition(patients: Patients, runs: Mapping[Run, Units]) -> Iterator[dict]:
    """Rows of all metrics of one condition on one part of the test set."""
    design = Design(("",), tuple(place.replicate for place in runs), patients.units.labels, patients.units.groups)
    outcomes = {("", run.replicate): Outcome(of.labels, of.probabilities, of.fold) for run, of in runs.items()}
    measured = measure_metrics(design, outcomes, GIVEN) if outcomes else {}
    correct = np.array([outcome.predicted == outcome.labels for outcome in outcomes.values()]).T
    for name, metric in GIVEN.items():
        for label, of_class in enumerate(patients.classes) if metric.per_class else [(None, None)]:
            full_name = name if of_class is None else metric_of_class(name, of_class)
            if reason := _why_not(metric, label, patients, bool(outcomes)):
                yield {"metric": full_name, "note": reason}
            else:
                values = measured[name] if label is None else measured[name].of_class(label)
                yield {"metric": full_name} | _value(metric, label, patients, values, correct)


def _why_not(metric: Metric, label: int | None, patients: Patients, any_run: bool) -> str:
    """Why a metric is not given; empty if it is."""
    absent = patients.absent()
    if metric.macro and absent:
        return f"{LACKS} {', '.join(absent)}"
    if label is not None and patients.classes[label] in absent:
        return f"{LACKS} {patients.classes[label]}"
    if label is not None and metric.ranks and len(absent) == len(patients.classes) - 1:
        return f"{LACKS} {', '.join(absent)}"
    return "" if any_run else NO_RUN


def _value(metric: Metric, label: int | None, patients: Patients, measured: Measured, correct: np.ndarray) -> dict:
    if not np.isfinite(value_parts(measured, 0).mean):
        return {"note": UNDEFINED}
    design = measured.design
    classes = np.flatnonzero(patients.groups).tolist() if label is None else [label]
    others = patients_of_others(design, metric, label)
    estimate = estimate_value(measured, 0, wilson(design, metric, label, correct), classes)
    reason = estimate.not_estimable if metric.smooth else too_few_patients(design, classes)
    reason = reason or too_few_others(others) or ("" if metric.smooth else NOT_SMOOTH)
    value = {"value": estimate.parts.mean, "note": reason}
    if reason or estimate.models is None:
        return value
    low, high = np.clip((estimate.models.low, estimate.models.high), *metric.bounds)
    fewest = fewest_patients(design, classes)
    rarest = fewest if others is None else min(fewest, others)
    approximate = f"rare class ({rarest} patients): approximate" if rarest < FEW_PATIENTS else ""
    return value | {"ci_low": float(low), "ci_high": float(high), "note": approximate}


def _kind_of_folds(predictions: Predictions) -> str:
    """Empty for one network; whether the folds of a cross-validation are one cohort each, or any subjects."""
    if predictions.fold is None:
        return ""
    pairs = {*zip(predictions.fold.tolist(), predictions.cohorts.tolist(), strict=True)}
    cohorts = {cohort for _, cohort in pairs}
    return ONE_COHORT_EACH if len(pairs) == len(cohorts) == len({fold for fold, _ in pairs}) > 1 else FOLDS
