"""Compute the metrics of one run, or of one cross-validation, from its predictions.

Nothing but predictions.csv is needed, so metrics can be recomputed anywhere. With --context, those that need the order,
prevalence or costs of the classes are among them. With --samples, the same metrics are also given under each decision
rule that can be applied: post-hoc logit adjustment takes the class frequencies of the training set out of the
predictions; with --validation there are offsets tuned for the metric --primary on the validation part, and temperature
scaling fitted on it; with costs, the class of least expected cost. In a cross-validation each fold has a training set
of its own: --folds names their table, and --fold the fold if the predictions are of one.

With --training and --validation, the metrics of the run's own training samples and of its validation part are under
`training` and `validation`. They show over-fitting; in a cross-validation they are means over the folds.

Where a group (patient) has more than one test sample, the same metrics of groups are under `by_group`: of the mean of
the probabilities of a group's samples, one unit for each class that these have. After an adjustment it is the mean of
the adjusted probabilities; the class of least expected cost is decided from the mean.

With --card, the model card of the run is written too: --configs and --about say what was trained and on what.

Predictions pooled over folds: accuracy, F1 and all else that follows from single subjects is taken over all of them at
once; AUROC, which compares probabilities of different subjects, is computed within each fold and averaged over the
folds.
"""

import argparse
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.context import read_context
from imbalance_aware.evaluation.decision_rules import TAU, AnyBasis, Basis, calibrate, can_calibrate, decide, usable
from imbalance_aware.evaluation.logit_adjustment import training_class_counts
from imbalance_aware.evaluation.metrics import outcome_metrics
from imbalance_aware.evaluation.other_parts import part_metrics, read_part
from imbalance_aware.evaluation.tested import classes_of_part, require_subjects
from imbalance_aware.evaluation.units import GROUP, SAMPLE, Units, samples_of, take, units_of
from imbalance_aware.files import write_json, write_text
from imbalance_aware.journal.model_card import CardFiles, model_card
from imbalance_aware.metrics.catalogue import METRICS, TEST_GROUPS, TEST_SUBJECTS
from imbalance_aware.metrics.declaration import Context, Outcome
from imbalance_aware.schema import nearest
from imbalance_aware.tables.folds import read_fold, read_folds
from imbalance_aware.tables.predictions import Predictions, read_predictions
from imbalance_aware.tables.run_metrics import (
    BY_GROUP,
    DECISION_RULES,
    POSTHOC,
    TEMPERATURE_SCALING,
    TRAINING_PART,
    VALIDATION_PART,
)

log = logging.getLogger(__name__)
#: What an adjustment does not change.
UNADJUSTED = ("n", "n_groups", "classes", TEST_SUBJECTS, TEST_GROUPS, "folds")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--predictions", type=Path, required=True, help="predictions.csv of a run")
    parser.add_argument("--samples", type=Path, help="samples.csv of its dataset, for the class frequencies")
    parser.add_argument("--folds", type=Path, help="table of the folds of its repeat, in a cross-validation")
    parser.add_argument("--fold", type=int, help="number of the fold, if the predictions are not pooled")
    parser.add_argument("--context", default="{}", help="JSON with the dataset's class settings")
    parser.add_argument(
        "--validation", type=Path, nargs="+", default=[], help="validation_predictions.csv of the run, or of each fold"
    )
    parser.add_argument(
        "--training", type=Path, nargs="+", default=[], help="training_predictions.csv of the run, or of each fold"
    )
    parser.add_argument("--primary", default="balanced_accuracy", help="metric for which offsets are tuned")
    parser.add_argument("--card", type=Path, help="model_card.md to write")
    parser.add_argument(
        "--configs", type=Path, nargs="+", default=[], help="for the model card: config.yaml of the run or each fold"
    )
    parser.add_argument(
        "--about", default="{}", help="for the model card: JSON with kind, phantoms, split and sources of the dataset"
    )
    parser.add_argument("--out", type=Path, required=True, help="metrics.json to write")


def run(args: argparse.Namespace) -> None:
    """Write the metrics; a run that collapsed or diverged is a result, said in the log.

    Raises:
        UserError: tables that cannot be used, or with --samples predictions of other subjects than the dataset's.
    """
    predictions = read_predictions(args.predictions)
    context = read_context(args.context, predictions.classes)
    parts = {
        TRAINING_PART: read_part(args.training, "--training", predictions),
        VALIDATION_PART: read_part(args.validation, "--validation", predictions),
    }
    blocks = _blocks(predictions, predictions.probabilities, context)
    if args.samples:
        _require_subjects(args, predictions, parts)
        outcome = Outcome(predictions.labels, predictions.probabilities, predictions.fold, context)
        basis = _basis(args, predictions, context, parts[VALIDATION_PART])
        for found in adjustments(outcome, basis, predictions.classes):
            for unit, metrics in _blocks(predictions, found.probabilities, context, found.rule).items():
                kept = {key: value for key, value in metrics.items() if key not in UNADJUSTED}
                place = blocks[unit].setdefault(DECISION_RULES, {}) if found.is_rule else blocks[unit]
                place[found.name] = found.about | kept
    for unit, block in blocks.items():
        block.update({name: part_metrics(tables, unit, context) for name, tables in parts.items() if tables})
    report = blocks[SAMPLE] | ({BY_GROUP: blocks[GROUP]} if GROUP in blocks else {})
    if args.card:
        if args.samples is None:
            raise UserError("--card: a model card needs --samples, for the class distribution")
        files = CardFiles(args.predictions, args.configs, args.samples, args.folds, args.fold)
        write_text(args.card, model_card(report, args.about, files))
    write_json(args.out, report)
    if report["status"] != "ok":
        log.warning("%s: %s", report["status"], args.predictions)
    for part in report.get("folds", []):
        if part["status"] != "ok":
            log.warning("fold %d %s: %s", part["fold"], part["status"], args.predictions)


def _require_subjects(args: argparse.Namespace, predictions: Predictions, parts: dict[str, list[Predictions]]) -> None:
    """Check each table of predictions against the dataset: one that lost its last lines is a table too.

    Raises:
        UserError: one of other subjects than the test, training or validation part, of the run or of each fold.
    """
    pooled = predictions.fold is not None
    folds: list[dict[str, str] | None] = [None]
    if pooled:
        folds = list(read_folds(_folds(args)))
    elif args.fold is not None:
        folds = [read_fold(_folds(args), args.fold)]
    tested = classes_of_part(args.samples, None if pooled else "test", folds[0])
    require_subjects(predictions, tested, args.predictions, args.samples)
    for name, part, paths in (
        (TRAINING_PART, "train", args.training),
        (VALIDATION_PART, "validation", args.validation),
    ):
        for path, table, fold in zip(paths, parts[name], folds, strict=False):
            require_subjects(table, classes_of_part(args.samples, part, fold), path, args.samples)


@dataclass(frozen=True)
class Adjustment:
    """Something done to the predictions, whose metrics are a block of the report.

    Attributes:
        name: key of the block.
        about: what the block says beside metrics.
        probabilities: of the samples after it, shape (n, K).
        rule: by which classes are decided from them.
        is_rule: whether the block is under `DECISION_RULES`.
    """

    name: str
    about: dict[str, Any]
    probabilities: np.ndarray
    rule: str = "argmax"
    is_rule: bool = False


def adjustments(outcome: Outcome, basis: AnyBasis, classes: Sequence[str]) -> Iterator[Adjustment]:
    """Every decision rule but argmax that exists for the predictions, and temperature scaling where it can be fitted.

    Args:
        outcome: the predictions of the samples; they need not be finite.
        basis: of the run, or of each fold.
        classes: K names in the order of the labels.
    """

    def told(what: Callable[[Basis], Any]) -> Any:
        """What is to be said of the basis, or of that of each fold."""
        if isinstance(basis, Basis):
            return what(basis)
        return {f"fold-{number}": what(own) for number, own in basis.items()}

    counts = told(lambda own: dict(zip(classes, own.class_counts, strict=True)))
    prior = decide("prior", outcome, basis).probabilities
    yield Adjustment(POSTHOC, {"tau": TAU, "training_class_counts": counts}, prior)
    if usable("offsets", outcome, basis):
        offsets = told(lambda own: dict(zip(classes, own.offsets.tolist(), strict=True)))
        shifted = decide("offsets", outcome, basis).probabilities
        yield Adjustment("offsets", {"offsets": offsets}, shifted, is_rule=True)
    if usable("cost", outcome, basis):
        yield Adjustment("cost", {}, outcome.probabilities, rule="cost", is_rule=True)
    if can_calibrate(outcome, basis):
        temperature = told(lambda own: own.temperature)
        yield Adjustment(TEMPERATURE_SCALING, {"temperature": temperature}, calibrate(outcome, basis).probabilities)


def _blocks(
    predictions: Predictions, probabilities: np.ndarray, context: Context, rule: str = "argmax"
) -> dict[str, dict[str, Any]]:
    """The metrics of each unit that there is, decided by a rule that needs no basis."""
    samples = samples_of(predictions, probabilities)
    return {unit: _metrics(take(unit, samples), predictions.classes, context, rule) for unit in units_of(predictions)}


def _metrics(units: Units, classes: Sequence[str], context: Context, rule: str) -> dict[str, Any]:
    groups = {name: len(np.unique(units.groups[units.labels == label])) for label, name in enumerate(classes)}
    outcome = Outcome(units.labels, units.probabilities, units.fold, context)
    report = outcome_metrics(decide(rule, outcome, Basis(())), classes)
    return {"n": report["n"], "n_groups": len(np.unique(units.groups)), TEST_GROUPS: groups} | report


def _basis(
    args: argparse.Namespace, predictions: Predictions, context: Context, tuned_on: Sequence[Predictions]
) -> AnyBasis:
    """What decision rules may learn from, of the run or of each fold: of its validation part if there is one.

    Raises:
        UserError: no such metric; no table of the folds.
    """
    if args.primary not in METRICS:
        raise UserError(f'--primary: there is no metric "{args.primary}".{nearest(args.primary, METRICS)}')
    validation = [Outcome(of.labels, of.probabilities, context=context) for of in tuned_on]

    def basis(counts: list[int], place: int) -> Basis:
        return Basis(counts, validation[place] if validation else None, METRICS[args.primary])

    if predictions.fold is None:
        parts = None if args.fold is None else read_fold(_folds(args), args.fold)
        return basis(training_class_counts(args.samples, predictions.classes, parts), 0)
    by_fold = _counts_by_fold(args, predictions)
    return {number: basis(counts, number) for number, counts in by_fold.items()}


def _counts_by_fold(args: argparse.Namespace, predictions: Predictions) -> dict[int, list[int]]:
    """Training samples of each class, in every fold.

    Raises:
        UserError: no table of folds, or one of other subjects or folds.
    """
    folds = read_folds(_folds(args))
    assert predictions.fold is not None
    if absent := sorted({*predictions.fold.tolist()} - {*range(len(folds))}):
        raise UserError(f"{args.predictions}: names the fold {absent[0]}, which {args.folds} does not have")
    return {
        number: training_class_counts(args.samples, predictions.classes, parts) for number, parts in enumerate(folds)
    }


def _folds(args: argparse.Namespace) -> Path:
    if args.folds is None:
        raise UserError(f"{args.predictions}: from a cross-validation; --folds must name the table of its folds")
    return args.folds
