"""Fit a rival to the features of one trained network, and classify its test samples.

Nothing but the features of the run (step `part_features`) is needed. Writes a run folder: predictions.csv (one
probability per class for each test subject), training_predictions.csv and validation_predictions.csv where the run has
them, and config.yaml, the settings of the run with a block `rival`; it is written last.

A hyperparameter is chosen on the validation part by the metric --primary; without such a part it has its default. Test
samples are only classified. A rival of a run that diverged has no finite probabilities, and counts as diverged too.
"""

import argparse
import logging
import math
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from threadpoolctl import threadpool_limits

from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.metrics.overall import overall_metric
from imbalance_aware.rivals.catalogue import RIVALS
from imbalance_aware.rivals.frozen import Classifier, Frozen, Method
from imbalance_aware.rivals.part_features import TEST, TRAIN, VALIDATION, Part, PartFeatures, read_part_features
from imbalance_aware.runs.run_config import read_config
from imbalance_aware.runs.run_folder import CONFIG, PREDICTIONS, TRAINING_PREDICTIONS, VALIDATION_PREDICTIONS
from imbalance_aware.tables.csv_text import make_again
from imbalance_aware.tables.predictions import predictions_csv
from imbalance_aware.tables.samples import read_samples

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--rival", required=True, choices=[*RIVALS], help="which rival")
    parser.add_argument("--features", type=Path, required=True, help="part_features.npz of the run")
    parser.add_argument("--config", type=Path, required=True, help="config.yaml of the run")
    parser.add_argument("--samples", type=Path, required=True, help="samples.csv of its dataset")
    parser.add_argument("--primary", help="metric that a hyperparameter is chosen by, where there is a validation part")
    parser.add_argument("--code", default="", help="digest of the code, to be recorded")
    parser.add_argument("--out", type=Path, required=True, help="run folder to write")


def run(args: argparse.Namespace) -> None:
    """Write the run folder of the rival; ``config.yaml`` last.

    Raises:
        UserError: files that are missing, damaged or not of one run, or no such metric.
    """
    config, known = read_config(args.config), read_part_features(args.features)
    if known.data != config["recorded"].get("data"):
        raise UserError(f"{args.features}: not of the run of {args.config}. {make_again(args.features)}")
    samples = {sample["subject"]: sample for sample in read_samples(args.samples)}
    rows = {name: _rows(part, samples, args) for name, part in known.parts.items()}
    classes = class_names(samples.values())
    method: Method = import_module(f"imbalance_aware.{RIVALS[args.rival].module}").METHOD
    if all(np.isfinite(array).all() for array in _arrays(known)):
        frozen = frozen_of(known, labels_of(rows[TRAIN]))
        held_out = known.parts[VALIDATION].features.astype(np.float64), labels_of(rows[VALIDATION])
        with threadpool_limits(limits=1):  # so that sums have one order
            classifier, chosen = fitted(method, frozen, *held_out, args.primary, config["recorded"]["seed"])
    else:
        log.warning("%s: the training diverged, so this rival of it has no predictions", args.features)
        classifier, chosen = (lambda features: np.full((len(features), len(classes)), np.nan)), {}
    files = {PREDICTIONS: TEST}
    files |= {TRAINING_PREDICTIONS: TRAIN} if config["training"].get("training_predictions") else {}
    files |= {VALIDATION_PREDICTIONS: VALIDATION} if rows[VALIDATION] else {}
    (args.out / CONFIG).unlink(missing_ok=True)
    for file, name in reversed(files.items()):
        with threadpool_limits(limits=1):
            probabilities = classifier(known.parts[name].features.astype(np.float64))
        write_text(args.out / file, predictions_csv(rows[name], classes, probabilities))
    about = {"name": args.rival, **chosen, "code": args.code, "versions": _versions()}
    write_text(args.out / CONFIG, yaml.safe_dump({**config, "rival": about}, sort_keys=False))


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("numpy", "scikit-learn")}


def _arrays(known: PartFeatures) -> list[np.ndarray]:
    return [known.weight, known.bias, *(part.features for part in known.parts.values())]


def _rows(part: Part, samples: dict[str, dict[str, str]], args: argparse.Namespace) -> list[dict[str, str]]:
    subjects = part.subjects.tolist()
    if absent := [subject for subject in subjects if subject not in samples]:
        raise UserError(
            f"{args.features}: holds the subject {absent[0]}, which {args.samples} lacks. {make_again(args.features)}"
        )
    return [samples[subject] for subject in subjects]


def class_names(samples: Any) -> list[str]:
    """Names of the classes in label order, of rows of ``samples.csv``."""
    return [name for _, name in sorted({(int(sample["label"]), sample["class"]) for sample in samples})]


def labels_of(rows: list[dict[str, str]]) -> np.ndarray:
    """Labels of rows of ``samples.csv``, (n,)."""
    return np.array([int(row["label"]) for row in rows], dtype=np.int64)


def frozen_of(known: PartFeatures, labels: np.ndarray) -> Frozen:
    """What rivals are fitted to.

    Args:
        known: finite features.
        labels: of the training samples, (n,).
    """
    features = known.parts[TRAIN].features.astype(np.float64)
    return Frozen(features, labels, known.weight.astype(np.float64), known.bias.astype(np.float64))


def fitted(
    method: Method, frozen: Frozen, features: np.ndarray, labels: np.ndarray, primary: str | None, seed: int
) -> tuple[Classifier, dict[str, Any]]:
    """A rival with the value of its hyperparameter that is best on the validation part, and what is recorded of it.

    Args:
        method: the rival.
        frozen: what it is fitted to.
        features: of the validation part, (n, F); with n = 0, or a metric that is undefined there, the hyperparameter
            has its default.
        labels: of the validation part, (n,).
        primary: the metric; needed where n > 0.
        seed: of the run.

    Raises:
        UserError: no such metric.
    """
    if not method.parameter:
        return method.fit(frozen, None, seed), {}
    best = method.fit(frozen, method.default, seed)
    chosen: dict[str, Any] = {"value": method.default, "chosen_by": "default"}
    if len(labels):
        metric, judge = overall_metric(primary, "--primary")
        sign = 1 if metric.better == "higher" else -1
        tried = {value: method.fit(frozen, value, seed) for value in method.grid}
        found = {value: judge(labels, classifier(features)) for value, classifier in tried.items()}
        defined = {value: sign * score for value, score in found.items() if score is not None and math.isfinite(score)}
        if defined:
            value = max(defined, key=lambda one: defined[one])  # the first of equals
            best, tried_values = tried[value], {str(one): score for one, score in found.items()}
            chosen = {"value": value, "chosen_by": f"{primary} on the validation part", "tried": tried_values}
        else:
            log.warning("%s is undefined on the validation part: %s has its default", primary, method.parameter)
    return best, {"parameter": method.parameter, **chosen}
