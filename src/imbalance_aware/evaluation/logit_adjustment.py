"""Post-hoc logit adjustment: the class priors of the training set taken out of a trained model's predictions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import make_again
from imbalance_aware.tables.samples import read_samples


def adjust_logits(probabilities: np.ndarray, class_counts: Sequence[int], tau: float = 1.0) -> np.ndarray:
    """Probabilities after subtracting ``tau * log prior`` from the logits.

    With priors pi_k = n_k / n the adjusted prediction is ``argmax_k log p_k - tau log pi_k``; for ``tau = 1`` it
    minimises the balanced error if p is calibrated. Menon et al. 2021, "Long-tail learning via logit adjustment",
    equation 9.

    Args:
        probabilities: shape (n, K); rows that are not finite stay so.
        class_counts: samples of each class in the training set, all positive.
        tau: strength; 0 changes nothing.

    Returns:
        Shape (n, K), rows adding up to one.
    """
    priors = np.asarray(class_counts, dtype=np.float64) / np.sum(class_counts)
    with np.errstate(divide="ignore", invalid="ignore"):  # log 0 = -inf: an impossible class stays impossible
        scores = np.log(probabilities) - tau * np.log(priors)
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)


def training_class_counts(
    samples: str | Path, classes: Sequence[str], parts: Mapping[str, str] | None = None
) -> list[int]:
    """Training samples of each class, in the order of ``classes``.

    Args:
        samples: ``samples.csv``, whose column ``split`` says who is in training.
        classes: those predicted.
        parts: subject -> its part in one fold, which then says it instead.

    Raises:
        UserError: the table names other classes or subjects, or a class has no training sample.
    """
    rows = read_samples(Path(samples), ("class", "split", *(() if parts is None else ("subject",))))
    if parts is not None and {*parts} != {row["subject"] for row in rows}:
        raise UserError(f"{samples}: its subjects are not those of the folds. {make_again(Path(samples))}")
    counts = Counter(
        row["class"] for row in rows if (row["split"] if parts is None else parts[row["subject"]]) == "train"
    )
    unknown = [name for name, _ in counts.most_common() if name not in classes]
    if unknown:
        raise UserError(f"{samples}: the class {unknown[0]} is not among those predicted ({', '.join(classes)})")
    missing = [name for name in classes if name not in counts]
    if missing:
        raise UserError(f"{samples}: no training sample of class {', '.join(missing)}")
    return [counts[name] for name in classes]
