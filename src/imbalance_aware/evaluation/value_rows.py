"""Rows of ``values.csv``: the value of each metric of each candidate, with both intervals."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from imbalance_aware.class_names import metric_of_class
from imbalance_aware.evaluation.candidates import Candidates, condition_and_rule
from imbalance_aware.evaluation.decision_rules import AnyBasis, Basis
from imbalance_aware.evaluation.estimate_rows import cells
from imbalance_aware.evaluation.references import reference_metrics
from imbalance_aware.evaluation.units import Units
from imbalance_aware.evaluation.value_intervals import NOT_SMOOTH, patients_of_others, too_few_others, wilson
from imbalance_aware.metrics.declaration import Context, Metric, Outcome
from imbalance_aware.statistics.estimates import estimate_value
from imbalance_aware.statistics.influence import Measured
from imbalance_aware.tables.values import REFERENCE

NO_RUN = "all runs diverged"
UNDEFINED = "undefined on this test set"


def value_rows(entrants: Candidates, metrics: Mapping[str, Metric], measured: Mapping[str, Measured]) -> Iterator[dict]:
    """A row for each candidate and metric; of metrics of single classes one for each class."""
    for number, candidate in enumerate(entrants.names):
        condition, rule = condition_and_rule(candidate)
        head = {
            "condition": condition,
            "rule": rule,
            "n_runs": entrants.n_runs[condition],
            "n_collapsed": entrants.n_collapsed[condition],
            "n_diverged": len(entrants.diverged[condition]),
        }
        has_runs = any(name == candidate for name, _ in entrants.outcomes)
        correct = entrants.correct(candidate) if has_runs else None
        for name, metric in metrics.items():
            for label in range(len(entrants.classes)) if metric.per_class else [None]:
                full = name if label is None else metric_of_class(name, entrants.classes[label])
                if correct is None:
                    yield head | {"metric": full, "n_replicates": 0, "note": NO_RUN}
                else:
                    of = measured[name] if label is None else measured[name].of_class(label)
                    yield head | {"metric": full} | _value(entrants, metric, label, of, number, correct)


def reference_rows(units: Units, classes: Sequence[str], basis: AnyBasis, context: Context) -> Iterator[dict]:
    """A row for each metric of the majority class and of classes drawn at random.

    Args:
        units: of any run.
        classes: K names.
        basis: of the same run, whose class counts are taken.
        context: what is known of the classes.
    """
    uniform = np.full(units.probabilities.shape, 1 / len(classes))
    outcome = Outcome(units.labels, uniform, units.fold, context)
    counts = basis.class_counts if isinstance(basis, Basis) else {f: own.class_counts for f, own in basis.items()}
    for name, values in reference_metrics(outcome, counts, classes).items():
        for metric, value in values.items():
            yield {"condition": name, "rule": REFERENCE, "metric": metric, "value": np.nan if value is None else value}


def _value(
    entrants: Candidates, metric: Metric, label: int | None, measured: Measured, number: int, correct: np.ndarray
) -> dict:
    mean = measured.means[number]
    if not np.isfinite(mean):
        return {"n_replicates": 0, "note": UNDEFINED}
    classes = None if label is None else [label]
    interval = wilson(entrants.design, metric, label, correct)
    estimate = estimate_value(measured, number, interval, classes, entrants.folds)
    row = {"value": float(mean)} | cells(estimate, metric.bounds)
    reason = too_few_others(patients_of_others(entrants.design, metric, label)) or ("" if metric.smooth else NOT_SMOOTH)
    return {key: row[key] for key in ("value", "n_replicates")} | {"note": reason} if reason else row
