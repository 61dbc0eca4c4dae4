"""Simulated studies to compare: predictions of runs, and the arrays that the reference implementation takes."""

from dataclasses import replace

import numpy as np
from condition_rows import conditions

from imbalance_aware.evaluation.decision_rules import Basis
from imbalance_aware.evaluation.settings import EvaluationSettings
from imbalance_aware.runs.identity import Run
from imbalance_aware.tables.predictions import Predictions
from oracles import statistics_reference as reference

CLASSES = ("no", "early", "advanced")

LEVELS = conditions("ce-uniform", "ce-weighted", "ce-oversampling", "mcc-uniform", "mcc-weighted", "mcc-oversampling")


def predicted(labels, probabilities, classes=CLASSES, groups=None, fold=None):
    subjects = np.array([f"s{i}" for i in range(len(labels))], dtype=object)
    groups = subjects if groups is None else np.array([f"p{g}" for g in groups], dtype=object)
    return Predictions(subjects, classes, labels, probabilities, groups, np.full(len(labels), "here"), {}, fold)


def simulated(seeds=3, conditions=6, images=1, sizes=(40, 16, 22), seed=0, spread=0.6):
    """Runs of a study, and the arrays that the reference takes."""
    rng = np.random.default_rng(seed)
    effect = spread * rng.normal(size=(conditions, 1)) * np.ones(3)
    labels, patients, p = reference.simulate(rng, sizes, conditions, seeds, images, effect=effect)
    runs = {
        Run("s", "toy", LEVELS[c]["condition"], s): predicted(labels, p[c, s], groups=patients)
        for c in range(conditions)
        for s in range(seeds)
    }
    return runs, (labels, patients, p)


def basis_of(runs, counts, **known):
    """What rules may learn from: the same class counts in every run."""
    return {place: Basis(counts, **known) for place in runs}


def judged(**keys):
    return EvaluationSettings(**keys)


def rows_of(found, table, **keys):
    rows = [row for row in found[table] if all(row.get(key) == value for key, value in keys.items())]
    assert rows, (table, keys)
    return rows


def in_folds(runs, folds, repeat=0):
    return {replace(place, repeat=repeat): replace(run, fold=folds) for place, run in runs.items()}
