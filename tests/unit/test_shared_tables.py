"""The tables that pass between steps: what is written is read back, what is damaged is explained, and nobody else
parses them."""

import re
import subprocess
import sys
from dataclasses import astuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance_aware.class_names import problem
from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.metrics.catalogue import OVERALL as METRICS
from imbalance_aware.provenance import closure
from imbalance_aware.tables import (
    cohort,
    cohort_metrics,
    comparisons,
    duplicates,
    effects,
    failures,
    flow,
    folds,
    history,
    metrics,
    predictions,
    quality,
    ranks,
    samples,
    values,
)
from imbalance_aware.tables.csv_text import csv_text, frame_csv, read_rows
from imbalance_aware.tables.history import Epoch, history_csv, read_history

#: Any text that UTF-8 can hold: commas, quotation marks, line breaks of every kind.
CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "",
        "a,b",
        'say "x"',
        "two\nlines",
        "two\r\nlines",
        "\r",
        "NA",
        "001",
        "1e5",
        "=1+1",
        " blank ",
        "é",
        ";",
        "\ufeff",
    ]
)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(lambda name: not problem(name))
FLOATS = st.floats(width=64)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "table.csv"


def same(first, second):
    return np.array_equal(np.asarray(first, float), np.asarray(second, float), equal_nan=True)


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6))
def test_cells_are_read_as_they_were_written(place, rows):
    write_text(place, csv_text(["a", "b", "c"], rows))
    columns, found = read_rows(place, "a table", ["a"])
    assert columns == ["a", "b", "c"]
    assert [tuple(row.values()) for _, row in found] == rows


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(CELLS.filter(lambda cell: "\r" not in cell), FLOATS, st.integers(), st.booleans())))
def test_text_is_what_pandas_writes(rows):
    frame = pd.DataFrame(rows, columns=["text", "number", "count", "truth"])
    assert frame_csv(frame) == frame.to_csv(index=False, lineterminator="\n")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6, unique_by=lambda row: row[0]), st.data())
def test_a_cohort_is_read_as_it_was_written(place, rows, data):
    reasons = data.draw(st.lists(st.sampled_from(["", "missing", "size: 3x3; blank"]), min_size=len(rows)))
    subjects = pd.DataFrame(rows, columns=["subject", "class", "image"], dtype=str)
    subjects = subjects.assign(cohort="a", split="", excluded=reasons[: len(rows)], group="1")
    write_text(place, cohort.cohort_csv(subjects))
    found = cohort.read_cohort(place)
    assert list(found) == [*cohort.COLUMNS, "image"]
    assert found.to_dict("records") == subjects[list(found)].to_dict("records")
    inside = found[cohort.included(found)]
    assert cohort.included_subjects(place) == {row["subject"]: row for row in inside.to_dict("records")}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(CELLS, NAMES, st.integers(0, 9), st.sampled_from(samples.SPLITS)), min_size=1, max_size=6))
def test_samples_are_read_as_they_were_written(place, rows):
    table = pd.DataFrame(rows, columns=["subject", "class", "label", "split"])
    table = table.assign(group="p", cohort="a", image_sha256="0" * 16, other="not written", sex=table["subject"])
    write_text(place, samples.samples_csv(table, ["sex"]))
    assert place.read_text().splitlines()[0] == "subject,group,cohort,class,label,split,image_sha256,sex"
    found = samples.read_samples(place)
    assert found == table[[*samples.COLUMNS, "sex"]].astype(str).to_dict("records")
    assert samples.subgroup_names(found[0]) == ["sex"]
    frame = samples.read_samples_frame(place, ("class", "label"))
    assert frame.to_dict("records") == table[["class", "label"]].to_dict("records")


@settings(max_examples=50, deadline=None)
@given(data=st.data(), classes=st.lists(NAMES, min_size=2, max_size=5, unique=True))
def test_predictions_are_read_as_they_were_written(place, data, classes):
    subjects = data.draw(st.lists(CELLS, min_size=1, max_size=5, unique=True))
    labels = [data.draw(st.integers(0, len(classes) - 1)) for _ in subjects]
    logits = np.array(
        [data.draw(st.lists(st.floats(-9, 9), min_size=len(classes), max_size=len(classes))) for _ in subjects]
    )
    values = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if data.draw(st.booleans()):
        values[0] = np.nan
    rows = [
        {"subject": subject, "group": f"p{subject}", "class": classes[label], "label": str(label), "cohort": "a"}
        | {"split": "test", "sex": subject}
        for subject, label in zip(subjects, labels, strict=True)
    ]
    fold = data.draw(st.none() | st.just([number % 3 for number in range(len(rows))]))
    write_text(place, predictions.predictions_csv(rows, classes, values, fold))
    found = predictions.read_predictions(place)
    assert found.groups.tolist() == [f"p{subject}" for subject in subjects] and set(found.cohorts) == {"a"}
    assert {name: values.tolist() for name, values in found.subgroups.items()} == {"sex": subjects}
    assert found.fold is None if fold is None else found.fold.tolist() == fold
    assert found.subjects.tolist() == subjects and found.labels.tolist() == labels
    assert found.classes == tuple(classes)
    assert same(found.probabilities, values), "to the last bit"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.builds(Epoch, st.integers(1), FLOATS, FLOATS, FLOATS, FLOATS), min_size=1, max_size=4))
def test_a_history_is_read_as_it_was_written(place, epochs):
    write_text(place, history_csv(epochs))
    found = read_history(place)
    assert found.metric is None
    assert same([astuple(epoch)[1:] for epoch in found.epochs], [astuple(epoch)[1:] for epoch in epochs])
    assert [epoch.epoch for epoch in found.epochs] == [epoch.epoch for epoch in epochs]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.builds(Epoch, st.integers(1), *[FLOATS] * 6), min_size=1, max_size=4), st.sampled_from(METRICS))
def test_a_history_of_a_validation_part_is_read_as_it_was_written(place, epochs, metric):
    write_text(place, history_csv(epochs, metric))
    assert place.read_text().splitlines()[0].endswith(f",seconds,validation_loss,validation_{metric}")
    found = read_history(place)
    assert found.metric == metric
    assert same([astuple(epoch) for epoch in found.epochs], [astuple(epoch) for epoch in epochs])


PARTS = st.sampled_from([*samples.SPLITS, ""])


@settings(max_examples=30, deadline=None)
@given(data=st.data(), subjects=st.lists(CELLS, min_size=1, max_size=5, unique=True), number=st.integers(1, 11))
def test_folds_are_read_as_they_were_written(place, data, subjects, number):
    parts = [data.draw(st.lists(PARTS, min_size=len(subjects), max_size=len(subjects))) for _ in range(number)]
    write_text(place, folds.folds_csv(subjects, parts))
    found = folds.read_folds(place)
    assert [list(fold) for fold in found] == [subjects] * number
    assert [list(fold.values()) for fold in found] == parts
    assert folds.read_fold(place, number - 1) == found[-1]
    with pytest.raises(UserError, match=f"has no fold {number}; it has {number}, counted from 0"):
        folds.read_fold(place, number)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("subject\na\n", "expected the columns subject, fold-0, fold-1, …; it has subject"),
        ("subject,fold-1\na,test\n", "expected the columns subject, fold-0"),
        ("subject,fold-0\na,tset\n", 'line 2: fold-0 is "tset"; expected train, validation, test, or nothing'),
    ],
)
def test_folds_that_are_none_are_explained(place, text, message):
    place.write_text(text)
    with pytest.raises(UserError, match=re.escape(message)) as refusal:
        folds.read_folds(place)
    assert f"snakemake --cores 1 --force -- {place}" in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": ["train", ""]}, r'line 3: split is ""; expected train or validation or test, or an empty cell in'),
        ({"group": None}, "lacks the column group; .* --forcerun pack -- "),
    ],
)
def test_old_and_half_split_samples_are_refused_with_the_step_to_rerun(place, change, message):
    table = pd.DataFrame([dict.fromkeys(samples.COLUMNS, "0")] * 2).assign(**change).dropna(axis=1)
    write_text(place, table.to_csv(index=False))
    with pytest.raises(UserError, match=message):
        samples.read_samples(place)


def test_samples_of_a_cross_validated_dataset_have_no_split(place):
    write_text(place, samples.samples_csv(pd.DataFrame([dict.fromkeys(samples.COLUMNS, "0")]).assign(split="")))
    assert [row["split"] for row in samples.read_samples(place)] == [""]


def test_counts_and_measures_are_read_as_they_were_written(place):
    counts = pd.DataFrame([("a", "NA", "found", "", 3)], columns=list(flow.COLUMNS))
    write_text(place, flow.flow_csv(counts))
    assert flow.read_flow(place).to_dict("records") == counts.to_dict("records")
    measures = pd.DataFrame(
        [{"subject": "001", "passed": True, "tumour_ml": 1.25}, {"subject": "2", "tumour_ml": None}]
    )
    write_text(place, quality.quality_csv(measures))
    found = quality.read_quality(place)
    assert list(found) == [*quality.COLUMNS, "tumour_ml"] and found["subject"].tolist() == ["001", "2"]
    assert same(found["tumour_ml"], [1.25, np.nan])


GOOD = "epoch,learning_rate,train_loss,train_balanced_accuracy,seconds\n1,0.1,0.2,0.3,0.4\n"
DAMAGED = {
    "a row cut short": (GOOD[:-5] + "\n", "line 2: 4 cells under 5 columns"),
    "an open quotation mark": (GOOD + '2,"0.1\n', "not a CSV table"),
    "a line without its end": (GOOD + "2,0.1,0.2,0.3,0.", "truncated: its last line is incomplete"),
    "no rows": (GOOD.splitlines()[0] + "\n", "has no rows"),
    "nothing": ("", "lacks the column epoch"),
    "a column less": (
        GOOD.replace("train_loss", "loss"),
        "lacks the column train_loss; it has epoch, learning_rate, l",
    ),
    "a column twice": (GOOD.replace("\n", ",seconds\n", 1).replace("0.4\n", "0.4,0.4\n"), "the column seconds twice"),
    "a word": (GOOD.replace("0.2", "low"), "line 2: a cell is not a number"),
    "a loss without a metric": (
        GOOD.replace("\n", ",validation_loss\n", 1).replace("0.4\n", "0.4,0.4\n"),
        "expected the columns validation_loss and validation_<metric>, or none of the validation part",
    ),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_what_is_damaged_is_explained_with_the_command_that_makes_it_again(tmp_path, damage):
    text, message = DAMAGED[damage]
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(UserError, match=re.escape(message)) as refusal:
        read_history(tmp_path / "history.csv")
    assert str(refusal.value).startswith(f"{tmp_path}/history.csv")
    assert f"snakemake --cores 1 --force -- {tmp_path}/history.csv" in str(refusal.value)


def test_what_is_no_table_at_all_is_explained(tmp_path):
    with pytest.raises(UserError, match=r"no such file .* the step `train` writes"):
        read_history(tmp_path / "history.csv")
    (tmp_path / "cohort.csv").write_bytes("subject\nMüller\n".encode("latin-1"))
    with pytest.raises(UserError, match="line 2: byte 0xfc is not UTF-8"):
        cohort.included_subjects(tmp_path / "cohort.csv")


def test_a_further_column_is_one_line_here(place, monkeypatch):
    """Packing and training hand on whole rows: these two modules choose what is written of them."""
    monkeypatch.setattr(samples, "COLUMNS", (*samples.COLUMNS, "site"))
    monkeypatch.setattr(predictions, "COLUMNS", (*predictions.COLUMNS, "site"))
    table = pd.DataFrame([{name: "1" for name in samples.COLUMNS} | {"split": "test", "class": "b", "site": "p7"}])
    write_text(place, samples.samples_csv(table))
    (row,) = samples.read_samples(place, samples.COLUMNS)
    assert row["site"] == "p7"
    text = predictions.predictions_csv([row], ["a", "b"], np.array([[0.25, 0.75]]))
    assert text == "subject,group,cohort,class,label,site,prob_a,prob_b\n1,1,1,b,1,p7,0.25,0.75\n"


#: File -> why it reads or writes cells by itself. Whatever else does is to use the room `tables`, or `table_files`.
ALLOWED = {
    "files.py": "tables that are printed, for people and programs outside",
    "table_files.py": "the reader of tables that users write",
    "tables/csv_text.py": "what the tables share",
    "tables/metrics.py": "pandas finds the types of the columns",
    "tables/cohort_metrics.py": "pandas finds the types of the columns",
    "tables/frames.py": "pandas, for tables of many numbers",
    "reporting/tables.py": "printed tables, which no step reads",
    "reporting/html_table.py": "any table as a page, whatever its columns",
    "reporting/summary.py": "published_results.csv, a file of the project",
    "reporting/results_page.py": "Snakemake's benchmark files",
    "sources/ahn2018.py": "ahn2018_files.csv, a file of the project",
    "preprocessing/compare_reference.py": "a table of a benchmark, which no step reads",
    "phantoms/fundus.py": "a table as a user would write it, for the source `folder`",
    "phantoms/mri.py": "a table as a user would write it, for the source `folder3d`",
    "prediction/predict.py": "predictions of new images, row by row as they come, which no step reads",
}
PARSES = re.compile(r"\b(?:csv\.(?:reader|DictReader|writer|DictWriter)|read_csv|to_csv|write_csv)\(")


def test_nothing_else_parses_tables(checkout):
    package = checkout / "src" / "imbalance_aware"
    files = [*package.rglob("*.py"), *(checkout / "workflow").rglob("*.smk"), checkout / "Snakefile"]
    assert len(files) > 100
    parsers = {path for path in files if PARSES.search(path.read_text(encoding="utf-8"))}
    known = {package / name for name in ALLOWED}
    others = sorted(str(path.relative_to(checkout)) for path in parsers - known)
    assert not others, f"these read or write tables by themselves: {others}"


def test_columns_are_written_down_once(checkout):
    """The beginning of each table's list of columns is nowhere else in the package or the rules."""
    tables = (cohort, samples, predictions, history, flow, duplicates, quality, metrics, cohort_metrics)
    lists = {module.__name__: module.COLUMNS[:5] for module in tables}
    forms = {"values": values.VALUES, "comparisons": comparisons.COMPARISONS, "ranks": ranks.RANKS}
    forms |= {"effects": effects.EFFECTS, "failures": failures.FAILURES}
    lists |= {name: form.columns[:5] for name, form in forms.items()}
    written = {name: re.compile(r"[\"'],\s*[\"']".join(map(re.escape, columns))) for name, columns in lists.items()}
    package = checkout / "src" / "imbalance_aware"
    for path in (*package.rglob("*.py"), *(checkout / "workflow").rglob("*.smk")):
        if path.parent.name != "tables":
            text = path.read_text(encoding="utf-8")
            assert not [name for name, pattern in written.items() if pattern.search(text)], path


def test_planning_and_training_read_tables_without_what_writes_files():
    """A change of how files are written would else retrain a study, and planning would import pandas."""
    assert not {"files", "table_files"} & {
        *closure(["tables.samples", "tables.folds", "tables.history", "tables.cohort"])
    }
    modules = "from imbalance_aware.tables import cohort, folds, history, samples; import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", modules], check=True, capture_output=True, text=True).stdout.split()
    assert not {"pandas", "numpy", "torch"} & {*loaded}
