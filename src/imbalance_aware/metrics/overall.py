"""A metric over all classes together, which a setting names, as a function of labels and probabilities."""

from collections.abc import Callable

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.metrics.catalogue import METRICS, OVERALL
from imbalance_aware.metrics.declaration import Metric, Outcome
from imbalance_aware.schema import nearest

#: Labels (n,) and finite probabilities (n, K) -> the value of a metric; None where it is undefined.
Function = Callable[[np.ndarray, np.ndarray], float | None]


def overall_metric(name: str | None, setting: str) -> tuple[Metric, Function]:
    """The declaration of a metric, and the function that computes it for predictions of one network.

    Args:
        name: of the metric; None where it was not given.
        setting: key or option that holds the name, for the message.

    Raises:
        UserError: no metric over all classes has that name.
    """
    if name not in OVERALL:
        raise UserError(f'{setting}: there is no metric "{name}" over all classes.{nearest(str(name), OVERALL)}')
    metric = METRICS[name]

    def function(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
        value = metric.function(Outcome(labels, probabilities))
        assert not isinstance(value, list), "a metric over all classes"
        return value

    return metric, function
