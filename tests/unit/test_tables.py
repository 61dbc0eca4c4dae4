"""The tables of a study: which rows and columns they have, and in which order."""

import pandas as pd
import pytest
from table_cases import CONDITIONS, tidy

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.references import MAJORITY_CLASS, PRIOR_RANDOM
from imbalance_aware.reporting.labels import REFERENCES as references_in_print
from imbalance_aware.reporting.reference_rows import read_references
from imbalance_aware.reporting.tables import make_table
from imbalance_aware.tables.values import VALUES


def test_the_papers_losses_samplings_and_datasets_come_first():
    runs = [
        (dataset, row["condition"], 0, 0.5)
        for dataset in ("mri_phantoms", "glaucoma", "glioma")
        for row in CONDITIONS[::-1]
    ]
    panel = make_table("table1_balanced_accuracy", tidy(*runs))[0].panels[0]
    assert panel.columns == ("CE", "CE + F1", "MCC", "Tail bender")
    assert [row.labels for row in panel.rows] == [
        (dataset if sampling == "Uniform" else "", sampling)
        for dataset in ("Glioma", "Glaucoma", "MRI phantoms")
        for sampling in ("Uniform", "+ Weights", "Oversampling")
    ]


def test_wide_tables_are_cut_into_panels_without_empty_rows():
    rows = [{**CONDITIONS[0], "condition": f"new_{index}-uniform", "loss": f"new_{index}"} for index in range(8)]
    frame = pd.concat([tidy(("x", "ce-uniform", 0, 0.5)).assign(**row) for row in [*rows, CONDITIONS[2]]])
    panels = make_table("table1_balanced_accuracy", frame)[0].panels
    assert [panel.columns[0] for panel in panels] == ["MCC", "New 5"]
    assert [len(panel.rows) for panel in panels] == [2, 1]


def test_class_columns_are_grouped_by_dataset():
    metrics = tidy(
        ("glaucoma", "ce-uniform", 0, 0.8, "ok", "f1_no"),
        ("glaucoma", "ce-uniform", 0, 0.4, "ok", "f1_early"),
        ("glaucoma", "ce-uniform", 0, 0.6, "ok", "f1_macro"),
        ("mine", "ce-uniform", 0, 0.6, "ok", "f1_rare_thing"),
    )
    panel = make_table("table2_f1_by_class", metrics)[0].panels[0]
    assert panel.groups == (("Glaucoma", 2), ("Mine", 1))
    assert panel.columns == ("No", "Early", "Rare thing")
    assert [cell.text for cell in panel.rows[0].cells] == ["0.80", "0.40", "0.60"]


def test_posthoc_values_are_beside_those_before():
    metrics = tidy(
        ("x", "ce-uniform", 0, 0.50),
        ("x", "ce-uniform", 0, 0.58, "ok", "posthoc_balanced_accuracy"),
        ("x", "ce-uniform", 0, 0.40, "ok", "posthoc_mcc"),
        ("x", "ce-uniform", 0, 0.41, "ok", "mcc"),
    )
    panel = make_table("posthoc_logit_adjustment", metrics)[0].panels[0]
    assert panel.columns == ("Balanced accuracy", "MCC")
    assert [row.labels[-1] for row in panel.rows] == ["after", "before", "difference"]
    assert [[cell.text for cell in row.cells] for row in panel.rows] == [
        ["0.58", "0.40"],
        ["0.50", "0.41"],
        ["+0.08", "−0.01"],
    ]


def test_temperature_scaling_is_beside_what_was_before():
    metrics = tidy(
        *(
            ("x", "ce-uniform", 0, value, "ok", name)
            for name, value in (("brier", 0.5), ("ece", 0.2), ("log_loss", 1.5))
        ),
        *(("x", "ce-uniform", 0, 0.3, "ok", f"temperature_{name}") for name in ("brier", "ece", "log_loss")),
    )
    grid = make_table("temperature_scaling", metrics)[0]
    assert "lower is better" in grid.title
    assert [[cell.text for cell in row.cells] for row in grid.panels[0].rows] == [
        ["0.30"] * 3,
        ["1.50", "0.50", "0.20"],
        ["−1.20", "−0.20", "+0.10"],
    ]


def test_small_batches_name_their_size_and_the_papers_table(published):
    metrics = tidy(("glioma", "mcc-oversampling", 0, 0.5), batch_size=10)
    grid, _ = make_table("table6_small_batches", metrics, published)
    assert grid.title == "Small batches (batch size 10)"
    assert any(note.startswith("Paper: Table 6 of Scholz et al.") for note in grid.notes)


def test_table_of_a_metric_that_nobody_has_is_a_user_error():
    with pytest.raises(UserError, match="no run has the metric f1_<class>"):
        make_table("table2_f1_by_class", tidy(("x", "ce-uniform", 0, 0.5)))


def test_classes_that_would_print_alike_keep_their_names():
    metrics = tidy(*(("x", "ce-uniform", 0, 0.8, "ok", f"f1_{name}") for name in ("a_b", "a b", "rare_thing")))
    assert make_table("table2_f1_by_class", metrics)[0].panels[0].columns == ("a_b", "a b", "Rare thing")


def reference(metric, value, name="majority_class", dataset="x"):
    """A row of values.csv of what needs no image."""
    row = {"dataset": dataset, "condition": name, "rule": "reference", "unit": "sample", "metric": metric}
    return row | {"value": value}


@pytest.mark.parametrize(
    ("name", "metric", "labels"),
    [
        (
            "table1_balanced_accuracy",
            "balanced_accuracy",
            [("X", "Majority class"), ("", "Prior-random"), ("", "Uniform")],
        ),
        ("calibration", "brier", [("Majority class", ""), ("Prior-random", ""), ("CE", "Uniform")]),
    ],
)
def test_what_needs_no_image_comes_first(tmp_path, name, metric, labels):
    rows = [reference(metric, 0.4), reference(metric, 0.3, "prior_random"), reference(metric, 0.9, dataset="y")]
    (tmp_path / "values.csv").write_text(VALUES.csv(pd.DataFrame(rows)))
    references = read_references(tmp_path / "values.csv", "group")
    metrics = tidy(("x", "ce-uniform", 0, 0.5), ("x", "ce-uniform", 1, 0.6), metric=metric)
    grid, numbers = make_table(name, metrics, references=references)
    (panel,) = grid.panels
    assert [row.labels for row in panel.rows] == labels
    assert [row.cells[0].plain for row in panel.rows][:2] == ["0.40", "0.30"]
    assert numbers["condition"].tolist() == ["majority_class", "prior_random", "ce-uniform"]
    assert grid.notes[0].startswith("Mean ± sample standard deviation (n − 1) over 2 seeds.")
    assert any(note.startswith("Majority class: the most frequent") for note in grid.notes)
    assert {*references_in_print} == {MAJORITY_CLASS, PRIOR_RANDOM}


def test_the_head_of_a_table_counts_test_patients_and_marks_small_classes():
    runs = [("x", "ce-uniform", 0, 0.5)]
    counts = [("x", "ce-uniform", 0, n, "ok", f"test_groups_{name}") for name, n in (("no", 30), ("early", 29))]
    counts += [("x", "ce-uniform", 0, 90, "ok", "test_subjects_no")]
    grid, _ = make_table("table1_balanced_accuracy", tidy(*runs, *counts))
    assert grid.title == "Balanced accuracy. Test patients: X: No 30, Early 29* (* fewer than 30)"
