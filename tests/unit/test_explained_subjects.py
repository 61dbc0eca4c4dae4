"""Which condition and which test subjects are explained."""

import math

import numpy as np
from explanation_cases import ranked
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance_aware.reporting.explained_subjects import best_condition, chosen_subjects
from imbalance_aware.tables.predictions import Predictions


def test_the_best_condition_is_the_first_of_the_best_rank():
    ranks = ranked(
        ("d", "primary", "a", 3.0),
        ("d", "primary", "b", 1.5),
        ("d", "primary", "c", 1.5),
        ("d", "primary", "a@prior", 1.0),
        ("d", "exploratory", "a", 1.0),
        ("other", "primary", "a", 1.0),
        ("diverged", "primary", "a", math.nan),
    )
    assert best_condition(ranks, "d", ["c", "b", "a"]) == "b"
    assert best_condition(ranks, "d", ["a"]) == "a"
    assert best_condition(ranks, "diverged", ["a"]) is None and best_condition(ranks, "nowhere", ["a"]) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(35, 99)), min_size=1, max_size=15))
def test_subjects_are_chosen_by_the_rule(rows):
    labels, predicted, percent = (np.array(column) for column in zip(*rows, strict=True))
    probabilities = np.tile(((1 - percent / 100) / 2)[:, np.newaxis], 3)
    probabilities[np.arange(len(rows)), predicted] = percent / 100
    subjects = np.array([f"s{place}" for place in range(len(rows))], dtype=object)
    chosen = chosen_subjects(Predictions(subjects, ("a", "b", "c"), labels, probabilities, subjects, subjects))
    expected = []
    for label in range(3):
        correct = sorted((percent[i], i) for i in range(len(rows)) if labels[i] == predicted[i] == label)
        wrong = sorted((-percent[i], i) for i in range(len(rows)) if labels[i] == label != predicted[i])
        expected += [(correct[(len(correct) - 1) // 2][1], "correct", label)] if correct else []
        expected += [(wrong[0][1], "wrong", predicted[wrong[0][1]])] if wrong else []
    assert [(one.place, one.outcome, one.explained) for one in chosen] == expected
