"""From the name of a loss to the loss."""

import inspect
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from imbalance_aware.errors import UserError
from imbalance_aware.losses import COMBINED, LOSSES
from imbalance_aware.losses.arguments import check_type, parameters_of
from imbalance_aware.schema import nearest

if TYPE_CHECKING:
    from torch import nn

#: Parameters that are no names: ``*args``, ``**kwargs``.
OPEN = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


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
        class_counts: number of training samples of each class, in label order; given to the losses that take it. Where
            they are given, each loss is tried (see `try_loss`).

    Raises:
        UserError: an unknown name or unusable arguments.
    """
    kwargs = kwargs or {}
    if class_counts is not None:
        for name in terms:
            try_loss(name, kwargs.get(name, {}), class_counts)
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
    signature = inspect.signature(cls).parameters
    accepted = [key for key, parameter in signature.items() if parameter.kind not in OPEN]
    is_open = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in signature.values())
    types = parameters_of(LOSSES[name]).types
    for argument, value in kwargs.items():
        if argument not in accepted and not is_open:
            raise UserError(f'the loss "{name}" has no argument "{argument}".{nearest(argument, accepted)}')
        check_type(name, argument, value, types.get(argument, ""))
    known = {} if class_counts is None else {"class_counts": class_counts, "num_classes": len(class_counts)}
    filled = {argument: value for argument, value in known.items() if argument in accepted}
    try:
        return cls(**(filled | dict(kwargs)))
    except (TypeError, ValueError, OverflowError, RuntimeError, MemoryError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f'the loss "{name}" cannot be built: {reason}') from error


def try_loss(name: str, kwargs: Mapping[str, Any], class_counts: Sequence[int]) -> None:
    """Build a loss, and take its value and gradient on a batch with two samples of each class.

    Args:
        name: of the loss.
        kwargs: arguments of its class.
        class_counts: number of training samples of each class; before they are known, any above 0.

    Raises:
        UserError: unusable arguments: a value out of range, a weight whose length is not the number of classes, or
            arguments with which the loss is no finite number.
    """
    import torch

    loss, classes = make_loss(name, kwargs, class_counts), len(class_counts)
    target = torch.arange(2 * classes) % classes
    logits = torch.linspace(-1, 1, 2 * classes * classes).reshape(2 * classes, classes).requires_grad_()
    try:
        value = loss(logits, target, torch.ones(2 * classes)).sum()
        value.backward()
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f'the loss "{name}" cannot be used with {classes} classes: {reason}') from error
    gradient = logits.grad
    if gradient is None or not (value.isfinite() and gradient.isfinite().all()):
        raise UserError(f'the loss "{name}" is no finite number, or its gradient is not, with {dict(kwargs)}')


def module_names(terms: Mapping[str, float]) -> list[str]:
    """Modules, named below the package, that :func:`build_loss` looks up for these terms: a run depends on them."""
    references = [LOSSES[name] for name in terms]
    if len(terms) > 1 or set(terms.values()) != {1}:
        references.append(COMBINED)
    return [reference.partition(":")[0].removeprefix("imbalance_aware.") for reference in references]


def _class(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
