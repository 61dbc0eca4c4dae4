"""timm in an environment without torchvision, whose images and data sets this project's use of timm never touches.

PyPI has torchvision for CUDA alone, which a torch for CPUs cannot load; and what depends on both then fails too. Where
torchvision is there, it is the real one. Its place is else taken by modules with placeholders: timm derives classes
from some at import and calls none of them when it makes a network.
"""

import importlib.machinery
import importlib.util
import sys
import types
from typing import Any

from torch import nn


class _Module(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (nn.Module,), {"__getattr__": nn.Module.__getattr__})


class _InterpolationMode:
    NEAREST, BILINEAR, BICUBIC, BOX, HAMMING, LANCZOS = range(6)


NAMES = ("", ".datasets", ".ops", ".ops.misc", ".transforms", ".transforms.functional", ".utils")


def importable() -> bool:
    """Whether timm is installed; it can be imported from then on."""
    if importlib.util.find_spec("timm") is None:
        return False
    if "torchvision" not in sys.modules and importlib.util.find_spec("torchvision") is None:
        for name in NAMES:
            made = _Module(f"torchvision{name}")
            made.__path__ = []
            made.__spec__ = importlib.machinery.ModuleSpec(made.__name__, None)
            sys.modules[made.__name__] = made
            place, _, child = made.__name__.rpartition(".")
            if place:
                setattr(sys.modules[place], child, made)
        sys.modules["torchvision.transforms.functional"].InterpolationMode = _InterpolationMode
        sys.modules["torchvision"].__version__ = "0.0"
    return True
