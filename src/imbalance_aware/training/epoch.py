"""`Epoch`: learning rate, loss, accuracy and time of one epoch."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Epoch:
    """One row of ``history.csv``.

    Attributes:
        epoch: counted from 1.
        learning_rate: of all its steps.
        train_loss: mean over the samples drawn, with augmentation and while the weights change.
        train_balanced_accuracy: mean over classes of the share of drawn samples classified rightly, likewise.
        seconds: spent on its steps; the only column that two runs with the same settings and seed do not have in
            common.
        validation_loss: of the validation part after the epoch, NaN where it was not validated (see
            `imbalance_aware.training.validation`).
        validation_metric: value of the primary metric there, NaN likewise and where the metric is undefined.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_balanced_accuracy: float
    seconds: float
    validation_loss: float = math.nan
    validation_metric: float = math.nan
