"""Trained networks that classify together: the mean of their probabilities."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.models.make import InputSpec
from imbalance_aware.models.network import Network
from imbalance_aware.runs.identity import FOLD, read_replicate
from imbalance_aware.runs.memory import enough_memory_to_classify
from imbalance_aware.runs.model_file import load_model
from imbalance_aware.runs.run_folder import MODEL
from imbalance_aware.training.batches import on_device
from imbalance_aware.training.device import Device
from imbalance_aware.training.inference import predict


@dataclass(frozen=True)
class Member:
    """One trained network.

    Attributes:
        path: of its file.
        model: on the device.
        flip_axes: spatial axes along which its training images were flipped, from 0.
    """

    path: Path
    model: Network
    flip_axes: tuple[int, ...]


@dataclass(frozen=True)
class Ensemble:
    """Networks that take the same images and tell the same classes apart.

    Attributes:
        members: one or more.
        spec: what each of them takes.
        flips: whether each also sees the images flipped, in all combinations of the axes that its training flipped; the
            probabilities are averaged.
    """

    members: tuple[Member, ...]
    spec: InputSpec
    flips: bool = False

    def predict(self, images: np.ndarray, device: Device, batch_size: int) -> np.ndarray:
        """Mean probabilities of images, float64 (n, K).

        Args:
            images: shape (n, C, *spatial), as `spec` says.
            device: on which the members are.
            batch_size: how many at a time.

        Raises:
            UserError: a member diverged in training, or memory does not suffice.
        """
        return np.mean([self._member(member, images, device, batch_size) for member in self.members], axis=0)

    def _member(self, member: Member, images: np.ndarray, device: Device, batch_size: int) -> np.ndarray:
        views = combinations(member.flip_axes) if self.flips else [()]
        seen = []
        for axes in views:
            # Spatial axes follow those of images and channels.
            flipped = np.ascontiguousarray(np.flip(images, tuple(axis + 2 for axis in axes)))
            with enough_memory_to_classify(batch_size, images.shape[1:], device.torch_device):
                rows = np.arange(len(images))
                probabilities, _ = predict(member.model, on_device(flipped, device), rows, self.spec.crop, batch_size)
            if not np.isfinite(probabilities).all():
                raise UserError(f"{member.path}: the training run of this model diverged, so it cannot classify images")
            seen.append(probabilities)
        return np.mean(seen, axis=0)


def combinations(axes: Sequence[int]) -> list[tuple[int, ...]]:
    """All subsets of ``axes``, the empty one first."""
    return [chosen for size in range(len(axes) + 1) for chosen in itertools.combinations(sorted(axes), size)]


def load_ensemble(paths: Sequence[Path], device: Device, flips: bool = False) -> Ensemble:
    """Read the networks at ``paths``, see `model_files`, to the device.

    Raises:
        UserError: no such networks, networks that take different images or tell different classes apart, or ``flips``
            of one whose training flipped nothing.
    """
    members: list[Member] = []
    specs: list[InputSpec] = []
    for path in model_files(paths):
        model, spec, config = load_model(path)
        axes = tuple(config.get("augmentation", {}).get("flip_axes", ()))
        if flips and not axes:
            raise UserError(f"{path}: its training images were not flipped, so it cannot be used with --flips")
        if specs and spec != specs[0]:
            raise UserError(
                f"{path}: requires {_said(spec)}, but {members[0].path} requires {_said(specs[0])}; they cannot be "
                "averaged"
            )
        members.append(Member(path, model.to(device.torch_device), axes))
        specs.append(spec)
    return Ensemble(tuple(members), specs[0], flips)


def _said(spec: InputSpec) -> str:
    size = " x ".join(map(str, (spec.channels, *spec.shape)))
    return f"images of {size} ({spec.dtype}, crop {spec.crop}) for the classes {', '.join(spec.classes)}"


def model_files(paths: Sequence[Path]) -> list[Path]:
    """The ``model.pt`` of every path: the file itself, that of a run folder, or those of all runs in a folder.

    A folder of runs is that of a condition (all its seeds, repeats and folds) or of a replicate (all its folds).

    Raises:
        UserError: a folder of runs of which one has no model, or a model that is named twice.
    """
    files = [file for path in paths for file in _files(path)]
    if twice := [file for file in files if files.count(file) > 1]:
        raise UserError(f"--model: {twice[0]} is named more than once")
    return files


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    runs = [(place, folder) for folder in path.iterdir() if folder.is_dir() and (place := _place(folder.name))]
    if (path / MODEL).exists() or not runs:
        return [path / MODEL]
    return [file for _, folder in sorted(runs) for file in _files(folder)]


def _place(name: str) -> tuple[int, ...] | None:
    """Order among the folders of replicates or folds; None for any other folder."""
    fold = FOLD.fullmatch(name)
    return (int(fold[1]),) if fold else read_replicate(name)
