"""Train one condition with one seed, on the fixed split of a dataset or on one fold of its cross-validation.

Writes a run folder: model.pt (weights and all that is needed to use them), config.yaml (all that shaped the run; can be
given to --settings again), history.csv (one row per epoch), predictions.csv (one probability per class for each test
subject) and features.npy (what the last layer sees of them); also training_predictions.csv (of the training samples,
unless that is switched off) and validation_predictions.csv (if there is a validation part). All are made by the weights
that are kept: those of the last epoch, or with `training.select: best` those of the epoch that is best on the
validation part. What an earlier run left there is deleted before training begins, and config.yaml is written last: a
folder that holds it holds the whole run.

The same data, settings and seed give the same bytes on the same kind of CPU with the same number of threads (except the
column `seconds` of history.csv). A killed run continues from its last checkpoint when it is started again, and gives
the same bytes. SIGTERM and SIGINT save a checkpoint first. A run that diverges (weights that are not finite) stops and
writes its files: that is a result.
"""

import argparse
import hashlib
import json
import logging
import math
import platform
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

import imbalance_aware
from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic, write_text
from imbalance_aware.losses.build import check_losses
from imbalance_aware.models.build import check_network, packages_of, with_constants
from imbalance_aware.models.make import make_model
from imbalance_aware.models.network import Network
from imbalance_aware.models.normalised import constants_of
from imbalance_aware.models.pretrained import load_pretrained
from imbalance_aware.runs.checkpoint import Checkpoint
from imbalance_aware.runs.dataset import Fold
from imbalance_aware.runs.interruption import Interrupted, Interruption
from imbalance_aware.runs.lock import Lock, locked
from imbalance_aware.runs.memory import enough_memory
from imbalance_aware.runs.model_file import save_model
from imbalance_aware.runs.numbers import training_code
from imbalance_aware.runs.run_folder import (
    CONFIG,
    FEATURES,
    HISTORY,
    MODEL,
    PREDICTIONS,
    TRAINING_PREDICTIONS,
    VALIDATION_PREDICTIONS,
    clear,
    remove_remains,
)
from imbalance_aware.runs.select_device import select_device
from imbalance_aware.runs.settings import RunSettings, check
from imbalance_aware.runs.shared import Shared
from imbalance_aware.runs.validation import score_of_run
from imbalance_aware.runs.weights_file import find_weights, read_weights
from imbalance_aware.schema import parse
from imbalance_aware.tables.history import history_csv
from imbalance_aware.tables.predictions import predictions_csv
from imbalance_aware.training.data import Dataset, Split
from imbalance_aware.training.device import Device
from imbalance_aware.training.loop import Training, begin, input_of

log = logging.getLogger(__name__)

CHECKPOINT_EVERY_S = 60.0
HISTORY_EVERY_S = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--images", type=Path, required=True, help="images.npy of the dataset")
    parser.add_argument("--samples", type=Path, required=True, help="samples.csv of the dataset")
    parser.add_argument("--folds", type=Path, help="folds/repeat-R.csv of a cross-validated dataset")
    parser.add_argument("--fold", type=int, help="number of the fold, from 0")
    parser.add_argument("--settings", required=True, help="run settings: JSON, or a file such as a run's config.yaml")
    parser.add_argument(
        "--seed", type=int, required=True, help="random seed of initial weights, batches and augmentation"
    )
    parser.add_argument("--out", type=Path, required=True, help="run folder to write")
    parser.add_argument(
        "--weights",
        nargs="*",
        default=[],
        metavar="SHA256=FILE",
        help="where files of weights lie, instead of model.weights.path of the settings",
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--code", help="digest of the code (default: computed)")
    parser.add_argument(
        "--checkpoint-every-s",
        type=float,
        default=CHECKPOINT_EVERY_S,
        help="seconds between two checkpoints (default: 60)",
    )


def run(args: argparse.Namespace, shared: Shared | None = None) -> None:
    """Train one run, or continue from its checkpoint, and write the run folder; ``config.yaml`` last.

    Args:
        args: those of `add_arguments`.
        shared: what runs of this process have in common; None: it is the only one.

    Raises:
        UserError: settings or data are not usable, another process holds the folder, or memory does not suffice.
        SystemExit: stopped by a signal, after a checkpoint was saved.
    """
    settings, shared = parse(RunSettings, args.settings), shared or Shared()
    if args.seed < 0:
        raise UserError(f"--seed is {args.seed}; it must not be negative")
    fold = _fold(args)
    device = select_device(settings.training, args.threads)
    with locked(args.out) as lock:
        remove_remains(args.out)
        dataset = shared.dataset(args.images, args.samples, fold)
        score = score_of_run(settings, dataset, args.samples if fold is None else fold.table)
        check(settings.augmentation, dataset.images.shape[2:])
        network = settings.model.network
        pretrained = settings.model.weights is not None
        code = args.code or training_code(settings.condition.loss, network, settings.validation_metric, pretrained)
        recorded = _record(args.seed, dataset, code, device, args.threads)
        if fold is not None:
            recorded |= {"folds": fold.table.name, "fold": fold.number}
        recorded["versions"] |= packages_of(network)
        architecture = with_constants(settings.shaping()["model"])
        if settings.model.weights is not None:
            recorded["normalisation"] = _normalisation(architecture, dataset)
        checkpoint = Checkpoint(args.out, _key(settings, recorded))
        # A run may continue on another kind of processor, but its bytes then depend on both: not part of the key.
        config = settings.shaping() | {"recorded": recorded | {"processor": device.processor()}}
        with enough_memory(settings, dataset.images.shape[1:], device.torch_device):
            condition = settings.condition
            check_losses(condition.loss, condition.kwargs, dataset.class_counts)
            check_network(architecture, input_of(settings, dataset))
            model = _pretrained(settings, architecture, dataset, args)
            images = shared.images(dataset, device)
            training = begin(settings, args.seed, dataset, device, score, model, images=images)
            state = checkpoint.load()
            clear(args.out)
            if state is not None:
                training.restore(state)
                log.info("continues %s", _place(training))
            try:
                _train(training, checkpoint, lock, args)
            except Interrupted as stop:
                log.warning("%s", stop)
                raise SystemExit(stop.exit_status) from None
            _finish(args.out, training, dataset, config, architecture)
        checkpoint.remove()


def _fold(args: argparse.Namespace) -> Fold | None:
    if (args.folds is None) != (args.fold is None):
        raise UserError(
            "--folds and --fold must be given together: the table of a dataset's folds, and the fold to train"
        )
    return None if args.folds is None else Fold(args.folds, args.fold)


def _record(seed: int, dataset: Dataset, code: str, device: Device, threads: int) -> dict[str, Any]:
    """What shaped the run beside its settings."""
    validation = {"validation_samples": len(dataset.validation.rows)} if len(dataset.validation.rows) else {}
    return {
        "seed": seed,
        "data": dataset.digest,
        **validation,
        "code": code,
        "device": device.torch_device.type,
        "precision": device.precision,
        "threads": threads,
        "versions": {
            "imbalance_aware": imbalance_aware.__version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
        },
    }


def _normalisation(architecture: dict[str, Any], dataset: Dataset) -> dict[str, list[float]]:
    """What the network subtracts from each channel of the images, and divides it by."""
    channels = dataset.images.shape[1]
    return {key: constants_of(architecture["weights"][key], channels) for key in ("mean", "std")}


def _pretrained(
    settings: RunSettings, architecture: dict[str, Any], dataset: Dataset, args: argparse.Namespace
) -> Network | None:
    """The network with the weights of a file; None where the run begins with random ones."""
    weights = settings.model.weights
    if weights is None:
        return None
    path = find_weights(weights, args.weights)
    state = read_weights(path, weights.sha256)
    model = make_model(architecture, input_of(settings, dataset), args.seed)
    try:
        loaded = load_pretrained(model, state)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    adapted = f"; {loaded.adapted} was adapted to {dataset.images.shape[1]} channels" if loaded.adapted else ""
    log.info("%s: %d entries loaded%s", path, loaded.taken, adapted)
    log.info("not loaded, the head of the earlier training: %s", ", ".join(loaded.head) or "none")
    return model


def _key(settings: RunSettings, recorded: dict[str, Any]) -> str:
    """Digest of all that decides whether a run may continue from a checkpoint.

    The version of this package is not in it: the digest of the code says more.
    """
    versions = {name: version for name, version in recorded["versions"].items() if name != "imbalance_aware"}
    decisive = settings.decisive() | recorded | {"versions": versions}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _train(training: Training, checkpoint: Checkpoint, lock: Lock, args: argparse.Namespace) -> None:
    """Train to the end, saving now and then and when interrupted."""
    epochs, saved, written = training.settings.training.epochs, time.monotonic(), -HISTORY_EVERY_S
    started, done_before = time.monotonic(), training.position.epoch

    def after_step() -> None:
        nonlocal saved
        lock.touch()
        if interruption.received:
            raise Interrupted(interruption.received, _place(training), checkpoint.save(training.state()))
        if time.monotonic() - saved >= args.checkpoint_every_s:
            checkpoint.save(training.state())
            saved = time.monotonic()

    def after_epoch() -> None:
        nonlocal written
        if time.monotonic() - written >= HISTORY_EVERY_S:
            with suppress(OSError):  # a full disk: training continues, and the files written at the end report it
                write_text(args.out / HISTORY, _history(training))
            written = time.monotonic()
        epoch, elapsed = training.history[-1], time.monotonic() - started
        left = elapsed / (epoch.epoch - done_before) * (epochs - epoch.epoch)
        log.info(
            "epoch %d/%d  loss %.4f  balanced accuracy %.3f (training)%s  learning rate %.2e  %.0f s, "
            "about %.0f s left",
            epoch.epoch,
            epochs,
            epoch.train_loss,
            epoch.train_balanced_accuracy,
            _validated(training),
            epoch.learning_rate,
            elapsed,
            left,
        )

    with Interruption() as interruption:
        training.run(after_step, after_epoch)
    if training.diverged():
        log.warning(
            "diverged in epoch %d: the weights are not finite, further steps are useless", training.position.epoch
        )
    if training.best is not None:
        log.info(
            "the best epoch on the validation part is %d; training ended after %d of %d",
            training.best.epoch,
            training.position.epoch,
            epochs,
        )


def _validated(training: Training) -> str:
    """What the last epoch's message says of the validation part."""
    epoch, validation = training.history[-1], training.validation
    if validation is None or math.isnan(epoch.validation_loss):
        return ""
    return f"  loss {epoch.validation_loss:.4f}  {validation.score.name} {epoch.validation_metric:.3f} (validation)"


def _history(training: Training) -> str:
    return history_csv(training.history, None if training.validation is None else training.validation.score.name)


def _place(training: Training) -> str:
    return f"after {training.position.epoch} epochs and {training.position.step} steps"


def _finish(
    folder: Path, training: Training, dataset: Dataset, config: dict[str, Any], architecture: dict[str, Any]
) -> None:
    """Write what the run is for."""
    training.finish()
    if training.best is not None:
        config["recorded"]["best_epoch"] = training.best.epoch or None
    write_text(folder / HISTORY, _history(training))
    if training.validation is not None:
        _predict(folder / VALIDATION_PREDICTIONS, training, dataset.validation, dataset.classes)
    if training.settings.training.training_predictions:
        _predict(folder / TRAINING_PREDICTIONS, training, dataset.train, dataset.classes)
    features = _predict(folder / PREDICTIONS, training, dataset.test, dataset.classes)
    with atomic(folder / FEATURES) as temporary:
        np.save(temporary, features)
    save_model(folder / MODEL, training.model, input_of(training.settings, dataset), config | {"model": architecture})
    # The last file: it marks the run as done and records settings, code and data.
    write_text(folder / CONFIG, yaml.safe_dump(config, sort_keys=False))


def _predict(path: Path, training: Training, split: Split, classes: Sequence[str]) -> np.ndarray:
    """Write what the finished run predicts of a split; returns the features, float32 ``(n, F)``."""
    probabilities, features = training.predict(split.rows)
    write_text(path, predictions_csv(split.samples, classes, probabilities))
    return features
