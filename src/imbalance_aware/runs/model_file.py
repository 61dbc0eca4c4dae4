"""The network of a run, written to and read from ``model.pt``."""

import io
import math
import zipfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic
from imbalance_aware.models import DEFAULT, NETWORKS
from imbalance_aware.models.build import packages_of
from imbalance_aware.models.make import InputSpec, network_of
from imbalance_aware.models.memory_format import CHANNELS_LAST
from imbalance_aware.models.network import Network
from imbalance_aware.training.intensity import LEVELS

#: Raised when an older reader could no longer make sense of the file.
FORMAT = 1
#: Values of the largest image that a network may take: four sequences of 512 x 512 x 512 voxels.
MOST_VALUES = 1 << 29


def save_model(path: Path, model: Network, spec: InputSpec, config: dict[str, Any]) -> None:
    """Write a network with all that is needed to use it; the same network gives the same bytes.

    Args:
        path: ``model.pt``.
        model: on any device.
        spec: what it takes.
        config: content of ``config.yaml``; its ``model`` entry holds the architecture.
    """
    weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    content = {"format": FORMAT, "weights": weights, "input": asdict(spec), "config": config}
    # Saved to memory first: torch writes the name of the file into the file.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with atomic(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def _require_sound(spec: InputSpec) -> None:
    """Refuse values that no training writes, such as a shape too large for any memory.

    Raises:
        ValueError: the fields and their values.
    """
    edges = (spec.channels, *spec.shape, *([] if spec.crop is None else [spec.crop]))
    sound = (
        all(type(edge) is int and edge >= 1 for edge in edges)
        and spec.dimensions in (2, 3)
        and spec.channels * math.prod(spec.shape) <= MOST_VALUES
        and (spec.crop is None or spec.crop <= min(spec.shape))
        and spec.dtype in LEVELS
        and len(set(spec.classes)) == len(spec.classes) > 1
        and all(type(name) is str for name in spec.classes)
        and (spec.max_value is None or (type(spec.max_value) is int and 1 <= spec.max_value < 1 << 16))
    )
    if not sound:
        raise ValueError(f"it takes {spec}")


def _require_intact(path: Path) -> None:
    """Refuse a file whose bytes are not those that were written.

    torch writes a checksum of each weight and does not look at it when it reads. It also unpacks compressed parts,
    which it never writes and which could be of any size.

    Raises:
        ValueError: a part that is compressed, or does not have its checksum.
        zipfile.BadZipFile: no archive, or one that was cut short.
    """
    with zipfile.ZipFile(path) as archive:
        for part in archive.infolist():
            if part.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"its part {part.filename} is compressed")
        if damaged := archive.testzip():
            raise ValueError(f"the checksum of its part {damaged} does not match")


def _without_memory(architecture: Mapping[str, Any]) -> AbstractContextManager:
    """Where a network is made: without memory, in case the architecture does not fit the weights.

    Networks of a package that knows its own names may hold values that are in no state, such as the indices that
    attention looks up. These are made for real.
    """
    return torch.device("meta") if architecture.get("network", DEFAULT) in NETWORKS else nullcontext()


def load_model(path: Path) -> tuple[Network, InputSpec, dict[str, Any]]:
    """Read a network for inference on the CPU, with what it takes and the config of its run.

    Raises:
        UserError: no such file, not a network written by `save_model`, or one of a package that is not installed.
    """
    try:
        _require_intact(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != FORMAT:
            raise UserError(f"{path}: written in format {content['format']}, this version reads format {FORMAT}")
        fields = content["input"]
        spec = InputSpec(**{**fields, "shape": tuple(fields["shape"]), "classes": tuple(fields["classes"])})
        _require_sound(spec)
        architecture = content["config"]["model"]
        packages_of(architecture.get("network", DEFAULT))
        with _without_memory(architecture), torch.random.fork_rng(devices=[]):
            model = network_of(architecture, spec)
        model.load_state_dict(content["weights"], assign=True)
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; a run folder contains model.pt only after training has finished"
        ) from None
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{path}: not a model written by the train step, or damaged ({error})") from None
    return model.to(memory_format=CHANNELS_LAST[spec.dimensions]).eval(), spec, content["config"]
