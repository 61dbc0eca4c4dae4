"""Compute where the best and the baseline condition of a study find what they decide by: Grad-CAM of test subjects.

Beside the trained networks the same is computed for networks of the same architecture with random weights (Adebayo et
al., "Sanity checks for saliency maps", NeurIPS 2018: randomisation of all parameters). Where the maps of a trained
network are as much like those of random weights as like those of another trained network, they show the image and the
architecture, not what was learned.

The networks are those of the first seed, of a cross-validated dataset of its first repeat and fold, and the subjects
are that fold's test subjects. All maps of a subject explain the score of one class, which the best condition predicts.
"""

import argparse
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.image_digests import image_digest, require_tie
from imbalance_aware.models.make import InputSpec, make_model
from imbalance_aware.models.network import Network
from imbalance_aware.reporting.explained_subjects import best_condition, chosen_subjects
from imbalance_aware.reporting.explanation_maps import ExplanationMaps, nothing_to_explain
from imbalance_aware.reporting.grad_cam import (
    FEWEST_CELLS,
    Explainer,
    Layer,
    last_layer_with_maps,
    spearman,
    upsampled,
)
from imbalance_aware.runs.dataset import open_images
from imbalance_aware.runs.identity import identify
from imbalance_aware.runs.model_file import load_model
from imbalance_aware.runs.run_folder import PREDICTIONS
from imbalance_aware.tables.csv_text import make_again
from imbalance_aware.tables.predictions import Predictions, read_predictions
from imbalance_aware.tables.ranks import RANKS
from imbalance_aware.tables.samples import IMAGE_DIGEST, read_samples
from imbalance_aware.tables.similarities import BASELINE, BEST, RANDOM, SIMILARITIES
from imbalance_aware.training.augment_cpu import CpuImages
from imbalance_aware.training.augmentation import unchanged
from imbalance_aware.training.device import set_up

log = logging.getLogger(__name__)

#: Of the networks with random weights; far from the seeds that studies use, whose first weights are not independent of
#: what is trained from them.
RANDOM_SEEDS = range(1_000_000_000, 1_000_000_010)
#: How far the probabilities computed here may differ from those in ``predictions.csv``, which a GPU may have computed.
TOLERANCE = 0.01


@dataclass(frozen=True)
class Trained:
    """A run of a condition.

    Attributes:
        path: of its model.
        model: on the CPU.
        spec: what it takes.
        architecture: settings of ``model``.
        predictions: of its test subjects.
    """

    path: Path
    model: Network
    spec: InputSpec
    architecture: dict[str, Any]
    predictions: Predictions

    @property
    def converged(self) -> bool:
        """Whether all its probabilities are finite."""
        return bool(np.isfinite(self.predictions.probabilities).all())


@dataclass(frozen=True)
class Seen:
    """What one network makes of one image.

    Attributes:
        cells: Grad-CAM of the explained class, before interpolation.
        probabilities: of the classes, (K,).
    """

    cells: Tensor
    probabilities: np.ndarray


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--ranks", type=Path, required=True, help="ranks.csv of the study")
    parser.add_argument("--baseline", required=True, help="name of the baseline condition")
    parser.add_argument("--images", type=Path, required=True, help="array of the dataset's images")
    parser.add_argument("--samples", type=Path, required=True, help="table of the array's rows")
    parser.add_argument("--maps", type=Path, required=True, help="maps to write (.npz)")
    parser.add_argument("--similarity", type=Path, required=True, help="table of their similarity to write (.csv)")
    parser.add_argument(
        "models",
        type=Path,
        nargs="+",
        help="…/seed-N/model.pt, beside predictions.csv, of every condition on one dataset, with one seed and fold",
    )


def run(args: argparse.Namespace) -> None:
    """Write both files; where nothing can be explained, they have no subjects, and the maps say why.

    Raises:
        UserError: files that are missing, or do not belong together.
    """
    set_up(threads=1)
    runs = {identify(path).condition: path for path in args.models}
    datasets = {identify(path).dataset for path in args.models}
    if len(datasets) > 1:
        raise UserError(
            f"only models of one dataset can be explained at a time; these are from {', '.join(sorted(datasets))}"
        )
    dataset = datasets.pop()
    if args.baseline not in runs:
        raise UserError(f"no model of the baseline {args.baseline} is given; there are {', '.join(runs)}")
    found, rows = explain(runs, dataset, args)
    if str(found.note):
        log.info("%s: %s", dataset, found.note)
    found.save(args.maps)
    write_text(args.similarity, SIMILARITIES.csv(pd.DataFrame(rows, columns=list(SIMILARITIES.columns), dtype=object)))


def explain(runs: Mapping[str, Path], dataset: str, args: argparse.Namespace) -> tuple[ExplanationMaps, list[dict]]:
    """The maps, and the rows of the table of their similarity.

    Args:
        runs: condition -> its model.
        dataset: its name.
        args: of the step.
    """
    best = best_condition(RANKS.read(args.ranks), dataset, runs)
    if best is None:
        return nothing_to_explain("no condition has a rank: its runs diverged, or its metric is not defined"), []
    roles = {BEST: best} if best == args.baseline else {BASELINE: args.baseline, BEST: best}
    trained = {role: read_run(runs[condition]) for role, condition in roles.items()}
    leader = trained[BEST]
    if not leader.converged:
        return nothing_to_explain(f"the first run of the best condition, {best}, diverged"), []
    note = f"The baseline, {best}, is the best condition." if best == args.baseline else ""
    if not all(one.converged for one in trained.values()):
        note = f"The first run of the baseline, {args.baseline}, diverged and has no maps."
    trained = {role: one for role, one in trained.items() if one.converged}
    chosen = chosen_subjects(leader.predictions)
    subjects = [str(leader.predictions.subjects[one.place]) for one in chosen]
    images = list(read_images(args.images, args.samples, subjects, leader.spec))
    layer = last_layer_with_maps(leader.model, images[0])
    if layer is None:
        return nothing_to_explain(
            f"the network has no layer that everything passes through and that returns maps of at least {FEWEST_CELLS} "
            "cells along each axis"
        ), []
    labels = [one.explained for one in chosen]
    found = {role: look(one.model, layer, images, labels) for role, one in trained.items()}
    for role, one in trained.items():
        require_one_run(one, subjects, found[role])
    drawn = [look(random_network(leader, seed), layer, images, labels) for seed in RANDOM_SEEDS]
    shown = found | {RANDOM: [first_with_a_map(of_one) for of_one in zip(*drawn, strict=True)]}
    maps = ExplanationMaps(
        classes=np.array(leader.predictions.classes, dtype=str),
        subjects=np.array(subjects, dtype=str),
        labels=leader.predictions.labels[[one.place for one in chosen]],
        outcomes=np.array([one.outcome for one in chosen], dtype=str),
        explained=np.array(labels, dtype=np.int64),
        networks=np.array([*shown], dtype=str),
        conditions=np.array([*(roles[role] for role in trained), ""], dtype=str),
        probabilities=np.stack([[one.probabilities for one in of_one] for of_one in shown.values()], axis=1),
        images=np.stack([picture_of(image) for image in images]),
        maps=np.stack([[map_of(one.cells, leader.spec.seen) for one in of_one] for of_one in shown.values()], axis=1),
        layer=np.array(layer.name),
        cells=np.array(layer.cells, dtype=np.int64),
        note=np.array(note),
    )
    return maps, list(similarity_rows(maps, dataset, found, drawn))


def read_run(path: Path) -> Trained:
    """A model and the predictions beside it."""
    model, spec, config = load_model(path)
    return Trained(path, model, spec, config["model"], read_predictions(path.with_name(PREDICTIONS)))


def random_network(trained: Trained, seed: int) -> Network:
    """A network of the same architecture as it is before training; no weight, mean or variance is kept."""
    return make_model(trained.architecture, trained.spec, seed).eval()


def read_images(images: Path, samples: Path, subjects: Sequence[str], spec: InputSpec) -> Iterator[Tensor]:
    """Images of subjects as the network takes them: float32 ``(1, C, *spatial)``.

    Raises:
        UserError: a subject that is not in the table, or an image that is not that of its row.
    """
    stored, rows = open_images(images), read_samples(samples)
    places = {row["subject"]: place for place, row in enumerate(rows)}
    batches = CpuImages(stored)
    for subject in subjects:
        place = places.get(subject)
        if place is None or place >= len(stored):
            raise UserError(
                f"{samples} and {images}: have no image of the test subject {subject}. {make_again(samples)}"
            )
        require_tie(image_digest(stored[place]), rows[place][IMAGE_DIGEST], place, subject, images, samples)
        (batch,) = batches.batches([np.array([place])], unchanged(1, spec.crop, batches.shape))
        yield batch.clone()


def look(model: Network, layer: Layer, images: Sequence[Tensor], labels: Sequence[int]) -> list[Seen]:
    """What a network makes of each image, with the map of the class that is named for it."""
    explainer = Explainer(model, layer)
    return [
        Seen(explainer.map(image, label), explainer.probabilities(image).numpy())
        for image, label in zip(images, labels, strict=True)
    ]


def first_with_a_map(found: Sequence[Seen]) -> Seen:
    """The first that is not zero in all cells; the first if all are."""
    return next((one for one in found if one.cells.any()), found[0])


def require_one_run(run: Trained, subjects: Sequence[str], found: Sequence[Seen]) -> None:
    """Check that a model predicts what the table beside it says.

    Raises:
        UserError: a subject that the table lacks, or other probabilities.
    """
    rows = dict(zip(run.predictions.subjects.tolist(), run.predictions.probabilities, strict=True))
    for subject, one in zip(subjects, found, strict=True):
        if subject not in rows or np.abs(rows[subject] - one.probabilities).max() > TOLERANCE:
            raise UserError(
                f"{run.path}: predicts different probabilities for the subject {subject} than {PREDICTIONS} in the "
                "same folder: they are not from the same run"
            )


def middle_slice(values: np.ndarray) -> np.ndarray:
    """``(…, rows, columns)`` of photographs as they are; of volumes (…, x, y, z) the middle axial slice."""
    return values[..., values.shape[-1] // 2].swapaxes(-1, -2)


def picture_of(image: Tensor) -> np.ndarray:
    """What the figure shows of an image ``(1, C, *spatial)``: uint8 (C, rows, columns), of a volume one channel."""
    values = np.rint(image[0].numpy() * 255).astype(np.uint8)
    return values if values.ndim == 3 else middle_slice(values[-1:])


def map_of(cells: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """What the figure shows of a map: interpolated to the image, divided by its maximum; float32 (rows, columns)."""
    values = upsampled(cells, shape).numpy()
    largest = values.max()
    values = values / largest if largest > 0 else np.zeros_like(values)
    return values if values.ndim == 2 else middle_slice(values)


def similarity_rows(
    maps: ExplanationMaps, dataset: str, trained: Mapping[str, list[Seen]], drawn: Sequence[list[Seen]]
) -> Iterator[dict]:
    """A row for each subject and pair: of each trained network with each of random weights, and of the trained two."""
    for place, subject in enumerate(maps.subjects):
        pairs: list[tuple[str, str, int | None, list[Seen]]] = []
        if BASELINE in trained:
            pairs.append((BASELINE, BEST, None, trained[BEST]))
        pairs += [(role, RANDOM, draw, of_draw) for role in trained for draw, of_draw in enumerate(drawn)]
        for a, b, draw, other in pairs:
            yield {
                "dataset": dataset,
                "subject": subject,
                "class": maps.classes[maps.labels[place]],
                "outcome": maps.outcomes[place],
                "explained": maps.classes[maps.explained[place]],
                "a": a,
                "b": b,
                "draw": draw,
                "cells": math.prod(maps.cells.tolist()),
                "spearman": spearman(trained[a][place].cells, other[place].cells),
            }
