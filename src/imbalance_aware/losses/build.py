"""Build losses by name, with checks of names and arguments before training."""

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imbalance_aware.errors import UserError
from imbalance_aware.losses import COMBINED, LOSSES, make
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
    check_losses(terms, kwargs, class_counts)
    return make.loss_of(terms, kwargs, class_counts)


def check_losses(
    terms: Mapping[str, float],
    kwargs: Mapping[str, Mapping[str, Any]] | None = None,
    class_counts: Sequence[int] | None = None,
) -> None:
    """Refuse terms and arguments that no loss can be made of; see `build_loss`."""
    for name in terms:
        given = (kwargs or {}).get(name, {})
        if class_counts is None:
            make_loss(name, given)
        else:
            try_loss(name, given, class_counts)


def make_loss(name: str, kwargs: Mapping[str, Any], class_counts: Sequence[int] | None = None) -> "nn.Module":
    """One loss of the table; ``class_counts`` and ``num_classes`` are filled in where its class takes them.

    Raises:
        UserError: an unknown name or unusable arguments.
    """
    signature = inspect.signature(make.find(_reference(name))).parameters
    accepted = [key for key, parameter in signature.items() if parameter.kind not in OPEN]
    is_open = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in signature.values())
    types = parameters_of(LOSSES[name]).types
    for argument, value in kwargs.items():
        if argument not in accepted and not is_open:
            raise UserError(f'the loss "{name}" has no argument "{argument}".{nearest(argument, accepted)}')
        check_type(name, argument, value, types.get(argument, ""))
    try:
        return make.one_loss(name, kwargs, class_counts)
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


def references(terms: Mapping[str, float]) -> dict[str, str]:
    """Entries of these terms in the table of losses: name -> ``"module:Class"``; ``"+"`` is the sum of several.

    Raises:
        UserError: an unknown name.
    """
    found = {name: _reference(name) for name in terms}
    return found | {"+": COMBINED} if make.is_sum(terms) else found


def module_names(terms: Mapping[str, float]) -> list[str]:
    """Modules, named below the package, that :func:`build_loss` looks up for these terms: a run depends on them."""
    return [reference.partition(":")[0].removeprefix("imbalance_aware.") for reference in references(terms).values()]


def _reference(name: str) -> str:
    if name not in LOSSES:
        raise UserError(f'unknown loss "{name}".{nearest(name, list(LOSSES))}')
    return LOSSES[name]
