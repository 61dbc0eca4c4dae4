"""Recompute the paper's claims from the runs of a study: relative improvements over a baseline, with intervals.

A claim is a relative difference, 100 (A / B - 1) with A and B the means over seeds of a metric under two conditions,
over the seeds that both have. Its intervals are those of a difference, see `imbalance_aware.statistics`, taken of log A
and log B: values of runs and the influence of patients are divided by the mean of their condition (the delta method),
and the ends of the interval are taken back by the exponential, so that it is never below -100 %.

The word follows from the interval for this procedure, which covers other patients and other seeds:

- ``holds``: it lies above 0 and does not lie below the published number;
- ``does not hold``: it lies below the published number, so an improvement of that size is excluded;
- ``undecided``: it holds both 0 and the published number, or there is no interval;
- ``not run here``: no dataset of the study takes the place of the paper's, or a condition or class is not there.
"""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from imbalance_aware.class_names import metric_of_class
from imbalance_aware.evaluation.candidates import Candidates, candidates
from imbalance_aware.evaluation.same_images import check_same_test_set
from imbalance_aware.files import write_text
from imbalance_aware.metrics.catalogue import named
from imbalance_aware.runs.identity import Run, identify
from imbalance_aware.statistics.estimates import estimate_difference
from imbalance_aware.statistics.influence import Measured
from imbalance_aware.statistics.intervals import Interval
from imbalance_aware.tables.claims import COLUMNS, Claim, claim_estimates_csv, read_claims
from imbalance_aware.tables.predictions import Predictions, read_predictions

HOLDS, DOES_NOT_HOLD, UNDECIDED, NOT_RUN = "holds", "does not hold", "undecided", "not run here"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--claims", type=Path, required=True, help="paper_claims.csv")
    parser.add_argument(
        "--stand-ins",
        type=_mapping,
        required=True,
        help="JSON: dataset here -> the dataset of the paper that it replaces",
    )
    parser.add_argument(
        "--unit", choices=["sample", "group"], default="sample", help="unit of the metrics (default: sample)"
    )
    parser.add_argument("--out", type=Path, required=True, help="claim_estimates.csv to write")
    parser.add_argument("predictions", type=Path, nargs="*", help="…/study/dataset/condition/replicate/predictions.csv")


def _mapping(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"no JSON: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise argparse.ArgumentTypeError(f'expected an object such as {{"glaucoma_96": "glaucoma"}}, got {text}')
    return found


def run(args: argparse.Namespace) -> None:
    """Write one row per claim and dataset that takes the place of the paper's."""
    runs: dict[str, dict[Run, Predictions]] = {}
    for path in args.predictions:
        place = identify(path)
        runs.setdefault(place.dataset, {})[place] = read_predictions(path)
    for of_dataset in runs.values():
        check_same_test_set(of_dataset)
    rows = []
    for claim in read_claims(args.claims):
        here = [name for name, paper in args.stand_ins.items() if paper == claim.dataset]
        rows += [{"claim": claim.name} | examine(claim, name, runs.get(name, {}), args.unit) for name in here]
        if not here:
            rows.append({"claim": claim.name} | _not_run(f"no dataset in the place of {claim.dataset}"))
    write_text(args.out, claim_estimates_csv(pd.DataFrame(rows, columns=list(COLUMNS))))


def _not_run(reason: str) -> dict:
    return {"stand_in": "", "metric": "", "n_seeds": 0, "word": NOT_RUN, "note": reason}


def examine(claim: Claim, dataset: str, runs: Mapping[Run, Predictions], unit: str) -> dict:
    """A claim on one dataset: the columns of `imbalance_aware.tables.claims` after ``claim``.

    Args:
        claim: of the paper.
        dataset: that takes the place of the claim's.
        runs: on that dataset, all conditions of the study; they support the variance over seeds.
        unit: what metrics count.

    Raises:
        UserError: the claim's metric is no metric, or has no form for intervals.
    """
    missing = [name for name in (claim.condition, claim.baseline) if name not in {place.condition for place in runs}]
    if missing:
        return _not_run(f"no run of {' and '.join(missing)}") | {"stand_in": dataset}
    entrants = candidates(runs, unit)
    metric = _metric_here(claim, entrants.classes)
    if metric is None:
        return _not_run(f"no class {named(claim.metric).of_class}") | {"stand_in": dataset}
    head = {"stand_in": dataset, "metric": metric}
    if not {claim.condition, claim.baseline} <= {condition for condition, _ in entrants.outcomes}:
        return head | {"n_seeds": 0, "word": UNDECIDED, "note": "all runs of a condition diverged"}
    return head | _estimate(claim, _measure(metric, entrants), entrants.folds)


def _metric_here(claim: Claim, classes: Sequence[str]) -> str | None:
    """The claim's metric as it is called here; None if it is of a class that is not there."""
    for name in filter(None, (claim.metric, claim.also)):
        what = named(name)
        if not what.metric.per_class or name in (metric_of_class(what.metric.name, of) for of in classes):
            return name
    return None


def _measure(metric: str, entrants: Candidates) -> Measured:
    """Values and influence of one metric, for all runs."""
    what = named(metric)
    measured = entrants.measure({metric: what.metric})[metric]
    if not what.metric.per_class:
        return measured
    return measured.of_class([metric_of_class(what.metric.name, of) for of in entrants.classes].index(metric))


def relative(measured: Measured, a: int, b: int) -> tuple[Measured, float, float] | None:
    """The metric on a logarithmic scale near the mean of each condition, and the means of conditions a and b.

    The mean over the replicates that a and b both have is log A of a and log B of b. Conditions whose mean is not above
    0 have no values.

    Args:
        measured: one metric of all runs.
        a: index of a condition.
        b: index of another.

    Returns:
        None if a and b have no replicate in common, or one of their means is not above 0.
    """
    known = np.isfinite(measured.values)
    counted = known.copy()
    counted[[a, b]] = known[a] & known[b]
    n = counted.sum(axis=1)
    means = np.where(counted, measured.values, 0.0).sum(axis=1) / np.maximum(n, 1)
    if n[a] == 0 or not (means[a] > 0 and means[b] > 0):
        return None
    usable = np.where(means > 0, means, np.nan)[:, None]
    values = np.log(usable) + (measured.values - usable) / usable
    return Measured(measured.design, values, measured.influence / usable), float(means[a]), float(means[b])


def _estimate(claim: Claim, measured: Measured, folds: int | None) -> dict:
    a, b = (measured.design.conditions.index(name) for name in (claim.condition, claim.baseline))
    common = np.isfinite(measured.values[[a, b]]).all(axis=0)
    found = relative(measured, a, b)
    if found is None:
        reason = "no seed has both runs" if not common.any() else "the mean of a condition is not above 0"
        return {"n_seeds": int(common.sum()), "word": UNDECIDED, "note": f"not estimable: {reason}"}
    logs, value, baseline = found
    estimate = estimate_difference(logs, a, b, folds=folds)
    models, procedure = map(_percent, (estimate.models, estimate.procedure))
    return {
        "n_seeds": int(common.sum()),
        "baseline_value": baseline,
        "value": value,
        "percent": 100 * (value / baseline - 1),
        **dict(zip(("models_low", "models_high"), models, strict=True)),
        **dict(zip(("procedure_low", "procedure_high"), procedure, strict=True)),
        "word": word(claim.percent, *procedure),
        "note": estimate.not_estimable or "; ".join(note.rstrip(".") for note in estimate.notes),
    }


def _percent(of_logarithms: Interval | None) -> tuple[float, float]:
    if of_logarithms is None:
        return math.nan, math.nan
    return 100 * math.expm1(of_logarithms.low), 100 * math.expm1(of_logarithms.high)


def word(published: float, low: float, high: float) -> str:
    """What an interval for this procedure says of a published improvement, all in percent; NaN where there is none."""
    if math.isnan(low) or math.isnan(high):
        return UNDECIDED
    if high < published:
        return DOES_NOT_HOLD
    return HOLDS if low > 0 else UNDECIDED
