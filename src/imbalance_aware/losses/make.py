"""The loss of a condition, from names that were checked (see `imbalance_aware.losses.build`)."""

import inspect
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from imbalance_aware.losses import COMBINED, LOSSES

if TYPE_CHECKING:
    from torch import nn


def loss_of(
    terms: Mapping[str, float],
    kwargs: Mapping[str, Mapping[str, Any]] | None = None,
    class_counts: Sequence[int] | None = None,
) -> "nn.Module":
    """The loss of a condition: one loss of the table, or a sum of several.

    Args:
        terms: name of a loss -> its factor in the sum.
        kwargs: name of a loss -> arguments of its class.
        class_counts: number of training samples of each class, in label order.

    Raises:
        TypeError, ValueError: an unknown name, or arguments that a class does not take.
    """
    if is_sum(terms):
        return find(COMBINED)(terms, kwargs, class_counts)
    (name,) = terms
    return one_loss(name, (kwargs or {}).get(name, {}), class_counts)


def is_sum(terms: Mapping[str, float]) -> bool:
    """Whether these terms are more than one loss with the factor 1."""
    return len(terms) != 1 or set(terms.values()) != {1}


def one_loss(name: str, kwargs: Mapping[str, Any], class_counts: Sequence[int] | None = None) -> "nn.Module":
    """One loss of the table; ``class_counts`` and ``num_classes`` are filled in where its class takes them."""
    if name not in LOSSES:
        raise ValueError(f'unknown loss "{name}"; there are {", ".join(LOSSES)}')
    cls = find(LOSSES[name])
    known = {} if class_counts is None else {"class_counts": class_counts, "num_classes": len(class_counts)}
    accepted = inspect.signature(cls).parameters
    return cls(**{argument: value for argument, value in known.items() if argument in accepted} | dict(kwargs))


def find(reference: str) -> Any:
    """The object that ``"module:name"`` names."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
