"""The arguments of losses, read from their source code, because importing losses imports torch."""

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Any

from imbalance_aware.errors import UserError
from imbalance_aware.losses import LOSSES
from imbalance_aware.provenance import PACKAGE
from imbalance_aware.schema import nearest

#: Argument of the losses that correct for the class frequencies themselves.
CLASS_COUNTS = "class_counts"


@dataclass(frozen=True)
class Parameters:
    """Parameters of a class.

    Attributes:
        types: name -> annotation as written, empty if there is none.
        open: whether any other name is accepted too (``**kwargs``).
    """

    types: dict[str, str]
    open: bool = False


def check_arguments(kwargs: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse arguments that the losses do not take, and values of another type than theirs, without importing them.

    Args:
        kwargs: name of a loss -> arguments of its class.

    Raises:
        UserError: an argument that is unknown, or that training does not leave open, or a value of another type: text
            for a number, true for a number, a number that is not finite.
    """
    for name, given in kwargs.items():
        parameters = parameters_of(LOSSES[name])
        accepted = [argument for argument in parameters.types if argument != "reduction"]
        for argument, value in given.items():
            if argument == "reduction":
                raise UserError(f'the loss "{name}": training uses the mean, so "reduction" cannot be set')
            if argument not in accepted and not parameters.open:
                raise UserError(f'the loss "{name}" has no argument "{argument}".{nearest(argument, accepted)}')
            check_type(name, argument, value, parameters.types.get(argument, ""))


def check_type(name: str, argument: str, value: Any, annotation: str) -> None:
    """Raise `UserError` if a value as JSON has it is of none of the types of ``annotation``."""
    kinds = [kind.strip() for kind in annotation.split("|")]
    known = [kind for kind in kinds if kind in FITS]
    if known and not any(FITS[kind][1](value) for kind in known):
        wanted = " or ".join(FITS[kind][0] for kind in known if kind != "Tensor")
        raise UserError(f'the loss "{name}": {argument} is {value!r}; expected {wanted}')


def parameters_of(reference: str) -> Parameters:
    """Parameters of the class ``"module:Class"``, or of the base class whose ``__init__`` it inherits.

    A base class is looked for in the same module and in what it imports from this package; of any other base nothing is
    known, so that the class takes no arguments.
    """
    module, _, name = reference.partition(":")
    found = find_spec(module)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"no module {module}", name=module)
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    cls = next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name), None)
    if cls is None:  # defined elsewhere and only imported here
        return next((parameters_of(origin) for origin in _origins(tree, module, name)), Parameters({}))
    for node in cls.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            arguments = node.args
            named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs][1:]
            types = {
                argument.arg: ast.unparse(argument.annotation) if argument.annotation else "" for argument in named
            }
            return Parameters(types, open=arguments.kwarg is not None)
    for base in cls.bases:
        for origin in _origins(tree, module, ast.unparse(base)):
            return parameters_of(origin)
    return Parameters({})


def takes_class_counts(reference: str) -> bool:
    """Whether a loss, ``"module:Class"``, is given the class counts of the training set, and so corrects for them."""
    return CLASS_COUNTS in parameters_of(reference).types


def _origins(tree: ast.Module, module: str, name: str) -> Iterator[str]:
    """``"module:Class"`` of a class that a module defines, or imports from this package."""
    if any(isinstance(node, ast.ClassDef) and node.name == name for node in tree.body):
        yield f"{module}:{name}"
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), module.rpartition(".")[0])
            if source.partition(".")[0] == PACKAGE:
                yield from (f"{source}:{alias.name}" for alias in node.names if (alias.asname or alias.name) == name)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(_is_number(item) for item in value)


#: Annotation -> what it means in a message, and whether a value fits.
FITS = {
    "float": ("a finite number", _is_number),
    "int": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "str": ("text", lambda value: isinstance(value, str)),
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "None": ("null", lambda value: value is None),
    "Sequence[float]": ("a list of finite numbers", _are_numbers),
    "Sequence[int]": ("a list of finite numbers", _are_numbers),
    # Only for use in Python, not in a table of conditions.
    "Tensor": ("a tensor", lambda value: hasattr(value, "ndim")),
}
