"""Which test subjects are explained, and which condition is the best: by rules, never by a look at the maps."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from imbalance_aware.tables.frames import PRIMARY
from imbalance_aware.tables.predictions import Predictions
from imbalance_aware.tables.similarities import CORRECT, WRONG


@dataclass(frozen=True)
class Chosen:
    """A test subject.

    Attributes:
        place: row in the table of predictions.
        outcome: ``correct`` or ``wrong``.
        explained: label that is predicted for it, whose score the maps explain.
    """

    place: int
    outcome: str
    explained: int


def best_condition(ranks: pd.DataFrame, dataset: str, conditions: Collection[str]) -> str | None:
    """The condition of the best rank by the primary metric, of equals the first in the table; None without ranks.

    A condition counts with the class of its largest probability: other decision rules change no map.

    Args:
        ranks: content of ``ranks.csv``.
        dataset: its name.
        conditions: names; the candidates under other decision rules have other names.
    """
    here = ranks[(ranks["dataset"] == dataset) & (ranks["role"] == PRIMARY) & ranks["candidate"].isin(conditions)]
    here = here[here["rank"].notna()]
    return None if here.empty else str(here.loc[here["rank"].idxmin(), "candidate"])


def chosen_subjects(predictions: Predictions) -> list[Chosen]:
    """For each class in label order: the correct subject of median confidence, and the wrong one of the highest.

    Confidence is the probability of the predicted class; of an even number of correct subjects, the lower of the middle
    two is taken, and of subjects that are equally confident the first in the table. A class without a correct (wrong)
    subject has none of that kind.

    Args:
        predictions: of the best condition; all probabilities are finite.
    """
    return [chosen for label in range(len(predictions.classes)) for chosen in _of_class(predictions, label)]


def _of_class(predictions: Predictions, label: int) -> Iterator[Chosen]:
    predicted, confidence = predictions.probabilities.argmax(1), predictions.probabilities.max(1)
    mine = predictions.labels == label
    correct, wrong = (np.flatnonzero(mine & kind) for kind in (predicted == label, predicted != label))
    if len(correct):
        ranked = correct[np.argsort(confidence[correct], kind="stable")]
        yield Chosen(int(ranked[(len(ranked) - 1) // 2]), CORRECT, label)
    if len(wrong):
        surest = int(wrong[confidence[wrong].argmax()])
        yield Chosen(surest, WRONG, int(predicted[surest]))
