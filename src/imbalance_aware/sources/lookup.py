"""From the name of an adapter to the module that serves it.

A module of a source defines

- ``Settings``: a class of settings with ``adapter: Literal[NAME]``, based on `Images2D` or `Volumes3D`;
- ``fingerprint(settings) -> str``: names and sizes of the source's files; read whenever the workflow is planned, so no
  image is opened. A source that the workflow makes itself has ``""``;
- ``find(settings) -> pandas.DataFrame``: the table of subjects, a row for each. If it has a parameter ``resources`` it
  receives the folder of shipped tables, and by ``source`` the folder that ``write`` made;
- ``write(settings, folder)``, if the workflow makes the source itself; ``Settings`` then has ``for_phantoms()``.

A module of a glioma cohort defines ``Settings``, based on `GliomaCohort`, ``LAYOUT`` (what the files of a patient
look like, for messages) and ``find(settings, wanted)``, an iterator over its `VolumeSubject`.

All of them are imported when the workflow is planned: what takes time to import (pandas, numpy, readers of images)
belongs inside the functions. A module that lacks one of the parts is an error when it is loaded.
"""

import hashlib
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import or_
from types import ModuleType
from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field

from imbalance_aware.errors import UserError
from imbalance_aware.schema import load_settings, nearest, validate
from imbalance_aware.sources import GLIOMA_COHORTS, SOURCES

PACKAGE = __name__.partition(".")[0]


def source(adapter: str) -> ModuleType:
    """The module of an adapter; see above for what it holds.

    Raises:
        UserError: there is no such adapter, or its module lacks a part.
    """
    module = _load(adapter, SOURCES, ("fingerprint", "find"))
    made = "source" in inspect.signature(module.find).parameters
    if made and not callable(getattr(module, "write", None)):
        raise _lacking(module, "write(settings, folder), which makes the folder that `find` receives as `source`")
    if hasattr(module, "write") and not made:
        raise _lacking(module, "a parameter `source` of `find`: the folder that `write` made")
    for name in ("kind", "for_cohort", *["for_phantoms"] * made):
        if not hasattr(module.Settings, name):
            raise _lacking(module, f"Settings.{name}")
    return module


def glioma_cohort(adapter: str) -> ModuleType:
    """The module of a cohort of gliomas; see above for what it holds.

    Raises:
        UserError: there is no such cohort, or its module lacks a part.
    """
    return _load(adapter, GLIOMA_COHORTS, ("LAYOUT", "find"))


def is_generated(adapter: str) -> bool:
    """Whether the workflow makes the source itself."""
    return hasattr(source(adapter), "write")


def fingerprint(settings: Any) -> str:
    """Digest of what a source holds: a change of a file's name or size changes it, and the cohort is listed again.

    Args:
        settings: of any dataset.

    Returns:
        16 hexadecimal digits.

    Raises:
        UserError: the source is not there; the message says where it was looked for and how to get it.
    """
    content = f"{settings.adapter}\n{source(settings.adapter).fingerprint(settings)}"
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def modules(settings: BaseModel) -> list[str]:
    """The modules, below the package, whose code lists a dataset: its adapter's and those of its cohorts."""
    parts = [settings, *getattr(settings, "cohorts", ())]
    names = [type(part).__module__ for part in parts if isinstance(part, BaseModel)]
    return [name.removeprefix(f"{PACKAGE}.") for name in names]


def look_up(text: str) -> tuple[ModuleType, Any]:
    """The module of the adapter that settings name, and the settings.

    Only the modules of that adapter are imported.

    Args:
        text: settings of a dataset as inline JSON, or the path of a YAML or JSON file.

    Raises:
        UserError: the settings cannot be read, or there is no such adapter.
    """
    content, place = load_settings(text)
    adapter = content.get("adapter", "") if isinstance(content, dict) else ""
    if adapter not in SOURCES:
        raise UserError(f'{place}: no adapter "{adapter}".{nearest(adapter, SOURCES)}')
    module = source(adapter)
    return module, validate(module.Settings, content, place)


def call(function: Callable, settings: BaseModel, **offered: Any) -> Any:
    """Call ``function(settings, ...)`` with those of ``offered`` that it names as parameters."""
    wanted = inspect.signature(function).parameters
    return function(settings, **{name: value for name, value in offered.items() if name in wanted})


def any_of(found: Iterable[ModuleType]) -> Any:
    """The union of the settings of all modules, distinguished by ``adapter``."""
    return Annotated[reduce(or_, (module.Settings for module in found)), Field(discriminator="adapter")]


def _load(adapter: str, table: Mapping[str, str], parts: Iterable[str]) -> ModuleType:
    if adapter not in table:
        raise UserError(f'there is no adapter "{adapter}".{nearest(adapter, table)}')
    module = importlib.import_module(f"{PACKAGE}.{table[adapter]}")
    for part in ("Settings", *parts):
        if not hasattr(module, part):
            raise _lacking(module, part)
    field = getattr(module.Settings, "model_fields", {}).get("adapter")
    if field is None or get_args(field.annotation) != (adapter,):
        raise _lacking(module, f'Settings with `adapter: Literal["{adapter}"]`')
    if module.Settings.__module__ != module.__name__:
        raise _lacking(module, f"Settings of its own (it imports those of {module.Settings.__module__})")
    if missing := sorted(getattr(module.Settings, "__abstractmethods__", ())):
        raise _lacking(module, f"Settings.{missing[0]}")
    return module


def _lacking(module: ModuleType, part: str) -> UserError:
    return UserError(f"{module.__file__}: a source's module must have {part}; see {__name__} for its content")
