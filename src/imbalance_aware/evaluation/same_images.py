"""Whether runs were tested on the same images, without which their metrics do not compare."""

from collections.abc import Mapping

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.runs.identity import Run
from imbalance_aware.tables.predictions import Predictions


def check_same_test_set(runs: Mapping[Run, Predictions]) -> None:
    """All runs of a dataset must be of the same subjects, with the same classes, groups, cohorts and subgroups.

    Raises:
        UserError: they are not.
    """
    first_place, first = next(iter(runs.items()))
    for place, table in runs.items():
        same = table.classes == first.classes and _columns(table).keys() == _columns(first).keys()
        if not same or not all(np.array_equal(_columns(table)[name], of) for name, of in _columns(first).items()):
            raise UserError(
                f"{place.place}: its test subjects, their classes, groups, cohorts or subgroups are not those of "
                f"{first_place.place}"
            )


def check_same_folds(runs: Mapping[Run, Predictions]) -> None:
    """Runs of one repeat are compared image by image, so each must be tested by the same fold.

    Raises:
        UserError: it is not.
    """
    folds: dict[int, list[int] | None] = {}
    for place, run in runs.items():
        tested = None if run.fold is None else run.fold.tolist()
        if folds.setdefault(place.repeat, tested) != tested:
            raise UserError(f"{place.place}: its folds are not those of the other runs of {place.dataset}")


def _columns(table: Predictions) -> dict[str, np.ndarray]:
    own = {name: getattr(table, name) for name in ("subjects", "labels", "groups", "cohorts")}
    return own | {f"subgroup {name}": values for name, values in table.subgroups.items()}
