"""Keep what a trained network makes of all samples of its run: the features before its last layer, and that layer.

Writes part_features.npz with the features of the training, validation and test samples of the run, without
augmentation, as `predict` computes them; of a cross-validated dataset --folds and --fold name the fold that the network
was trained on. Nothing is trained. The rivals of the run (step `rival`) need nothing else of images or network.
"""

import argparse
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.rivals.part_features import TEST, TRAIN, VALIDATION, Part, PartFeatures, write_part_features
from imbalance_aware.runs.dataset import Fold, open_dataset
from imbalance_aware.runs.memory import enough_memory_to_classify
from imbalance_aware.runs.model_file import load_model
from imbalance_aware.runs.select_device import select_device
from imbalance_aware.runs.settings import TrainingSettings
from imbalance_aware.training.batches import on_device
from imbalance_aware.training.inference import predict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--model", type=Path, required=True, help="model.pt of a finished run")
    parser.add_argument("--images", type=Path, required=True, help="images.npy of its dataset")
    parser.add_argument("--samples", type=Path, required=True, help="samples.csv of its dataset")
    parser.add_argument("--folds", type=Path, help="folds/repeat-R.csv of a cross-validated dataset")
    parser.add_argument("--fold", type=int, help="the fold that the run was trained on, from 0")
    parser.add_argument("--out", type=Path, required=True, help="part_features.npz to write")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(default: auto)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")


def run(args: argparse.Namespace) -> None:
    """Write the file.

    Raises:
        UserError: files that are missing or damaged, a network that was trained on other data or in another fold, or
            too little memory.
    """
    if (args.folds is None) != (args.fold is None):
        raise UserError("--folds and --fold belong together: the table of a dataset's folds, and which of them")
    device = select_device(TrainingSettings(device=args.device, precision="float32"), args.threads)
    model, spec, config = load_model(args.model)
    dataset = open_dataset(args.images, args.samples, None if args.fold is None else Fold(args.folds, args.fold))
    if config.get("recorded", {}).get("data") != dataset.digest:
        where = args.samples if args.fold is None else f"{args.samples}, fold {args.fold} of {args.folds}"
        raise UserError(
            f"{args.model}: was trained on other images or other parts than those of {where}, so its features would "
            "mix training and test samples; train it again, or name the data that it was trained on"
        )
    model = model.to(device.torch_device)
    images, batch_size = on_device(dataset.images, device), config["training"]["batch_size"]
    seen: dict[str, Part] = {}
    with enough_memory_to_classify(batch_size, dataset.images.shape[1:], device.torch_device):
        for name, split in ((TRAIN, dataset.train), (VALIDATION, dataset.validation), (TEST, dataset.test)):
            if len(split.rows):
                _, features = predict(model, images, split.rows, spec.crop, batch_size)
            else:
                features = np.empty((0, seen[TRAIN].features.shape[1]), dtype=np.float32)
            seen[name] = Part(np.array([sample["subject"] for sample in split.samples], dtype=str), features)
    layer = model.last_layer()
    weight, bias = (values.detach().cpu().numpy() for values in (layer.weight, layer.bias))
    write_part_features(args.out, PartFeatures(seen, weight, bias, dataset.digest))
