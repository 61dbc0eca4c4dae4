"""Display names of classes, losses and sampling modes, and their order in tables and figures."""

import re
from collections.abc import Iterable

from imbalance_aware.rivals.catalogue import RIVALS

#: Terms of a loss.
TERMS = {"ce": "CE", "soft_f1": "F1", "soft_mcc": "MCC", "focal": "Focal"}
#: (sampling, weighted) of the paper's three ways.
SAMPLINGS = {
    ("uniform", False): "Uniform",
    ("uniform", True): "+ Weights",
    ("oversampling", False): "Oversampling",
}
#: What needs no image -> its name in print; they come first.
REFERENCES = {"majority_class": "Majority class", "prior_random": "Prior-random"}
#: What metrics count, by their unit.
COUNTED = {"sample": "images", "group": "patients"}
#: The paper's columns, rows and datasets, in its order; everything else follows.
PAPER_LOSSES = ("ce", "ce_f1", "ce_mcc", "f1", "focal", "mcc")
PAPER_DATASETS = ("glioma", "glaucoma")

ABBREVIATIONS = (
    *("AUC", "AUROC", "BCE", "CB", "CE", "DRW", "F1", "LDAM", "MCC", "VS"),
    *("EGD", "FLAIR", "GBM", "IDH", "LGG", "MRI", "PDGM", "TCGA", "UCSF"),
)
WORDS = {word.lower(): word for word in ABBREVIATIONS}


def readable(name: str) -> str:
    """``"balanced_softmax"`` -> ``"Balanced softmax"``; known abbreviations in capitals, names with capitals kept."""
    words = [WORDS.get(word, word) for word in re.split(r"[_\s]+", name.strip("_ "))]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def in_a_sentence(label: str) -> str:
    """``"Balanced accuracy"`` -> ``"balanced accuracy"``; abbreviations and names of people are kept."""
    keep = label[:2].isupper() or label.startswith("Brier")
    return label if keep else label[:1].lower() + label[1:]


def distinct(names: Iterable[str]) -> dict[str, str]:
    """A readable label for each name; names whose labels would be alike (``a_b``, ``a b``) are kept as they are."""
    labels = {name: readable(name) or name for name in names}
    shared = list(labels.values())
    labels = {name: name if shared.count(label) > 1 else label for name, label in labels.items()}
    return labels if len(set(labels.values())) == len(labels) else {name: name for name in labels}


def loss_label(expression: str) -> str:
    """``"ce+0.5*soft_mcc"`` -> ``"CE + 0.5 MCC"``."""
    terms = []
    for part in expression.split("+"):
        factor, _, name = part.strip().rpartition("*")
        terms.append(f"{factor.strip()} {TERMS.get(name, readable(name))}".strip())
    return " + ".join(terms)


def sampling_label(sampling: str, weighted: bool) -> str:
    """``("uniform", True)`` -> ``"+ Weights"``, as the paper writes it."""
    return SAMPLINGS.get((sampling, weighted)) or readable(sampling) + (" + weights" if weighted else "")


def with_rival(sampling: str, rival: str) -> str:
    """``("Uniform", "crt")`` -> ``"Uniform, cRT"``; without a rival the label as it is."""
    return f"{sampling}, {RIVALS[rival].label}" if rival else sampling


def loss_labels(losses: Iterable[tuple[str, str]]) -> dict[str, str]:
    """A label for each loss key, no two alike.

    Args:
        losses: (key, expression) pairs, such as ``("ce_f1", "ce+soft_f1")``. Where two keys have one expression
            (the same loss with other arguments), the key that spells the expression keeps its label and the others
            are named after themselves.
    """
    expressions = dict(losses)
    labels = {}
    for key, expression in expressions.items():
        alone = list(expressions.values()).count(expression) == 1
        spelled = expression.replace("soft_", "").replace("+", "_") == key
        labels[key] = loss_label(expression) if alone or spelled else readable(key)
    return labels


def paper_first(names: Iterable[str], paper: Iterable[str]) -> list[str]:
    """Distinct ``names``: those of ``paper`` in its order, then the others in theirs."""
    distinct = list(dict.fromkeys(names))
    return [name for name in paper if name in distinct] + [name for name in distinct if name not in set(paper)]
