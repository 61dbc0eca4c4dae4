"""From the name of a loss to the loss."""

import ast
import inspect
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from imbalance_aware.errors import UserError
from imbalance_aware.losses import COMBINED, LOSSES
from imbalance_aware.provenance import module_path
from imbalance_aware.schema import nearest

if TYPE_CHECKING:
    from torch import nn


def build_loss(
    terms: Mapping[str, float],
    kwargs: Mapping[str, Mapping[str, Any]] | None = None,
    class_counts: Sequence[int] | None = None,
) -> "nn.Module":
    """The loss of a condition, called as ``loss(logits, target, sample_weight=None)`` for a scalar.

    Classes are found through the table of names, so that a change to one loss concerns only the conditions that use it.

    Args:
        terms: name of a loss -> its factor in the sum, such as ``{"ce": 1, "soft_mcc": 0.5}``.
        kwargs: name of a loss -> arguments of its class.
        class_counts: number of training samples of each class, in label order; given to the losses that take it.

    Raises:
        UserError: an unknown name or unusable arguments.
    """
    kwargs = kwargs or {}
    if len(terms) == 1 and set(terms.values()) == {1}:
        (name,) = terms
        return make_loss(name, kwargs.get(name, {}), class_counts)
    return _class(COMBINED)(terms, kwargs, class_counts)


def make_loss(name: str, kwargs: Mapping[str, Any], class_counts: Sequence[int] | None = None) -> "nn.Module":
    """One loss of the table; ``class_counts`` and ``num_classes`` are filled in where its class takes them.

    Raises:
        UserError: an unknown name or unusable arguments.
    """
    if name not in LOSSES:
        raise UserError(f'unknown loss "{name}".{nearest(name, list(LOSSES))}')
    cls = _class(LOSSES[name])
    accepted = inspect.signature(cls).parameters
    for argument in kwargs:
        if argument not in accepted:
            raise UserError(f'the loss "{name}" has no argument "{argument}".{nearest(argument, list(accepted))}')
    known = {} if class_counts is None else {"class_counts": class_counts, "num_classes": len(class_counts)}
    filled = {argument: value for argument, value in known.items() if argument in accepted}
    try:
        return cls(**(filled | dict(kwargs)))
    except (TypeError, ValueError) as error:
        raise UserError(f'the loss "{name}" cannot be built: {error}') from error


def check_arguments(kwargs: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse arguments that the losses do not take, without importing them: they import torch.

    Args:
        kwargs: name of a loss -> arguments of its class.

    Raises:
        UserError: an argument that is unknown, or that training does not leave open.
    """
    for name, given in kwargs.items():
        accepted = [argument for argument in _argument_names(LOSSES[name]) if argument != "reduction"]
        for argument in given:
            if argument == "reduction":
                raise UserError(f'the loss "{name}": training takes the mean, "reduction" cannot be set')
            if argument not in accepted:
                raise UserError(f'the loss "{name}" has no argument "{argument}".{nearest(argument, accepted)}')


def _argument_names(reference: str) -> list[str]:
    """Arguments of a class, read from its source."""
    module, _, name = reference.partition(":")
    tree = ast.parse(module_path(module.removeprefix("imbalance_aware.")).read_text(encoding="utf-8"))
    (cls,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    (init,) = (node for node in cls.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    return [argument.arg for argument in init.args.args if argument.arg != "self"]


def module_names(terms: Mapping[str, float]) -> list[str]:
    """Modules, named below the package, that :func:`build_loss` looks up for these terms: a run depends on them."""
    references = [LOSSES[name] for name in terms]
    if len(terms) > 1 or set(terms.values()) != {1}:
        references.append(COMBINED)
    return [reference.partition(":")[0].removeprefix("imbalance_aware.") for reference in references]


def _class(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
