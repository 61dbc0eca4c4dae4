"""From the settings that a step receives to the function that serves their adapter, and the settings as a model."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from imbalance_aware.errors import UserError
from imbalance_aware.schema import load_settings, nearest, validate


def look_up(text: str, table: Mapping[str, str]) -> tuple[Callable, BaseModel]:
    """Find the function that ``table`` names for the adapter in ``text``, and read ``text`` as its settings.

    Only the module of that adapter is imported.

    Args:
        text: settings of a dataset as inline JSON, or the path of a YAML or JSON file.
        table: name of the adapter -> ``"module:function"``; the function's ``settings`` parameter is annotated.

    Raises:
        UserError: the settings cannot be read, or the table does not know their adapter.
    """
    content, source = load_settings(text)
    adapter = content.get("adapter", "") if isinstance(content, dict) else ""
    if adapter not in table:
        raise UserError(f'{source}: no adapter "{adapter}" for this step.{nearest(adapter, table)}')
    module, _, name = table[adapter].partition(":")
    function = getattr(importlib.import_module(f"imbalance_aware.{module}"), name)
    model = inspect.signature(function).parameters["settings"].annotation
    return function, validate(model, content, source)


def call(function: Callable, settings: BaseModel, **offered: Any) -> Any:
    """Call ``function(settings, ...)`` with those of ``offered`` that it names as parameters."""
    wanted = inspect.signature(function).parameters
    return function(settings, **{name: value for name, value in offered.items() if name in wanted})
