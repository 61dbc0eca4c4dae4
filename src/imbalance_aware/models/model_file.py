"""The network of a run: made from settings and a seed, written to and read from ``model.pt``."""

import io
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic
from imbalance_aware.models import DEFAULT
from imbalance_aware.models.build import build_network, require_fit
from imbalance_aware.models.memory_format import CHANNELS_LAST
from imbalance_aware.models.network import Network
from imbalance_aware.training.intensity import LEVELS
from imbalance_aware.training.streams import Purpose, torch_seed

#: Raised when an older reader could no longer make sense of the file.
FORMAT = 1
#: Values of the largest image that a network may take: four sequences of 512 x 512 x 512 voxels.
MOST_VALUES = 1 << 29


@dataclass(frozen=True)
class InputSpec:
    """What a network takes and tells apart.

    Attributes:
        channels: channels of an image.
        shape: size of an image, before the crop.
        dtype: ``uint8`` (scaled by 1/255) or ``float16`` (taken as it is, in [0, 1]).
        crop: edge of the central part that the network sees, or None for all of it.
        classes: names in label order.
        max_value: of 16-bit photographs, the value that became 1; None: they have 8 bits, or are no photographs.
    """

    channels: int
    shape: tuple[int, ...]
    dtype: str
    crop: int | None
    classes: tuple[str, ...]
    max_value: int | None = None

    @property
    def dimensions(self) -> int:
        """Spatial dimensions: 2 or 3."""
        return len(self.shape)

    @property
    def seen(self) -> tuple[int, ...]:
        """Spatial shape of what the network sees."""
        return self.shape if self.crop is None else (self.crop,) * self.dimensions


def make_model(architecture: dict[str, Any], spec: InputSpec, seed: int) -> Network:
    """A new network in channels-last format; its weights depend on the seed alone.

    Args:
        architecture: arguments of `build_network`: the settings of ``model``.
        spec: what it takes.
        seed: of the run.

    Raises:
        UserError: an unknown network, unusable arguments, or images that do not fit the network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, Purpose.WEIGHTS))
        model = build_network(spec.dimensions, spec.channels, len(spec.classes), **architecture)
    model = model.to(memory_format=CHANNELS_LAST[spec.dimensions])
    require_fit(model, architecture.get("network", DEFAULT), spec.channels, spec.seen, len(spec.classes))
    return model


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
    """Refuse what no training writes, such as a shape for which no memory would do.

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


def load_model(path: Path) -> tuple[Network, InputSpec, dict[str, Any]]:
    """Read a network for inference on the CPU, with what it takes and the config of its run.

    Raises:
        UserError: no such file, or not a network written by `save_model`.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != FORMAT:
            raise UserError(f"{path}: written in format {content['format']}, this version reads format {FORMAT}")
        fields = content["input"]
        spec = InputSpec(**{**fields, "shape": tuple(fields["shape"]), "classes": tuple(fields["classes"])})
        _require_sound(spec)
        with torch.device("meta"):  # no memory for an architecture that does not fit the weights
            model = build_network(spec.dimensions, spec.channels, len(spec.classes), **content["config"]["model"])
        model.load_state_dict(content["weights"], assign=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; a run folder holds model.pt once training has finished") from None
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{path}: not a model written by the train step, or damaged ({error})") from None
    return model.to(memory_format=CHANNELS_LAST[spec.dimensions]).eval(), spec, content["config"]
