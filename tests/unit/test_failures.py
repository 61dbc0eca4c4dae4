"""The table of failures: who is listed, what is said of them, by hand; and the whole way through the step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance_aware.__main__ import main
from imbalance_aware.evaluation.failures import failures
from imbalance_aware.files import write_text
from imbalance_aware.runs.identity import Run
from imbalance_aware.tables.failures import FAILURES
from imbalance_aware.tables.predictions import Predictions, predictions_csv

CLASSES = ("<script>", "a & b | c", "שלום")


def predictions(probabilities, labels, fold=None) -> Predictions:
    names = np.array([f"s{number}" for number in range(len(labels))], dtype=object)
    cohorts = np.array(["x"] * len(labels), dtype=object)
    values = np.array(probabilities, float)
    return Predictions(names, CLASSES, np.array(labels), values, names, cohorts, fold=fold)


def run_of(condition: str, seed: int = 0) -> Run:
    return Run("s", "d", condition, seed)


def test_rows_by_hand():
    """Of two conditions with two runs each, in which the mean decides and not the single runs."""
    labels = [0, 0, 1, 2]
    a0 = predictions([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.0, 0.1, 0.9]], labels)
    a1 = predictions([[0.9, 0.1, 0.0], [0.6, 0.3, 0.1], [0.8, 0.1, 0.1], [0.0, 0.1, 0.9]], labels)
    b0 = predictions([[0.9, 0.1, 0.0], [0.8, 0.1, 0.1], [0.1, 0.0, 0.9], [0.0, 0.1, 0.9]], labels)
    b1 = predictions([[0.9, 0.1, 0.0], [0.8, 0.1, 0.1], [0.1, 0.2, 0.7], [0.0, 0.1, 0.9]], labels)
    both, one = failures({run_of("a"): a0, run_of("a", 1): a1, run_of("b"): b0, run_of("b", 1): b1})
    assert (both["subject"], both["class"], both["n_wrong"], both["n_conditions"]) == ("s2", "a & b | c", 2, 2)
    assert (both["n_runs"], both["n_runs_wrong"]) == (4, 4)
    # One condition says 0 and one says 2, each once: the larger mean of the two, (0.0 + 0.1 + 0.9 + 0.7 + 0.1) / 4.
    assert both["predicted"] == "שלום" and both["probability"] == pytest.approx(0.45)
    assert both["probability_of_class"] == pytest.approx(0.15)
    assert (both["confident_condition"], both["confident_predicted"]) == ("b", "שלום")
    assert both["confident_probability"] == pytest.approx(0.8)
    # The mean of a's two runs is 0.4, 0.5, 0.1: wrong, though one of them is right.
    assert (one["subject"], one["n_wrong"], one["n_runs_wrong"]) == ("s1", 1, 1)
    assert (one["confident_condition"], one["predicted"]) == ("a", "a & b | c")


def test_runs_that_diverged_say_nothing():
    labels = [0, 1]
    right, wrong = [[1, 0, 0], [0, 1, 0]], [[0, 1, 0], [1, 0, 0]]
    broken = [[np.nan] * 3, [1, 0, 0]]
    runs = {run_of("a"): predictions(right, labels), run_of("b"): predictions(wrong, labels)}
    rows = failures(runs | {run_of("b", 1): predictions(broken, labels), run_of("c"): predictions(broken, labels)})
    assert [(row["n_conditions"], row["n_wrong"], row["n_runs"], row["n_runs_wrong"]) for row in rows] == [
        (2, 1, 2, 1),
        (2, 1, 2, 1),
    ]
    assert failures({run_of("c"): predictions(broken, labels)}) == []
    assert failures({run_of("a"): predictions(right, labels)}) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 3), st.integers(2, 20))
def test_the_order_and_the_counts(seed, conditions, seeds, subjects):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, subjects)
    runs = {
        run_of(f"c{condition}", number): predictions(generator.dirichlet([0.5] * 3, subjects), labels)
        for condition in range(conditions)
        for number in range(seeds)
    }
    rows = failures(runs)
    keys = [(-row["n_wrong"], -row["confident_probability"]) for row in rows]
    assert keys == sorted(keys)
    means = [
        np.mean([runs[run_of(f"c{condition}", number)].probabilities for number in range(seeds)], axis=0)
        for condition in range(conditions)
    ]
    wrong = {name: sum(of[row].argmax() != labels[row] for of in means) for row, name in enumerate(_names(subjects))}
    assert {row["subject"]: row["n_wrong"] for row in rows} == {name: n for name, n in wrong.items() if n}
    for row in rows:
        assert row["predicted"] != row["class"] != row["confident_predicted"]
        assert 0 <= row["n_runs_wrong"] <= row["n_runs"] == conditions * seeds


def _names(subjects: int) -> list[str]:
    return [f"s{number}" for number in range(subjects)]


def test_the_step_writes_a_table_that_is_read_back(tmp_path):
    """Of two datasets, one of them without a failure; the same input gives the same bytes."""
    rows = [
        {"subject": name, "group": name, "cohort": "ü", "class": CLASSES[label], "label": str(label)}
        for label, name in enumerate(("ש", "<b>", 'q"'))
    ]
    paths = []
    for dataset, values in {"good": np.eye(3), "bad": np.eye(3)[[1, 1, 1]]}.items():
        paths.append(tmp_path / f"runs/s/{dataset}/ce/seed-0/predictions.csv")
        write_text(paths[-1], predictions_csv(rows, CLASSES, values))
    for name in ("one.csv", "two.csv"):
        assert main(["failures", "--out", str(tmp_path / name), *map(str, paths)]) == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    found = FAILURES.read(tmp_path / "one.csv")
    assert found[["dataset", "subject", "class", "predicted"]].values.tolist() == [
        ["bad", "ש", "<script>", "a & b | c"],
        ["bad", 'q"', "שלום", "a & b | c"],
    ]
    assert main(["failures", "--out", str(tmp_path / "none.csv"), str(paths[0])]) == 0
    assert FAILURES.read(tmp_path / "none.csv").empty
