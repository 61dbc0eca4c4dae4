"""From what a dataset's settings say of its classes to the context that metrics and decision rules need."""

from collections.abc import Sequence

from imbalance_aware.class_names import ClassNames
from imbalance_aware.errors import UserError
from imbalance_aware.json_text import read_object_argument
from imbalance_aware.metrics.declaration import Context
from imbalance_aware.schema import validate
from imbalance_aware.sources.class_context import ClassContext


class KnownClasses(ClassContext):
    """What a step is told of the classes."""

    classes: ClassNames


def read_context(text: str, classes: Sequence[str]) -> Context:
    """What is known of the classes.

    Args:
        text: JSON of what `ClassContext.for_evaluate` of a dataset's settings gives.
        classes: those predicted, in the order of their labels.

    Raises:
        UserError: it does not fit its keys, or is of other classes than those predicted.
    """
    content = read_object_argument(text, "--context")
    known = validate(KnownClasses, {"classes": [*classes], **content}, "--context")
    if known.classes != tuple(classes):
        raise UserError(
            f"--context: its classes are {', '.join(known.classes)}, but the predicted classes are "
            f"{', '.join(classes)}, in this order"
        )
    return Context(known.ordered, known.prevalence_by_label(), known.costs_by_label())
