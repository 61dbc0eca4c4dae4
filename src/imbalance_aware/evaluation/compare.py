"""Values, comparisons, ranks and effects of a study, each with the intervals that say how sure they are.

From the predictions of all runs: every condition competes under every decision rule. Writes `values.csv`,
`comparisons.csv`, `ranks.csv` and `effects.csv`, whose modules in `imbalance_aware.tables` say what is in them.
`docs/statistics.md` says how they are computed, and how often the intervals hold.

Conclusions rest on the primary metric, which is declared before the runs, as are the baseline and the difference that
matters; all other metrics are exploratory. Runs that diverged are left out and counted.
"""

import argparse
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from imbalance_aware.conditions import loss_key, trained_and_rival
from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.bases import bases, class_counts, validation_outcomes
from imbalance_aware.evaluation.candidates import Candidates, candidates, condition_and_rule
from imbalance_aware.evaluation.comparison_rows import Compared, comparison_rows
from imbalance_aware.evaluation.context import read_context
from imbalance_aware.evaluation.decision_rules import AnyBasis
from imbalance_aware.evaluation.effect_rows import WEIGHTED, effect_rows, effects
from imbalance_aware.evaluation.rank_rows import rank_rows
from imbalance_aware.evaluation.same_images import check_same_folds, check_same_test_set
from imbalance_aware.evaluation.settings import EvaluationSettings
from imbalance_aware.evaluation.tested import classes_of_part, require_subjects
from imbalance_aware.evaluation.units import SAMPLE, samples_of, take, units_of
from imbalance_aware.evaluation.value_rows import reference_rows, value_rows
from imbalance_aware.files import write_text
from imbalance_aware.json_text import read_argument, read_object_argument
from imbalance_aware.metrics.catalogue import METRICS, RESAMPLED, metrics_for
from imbalance_aware.metrics.declaration import UNKNOWN, Context
from imbalance_aware.runs.identity import Run, identify
from imbalance_aware.schema import validate
from imbalance_aware.tables.comparisons import COMPARISONS
from imbalance_aware.tables.effects import EFFECTS
from imbalance_aware.tables.frames import EXPLORATORY, PRIMARY
from imbalance_aware.tables.predictions import Predictions, read_predictions
from imbalance_aware.tables.ranks import RANKS
from imbalance_aware.tables.values import VALUES

#: Name of each file -> its form.
TABLES = {"values": VALUES, "comparisons": COMPARISONS, "ranks": RANKS, "effects": EFFECTS}
#: Levels of the factors of each condition.
Levels = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Dataset:
    """What is known of a dataset beside the predictions.

    Attributes:
        runs: predictions.
        bases: what decision rules may learn from, of each run; None if no ``samples.csv`` is given.
        context: what is known of the classes.
    """

    runs: Mapping[Run, Predictions]
    bases: Mapping[Run, AnyBasis] | None = None
    context: Context = UNKNOWN


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--evaluation", default="{}", help="the block `evaluation` of the configuration, as JSON")
    parser.add_argument(
        "--conditions",
        help="JSON list with condition, loss, sampling and weighted of each condition; without it, no effects",
    )
    parser.add_argument(
        "--samples", type=Path, nargs="*", default=[], help="…/dataset/samples.csv, for rules that need class counts"
    )
    parser.add_argument(
        "--folds", type=Path, nargs="*", default=[], help="…/dataset/folds/repeat-R.csv of cross-validated datasets"
    )
    parser.add_argument(
        "--validation", type=Path, nargs="*", default=[], help="validation_predictions.csv of every trained run"
    )
    parser.add_argument("--context", default="{}", help="JSON with the class settings of each dataset, by dataset")
    parser.add_argument(
        "--out", type=Path, required=True, help=f"folder for {', '.join(f'{name}.csv' for name in TABLES)}"
    )
    parser.add_argument(
        "--predictions", type=Path, nargs="+", required=True, help="…/study/dataset/condition/replicate/predictions.csv"
    )


def run(args: argparse.Namespace) -> None:
    """Write the tables."""
    settings = validate(EvaluationSettings, read_argument(args.evaluation, "--evaluation"), "--evaluation")
    levels = read_levels(args.conditions) if args.conditions else {}
    places = {identify(path): path for path in args.predictions}
    rows: dict[str, list[dict]] = {name: [] for name in TABLES}
    for dataset in dict.fromkeys(place.dataset for place in places):
        runs = {place: read_predictions(path) for place, path in places.items() if place.dataset == dataset}
        for name, found in compare(_known(dataset, runs, args, settings.primary), settings, levels).items():
            rows[name] += [{"dataset": dataset} | row for row in found]
    for name, form in TABLES.items():
        write_text(args.out / f"{name}.csv", form.csv(pd.DataFrame(rows[name], columns=list(form.columns))))


def compare(dataset: Dataset, settings: EvaluationSettings, levels: Levels | None = None) -> dict[str, list[dict]]:
    """Rows of every table of `TABLES` for one dataset, without its name.

    Args:
        dataset: all runs of the study on it.
        settings: the declared evaluation.
        levels: condition -> level of each factor; without it there are no effects.

    Raises:
        UserError: no run of the baseline, or runs on different test images.
    """
    first = next(iter(dataset.runs.values()))
    check_same_test_set(dataset.runs)
    check_same_folds(dataset.runs)
    units = units_of(first)
    metrics = {name: metric for name, metric in metrics_for(dataset.context).items() if metric.resampled}
    judged = settings.unit if settings.unit in units else SAMPLE
    rows: dict[str, list[dict]] = {name: [] for name in TABLES}
    for unit in units:
        entrants = candidates(dataset.runs, unit, dataset.bases, dataset.context)
        if settings.baseline not in entrants.names:
            known = ", ".join(entrants.n_runs)
            raise UserError(f'the baseline "{settings.baseline}" has no run; there are runs of {known}')
        measured = entrants.measure(metrics)
        head = {"unit": unit}
        if dataset.bases is not None:
            basis = dataset.bases[next(iter(dataset.runs))]
            of_nothing = reference_rows(take(unit, samples_of(first)), first.classes, basis, dataset.context)
            rows["values"] += [head | _role(row, settings) | row for row in of_nothing]
        rows["values"] += [head | _role(row, settings) | row for row in value_rows(entrants, metrics, measured)]
        if unit == judged and measured:
            for name, metric in compared_metrics(settings.primary).items():
                primary = name == settings.primary
                one = Compared.of(entrants, metric, measured[name], settings.relevant_difference, primary)
                about = head | {"metric": name, "role": PRIMARY if primary else EXPLORATORY}
                found = _of_metric(one, settings.baseline, levels)
                for table, of_table in found.items():
                    rows[table] += [about | row for row in of_table]
    return rows


def compared_metrics(primary: str) -> dict:
    """Metrics of which differences are given: the primary one first."""
    return {primary: METRICS[primary]} | RESAMPLED


def read_levels(conditions: str) -> dict[str, dict[str, str]]:
    """Condition -> levels of its loss, sampling and weights, from JSON as the step ``collect`` has it.

    Rivals have none: what loss, sampling and weights change is what they change in training.

    Raises:
        UserError: it is not such a list.
    """
    try:
        return {
            row["condition"]: {
                "loss": loss_key(row["condition"], row["sampling"], row["weighted"]),
                "sampling": row["sampling"],
                "weights": WEIGHTED[row["weighted"]],
            }
            for row in read_argument(conditions, "--conditions")
            if not trained_and_rival(row["condition"])[1]
        }
    except (KeyError, TypeError) as error:
        raise UserError(f"--conditions: expected condition, loss, sampling and weighted of each: {error!r}") from None


def _of_metric(compared: Compared, baseline: str, levels: Levels | None) -> dict[str, Iterable[dict]]:
    found: dict[str, Iterable[dict]] = {
        "comparisons": comparison_rows(compared, baseline),
        "ranks": rank_rows(compared),
    }
    if levels:
        names = [name for name in _with_runs(compared.candidates) if condition_and_rule(name)[0] in levels]
        wanted = effects(names, levels, baseline)
        found["effects"] = effect_rows(compared, wanted)
    return found


def _with_runs(entrants: Candidates) -> list[str]:
    with_runs = {name for name, _ in entrants.outcomes}
    return [name for name in entrants.names if name in with_runs]


def _role(row: dict, settings: EvaluationSettings) -> dict:
    return {"role": PRIMARY if row["metric"] == settings.primary else EXPLORATORY}


def _known(dataset: str, runs: Mapping[Run, Predictions], args: argparse.Namespace, primary: str) -> Dataset:
    """The dataset with what the other arguments say of it."""
    first = next(iter(runs.values()))
    context = read_context(json.dumps(read_object_argument(args.context, "--context").get(dataset, {})), first.classes)
    samples = next((path for path in args.samples if path.parent.name == dataset), None)
    if samples is None:
        return Dataset(runs, context=context)
    # One run for all: `compare` refuses runs of other subjects than the first.
    tested = classes_of_part(samples, "test" if first.fold is None else None)
    require_subjects(
        first, tested, next(path for path in args.predictions if identify(path).dataset == dataset), samples
    )
    folds = [path for path in args.folds if path.parent.parent.name == dataset]
    counts = class_counts(samples, folds, first.classes, first.fold is not None)
    validation = [path for path in args.validation if identify(path).dataset == dataset]
    outcomes = validation_outcomes(validation, first.classes, context)
    return Dataset(runs, bases(runs, counts, outcomes, METRICS[primary]), context)
