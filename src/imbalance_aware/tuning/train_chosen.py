"""Train one run of a tuned study: a condition with the values that were chosen for it, and one seed.

The network is trained without the test part, as every trial is, in the folder of its values below --trained. Where a
trial with this seed has trained it already, it is used as it is. The run folder is then made from it: the same files
as those of `train`, with the test part predicted by these weights.
"""

import argparse
import copy
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic, write_text
from imbalance_aware.runs import train
from imbalance_aware.runs.dataset import Fold
from imbalance_aware.runs.lock import locked
from imbalance_aware.runs.memory import enough_memory_to_classify
from imbalance_aware.runs.model_file import load_model, save_model
from imbalance_aware.runs.run_config import read_config
from imbalance_aware.runs.run_folder import (
    CONFIG,
    FEATURES,
    HISTORY,
    MODEL,
    OPTIONAL,
    PREDICTIONS,
    clear,
    finished,
    outputs,
    remove_checkpoints,
    remove_remains,
)
from imbalance_aware.runs.same_run import is_run
from imbalance_aware.runs.select_device import select_device
from imbalance_aware.runs.settings import RunSettings
from imbalance_aware.runs.shared import Shared
from imbalance_aware.schema import parse
from imbalance_aware.tables.predictions import predictions_csv
from imbalance_aware.tables.trials import Trial, read_trials
from imbalance_aware.training.data import Dataset
from imbalance_aware.training.inference import predict
from imbalance_aware.tuning.values import with_values


@dataclass(frozen=True)
class Chosen:
    """What was chosen for a run: the trial, its settings, and where it is trained."""

    trial: Trial
    settings: RunSettings
    folder: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    train.add_arguments(parser)
    parser.add_argument("--trials", type=Path, required=True, help="trials.csv of the condition in this split")
    parser.add_argument(
        "--trained", type=Path, required=True, help="folder of this seed and split that has one folder per trial"
    )


def run(args: argparse.Namespace) -> None:
    """Write the run folder; ``config.yaml`` last.

    Raises:
        UserError: as `train` does, or the table of trials cannot be read.
        SystemExit: stopped by a signal, after a checkpoint was saved.
    """
    if not args.code:
        raise UserError("--code: needed, to tell whether a trial was trained by this code")
    trial = _chosen(args.trials)
    settings = with_values(parse(RunSettings, args.settings), trial.values)
    chosen = Chosen(trial, settings, args.trained / trial.trial)
    with locked(args.out):
        remove_remains(args.out)
        fold = None if args.fold is None else Fold(args.folds, args.fold)
        shared = Shared()
        dataset = shared.dataset(args.images, args.samples, fold)
        if not is_run(finished(chosen.folder) or {}, settings, args.seed, args.code, dataset.digest):
            train.run(_of_trial(args, chosen), shared)
        remove_checkpoints(chosen.folder)  # one is left where a process was killed as its last act
        clear(args.out)
        _finish(args, chosen, dataset, shared)


def _chosen(path: Path) -> Trial:
    chosen = [trial for trial in read_trials(path) if trial.chosen]
    if len(chosen) != 1:
        raise UserError(f"{path}: has trials of more than one condition or split; expected those of one")
    return chosen[0]


def _of_trial(args: argparse.Namespace, chosen: Chosen) -> argparse.Namespace:
    """The arguments of `train` for the network."""
    other = {"settings": chosen.settings.model_dump_json(), "out": chosen.folder, "without_test": True}
    return argparse.Namespace(**{**vars(args), **other})


def _finish(args: argparse.Namespace, chosen: Chosen, dataset: Dataset, shared: Shared) -> None:
    """Write the files of the run: those of its training, and what it predicts of the test part."""
    model, spec, of_model = load_model(chosen.folder / MODEL)
    config = read_config(chosen.folder / CONFIG)
    there = outputs(config)
    for name in (HISTORY, *(name for name in OPTIONAL if name in there)):
        with atomic(args.out / name) as temporary:
            shutil.copyfile(chosen.folder / name, temporary)
    device = select_device(chosen.settings.training, args.threads)
    batch_size, test = chosen.settings.training.batch_size, dataset.test
    with enough_memory_to_classify(batch_size, dataset.images.shape[1:], device.torch_device):
        images = shared.images(dataset, device)
        found = predict(model.to(device.torch_device), images, test.rows, spec.crop, batch_size)
    probabilities, features = found
    write_text(args.out / PREDICTIONS, predictions_csv(test.samples, dataset.classes, probabilities))
    with atomic(args.out / FEATURES) as temporary:
        np.save(temporary, features)
    save_model(args.out / MODEL, model, spec, _tested(of_model, chosen.trial))
    write_text(args.out / CONFIG, yaml.safe_dump(_tested(config, chosen.trial), sort_keys=False))


def _tested(config: dict[str, Any], trial: Trial) -> dict[str, Any]:
    """The config of the run, which says how its values were chosen."""
    config = copy.deepcopy(config)
    recorded = config["recorded"]
    del recorded["tested"]
    recorded["tuning"] = {
        "values": trial.values,
        "trials": trial.trials,
        "metric": trial.metric,
        "score": trial.score,
        "seed": trial.seed,
    }
    return config
