"""Every convolution of the network, its value and both gradients, against float64, at the shapes of presets and tests.

Run by test_residual_network.py in a process of its own: kernels that write beyond their memory end it. Each convolution
is printed before it is computed, so that the last line names the one at fault.
"""

from collections.abc import Iterator
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from training_cases import MODEL

from imbalance_aware.config import read_config
from imbalance_aware.models import DEFAULT
from imbalance_aware.models.memory_format import CHANNELS_LAST
from imbalance_aware.models.residual_network import ResidualNetwork
from imbalance_aware.schema import load_yaml

CONFIG = Path(__file__).resolve().parents[2] / "config"
FUNCTIONS = {2: nn.functional.conv2d, 3: nn.functional.conv3d}
CHANNELS = {2: 3, 3: 4}
#: Multiplications of one convolution, at most: larger batches are cut to this.
WORK = 3 * 10**7
TOLERANCE = 1e-4

#: Shape and strides of the input, shape of the weights, stride, padding.
Case = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def networks() -> Iterator[tuple[dict[str, Any], int, tuple[int, ...], int]]:
    """Architecture, channels, size of images and of batches: of all presets, then of tests."""
    for file in sorted(CONFIG.glob("*.yaml")):
        merged = merge(load_yaml(CONFIG / "config.yaml"), load_yaml(file))
        merged["run"] = list(merged["studies"])
        config, studies = read_config(merged, [])
        for study in (study for study in studies.values() if study.model.network == DEFAULT):
            for dataset in (config.datasets[name] for name in study.settings.datasets):
                crop = config.augmentation.volumes.crop
                size = dataset.image_size if dataset.kind == "images" else (crop,) * 3
                yield study.model.model_dump(), CHANNELS[len(size)], tuple(size), study.training.batch_size
    # The widths of one vector block or less are where kernels go wrong.
    for width, channels, size, pool in product((2, 3, 4, 5, 6, 7, 8, 12), (1, 2), ((16, 16), (8, 8, 8)), (True, False)):
        model = MODEL | {"widths": (width, width, 2 * width, 8), "stem_pool": pool}
        yield model, channels, size, 8
    for size in ((24, 24), (12, 12, 12)):
        yield MODEL | {"stem_kernel": 1, "stem_pool": False}, 3, size, 10


def merge(base: dict, changes: dict) -> dict:
    """As Snakemake merges configuration files."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = merge(base[key], value) if both else value
    return merged


def cases(model: dict[str, Any], channels: int, size: tuple[int, ...], batch: int) -> set[Case]:
    """The convolutions of a network, with their inputs as they lie in memory."""
    dimensions, found = len(size), set()

    def note(module: nn.Module, inputs: tuple[Tensor]) -> None:
        (x,) = inputs
        voxels = [-(-n // step) for n, step in zip(x.shape[2:], module.stride, strict=True)]
        count = max(1, min(batch, WORK // (prod(voxels) * module.weight.numel())))
        found.add(((count, *x.shape[1:]), x.stride(), tuple(module.weight.shape), module.stride, module.padding))

    network = ResidualNetwork(dimensions, channels, 3, **model).to(memory_format=CHANNELS_LAST[dimensions]).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            module.register_forward_pre_hook(note)
    with torch.no_grad():
        network(torch.rand(2, channels, *size).contiguous(memory_format=CHANNELS_LAST[dimensions]))
    return found


def error(case: Case) -> float:
    """Largest error of value and gradients, as a share of the largest exact value."""
    shape, strides, weights, stride, padding = case
    stream = torch.Generator().manual_seed(0)
    dimensions = len(shape) - 2
    x = torch.empty_strided(shape, strides).copy_(torch.randn(shape, generator=stream))
    weight = torch.randn(weights, generator=stream).contiguous(memory_format=CHANNELS_LAST[dimensions])

    def results(dtype: torch.dtype) -> list[Tensor]:
        leaves = [x.detach().to(dtype).requires_grad_(), weight.detach().to(dtype).requires_grad_()]
        y = FUNCTIONS[dimensions](*leaves, stride=stride, padding=padding)
        above = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
        y.backward(above.to(dtype).contiguous(memory_format=CHANNELS_LAST[dimensions]))
        return [y.detach(), *(leaf.grad for leaf in leaves)]

    pairs = zip(results(torch.float32), results(torch.float64), strict=True)
    return max(float((one - exact).abs().max() / exact.abs().max()) for one, exact in pairs)


def main() -> None:
    torch.set_num_threads(1)
    different = {repr(network): network for network in networks()}
    found = set().union(*(cases(*network) for network in different.values()))
    for case in sorted(found):
        shape, strides, weights, stride, _ = case
        print(f"input {shape} strides {strides}, weights {weights}, stride {stride}", flush=True)
        wrong = error(case)
        if not wrong < TOLERANCE:
            raise SystemExit(f"wrong by {wrong:.1e} of the largest value")
    print(f"{len(found)} convolutions agree with float64")


if __name__ == "__main__":
    main()
