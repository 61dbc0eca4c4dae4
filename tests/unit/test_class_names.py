"""Names of classes: odd ones work from the table to the figure, impossible ones are refused where they enter."""

import csv
import json
import logging
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from condition_rows import conditions
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imbalance_aware.__main__ import main
from imbalance_aware.class_names import classes_argument, look_alikes, metric_of_class, problem
from imbalance_aware.errors import UserError
from imbalance_aware.metrics.catalogue import metric_names
from imbalance_aware.reporting.labels import distinct
from imbalance_aware.schema import validate
from imbalance_aware.sources.folder import Settings as FolderSettings
from imbalance_aware.sources.folder3d import Settings as Folder3DSettings

#: Each of them broke a step once: an option, a formula, a mean's name, markup, two that print alike.
ODD = ["macro", "class macro", "-ve", r"$\frac{$", "a_b", "a b", "|<script>%&#~^", "[x]*", "_y", "0"]
IMPOSSIBLE = {
    "be\nnign": "holds a line break (U+000A)",
    "be\rnign": "holds a line break (U+000D)",
    "be\u2028nign": "holds a line break (U+2028)",
    "be\tnign": "holds a control character (U+0009)",
    "be\x07nign": "holds a control character (U+0007)",
}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=6, unique=True))
def test_no_two_metrics_share_a_name(classes):
    names = metric_names(classes)
    assert len(set(names)) == len(names)
    assert len(set(metric_names(ODD))) == len(metric_names(ODD))


@given(st.lists(st.sampled_from([*ODD, "A b", "a  b", "A_b", "b_a", "mri", "MRI", "_", " "]), unique=True))
def test_labels_are_as_distinct_as_names(names):
    assert len(set(distinct(names).values())) == len(names)


def test_labels_are_readable_where_they_can_be():
    assert distinct(["a_b", "a b", "rare_thing"]) == {"a_b": "a_b", "a b": "a b", "rare_thing": "Rare thing"}


def test_metrics_of_a_class_called_macro_keep_apart_from_the_mean():
    assert metric_of_class("f1", "early") == "f1_early"
    assert metric_of_class("f1", "macro") == "f1_class macro"
    assert metric_of_class("f1", "class macro") == "f1_class class macro"


@pytest.mark.parametrize("model", [FolderSettings, Folder3DSettings])
def test_settings_refuse_impossible_names_and_take_odd_ones(model, tmp_path):
    adapter = {"adapter": "folder" if model is FolderSettings else "folder3d", "table": str(tmp_path / "t.csv")}
    assert validate(model, adapter | {"classes": ODD}, "test").classes == tuple(ODD)
    assert validate(model, adapter | {"classes": [0, 1]}, "test").classes == ("0", "1")
    for name, reason in {**IMPOSSIBLE, "": "is empty", " a": "begins or ends with a space"}.items():
        with pytest.raises(UserError) as refusal:
            validate(model, adapter | {"classes": [name, "severe"]}, "my.yaml")
        assert reason in str(refusal.value) and str(refusal.value).startswith("my.yaml: classes: the class")
    with pytest.raises(UserError, match='"a" is listed twice'):
        validate(model, adapter | {"classes": ["a", "a"]}, "test")
    with pytest.raises(UserError, match="with quotation marks"):
        validate(model, adapter | {"classes": [False, "early"]}, "test")


@pytest.fixture
def images(tmp_path):
    """Function: a table ``my.csv`` of ten images of each of ``names``, and the settings that read it."""

    def write(names, **options):
        rng = np.random.default_rng(0)
        rows = []
        for name in names:
            for _ in range(10):
                path = f"{len(rows)}.png"
                Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)).save(tmp_path / path)
                rows.append({"path": path, "class": name})
        pd.DataFrame(rows).to_csv(tmp_path / "my.csv", index=False, quoting=csv.QUOTE_ALL)
        return json.dumps({"adapter": "folder", "table": str(tmp_path / "my.csv"), "image_size": [12, 12], **options})

    return write


def cohort(folder, source):
    tables = [part for name in ("out", "duplicates", "flow") for part in (f"--{name}", str(folder / f"{name}.csv"))]
    return main(["cohort", "--settings", source, *tables])


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_table_with_an_impossible_name_is_refused_with_file_line_and_reason(images, tmp_path, capsys, name):
    assert cohort(tmp_path, images(["severe", name])) == 2
    message = capsys.readouterr().err
    assert f"{tmp_path / 'my.csv'}, line " in message and IMPOSSIBLE[name] in message
    assert not list(tmp_path.glob("out*.csv"))


def test_look_alikes_are_told_with_their_counts():
    counts = {"Benign": 3, "benign": 40, "a_b": 1, "a b": 2, "-ve": 5, "+ve": 6, "é": 7, "e\u0301": 8}
    lines = look_alikes(counts)
    assert len(lines) == 3 and not any("ve" in line.split(";")[0] for line in lines)
    assert '"Benign" (3 samples), "benign" (40 samples)' in lines[0]
    assert "are trained as different classes" in lines[0]


def test_a_cohort_with_look_alikes_warns_in_one_line(images, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert cohort(tmp_path, images(["Benign", "benign"])) == 0
    told = [record.getMessage() for record in caplog.records if "look alike" in record.getMessage()]
    assert len(told) == 1 and '"Benign" (10 samples), "benign" (10 samples)' in told[0] and "\n" not in told[0]


def test_classes_of_the_command_line_may_begin_as_options_do():
    assert classes_argument(json.dumps(ODD)) == ODD


def test_impossible_names_are_found_wherever_they_stand():
    assert not any(problem(name) for name in ODD)
    assert all(problem(name) for name in [*IMPOSSIBLE, "", " ", "\u2009", "a "])


@pytest.mark.slow
def test_odd_names_go_from_the_table_to_every_table_and_figure(images, tmp_path, capsys):
    """The steps that names pass, but for training, whose predictions are made up."""
    assert cohort(tmp_path, images(ODD, classes=ODD)) == 0
    data = tmp_path / "odd"
    arrays = ["--images", str(data / "images.npy"), "--samples", str(data / "samples.csv")]
    table, folder = ["--cohort", str(tmp_path / "out.csv")], str(tmp_path / "resized")
    form = json.dumps({"image_size": [12, 12], "channels": "rgb", "max_value": None})
    assert main(["resize", *table, "--settings", form, "--out", folder]) == 0
    assert main(["pack", *table, "--preprocessed", folder, "--classes", json.dumps(ODD), *arrays]) == 0
    samples = pd.read_csv(data / "samples.csv", keep_default_na=False, dtype=str)
    assert list(dict.fromkeys(samples.sort_values("label", key=lambda labels: labels.astype(int))["class"])) == ODD

    runs = [_write_run(tmp_path, data / "samples.csv", condition) for condition in ("ce-uniform", "mcc-uniform")]
    for run in runs:
        files = ["--predictions", str(run / "predictions.csv"), "--samples", str(data / "samples.csv")]
        assert main(["evaluate", *files, "--out", str(run / "metrics.json")]) == 0
    metrics = ["--metrics", str(tmp_path / "metrics.csv")]
    reports = [str(run / "metrics.json") for run in runs]
    collect = [
        "collect",
        "--study",
        "s",
        "--conditions",
        json.dumps(conditions("ce-uniform", "mcc-uniform")),
        "--batch-size",
        "5",
    ]
    assert main([*collect, "--out", str(tmp_path / "metrics.csv"), *reports]) == 0
    assert main(["tables", *metrics, "--tables", "table2_f1_by_class", "--out", str(tmp_path)]) == 0
    for step, rest in {
        "class_distribution": [str(data / "samples.csv")],
        "confusion_matrices": [*metrics, *reports],
        "feature_map": [*metrics, *(str(run / "features.npy") for run in runs)],
    }.items():
        out = [part for kind in ("png", "pdf") for part in (f"--{kind}", str(tmp_path / f"{step}.{kind}"))]
        assert main([step, *out, *rest]) == 0, (step, capsys.readouterr().err)

    page = (tmp_path / "table2_f1_by_class.html").read_text()
    assert "<script>" not in page and "|&lt;script&gt;" in page
    header = (tmp_path / "table2_f1_by_class.md").read_text().splitlines()[2]
    assert header.replace(r"\|", "").count("|") == len(ODD) + 3
    assert r"\$\\frac{\$" in header and r"\&" in header and r"\~" in header
    tex = (tmp_path / "table2_f1_by_class.tex").read_text()
    assert r"\$\textbackslash{}frac\{\$" in tex and "{[}x{]}{*}" in tex
    if shutil.which("pdflatex"):
        document = rf"\documentclass{{article}}\usepackage{{booktabs,graphicx}}\begin{{document}}{tex}\end{{document}}"
        (tmp_path / "page.tex").write_text(document)
        subprocess.run(["pdflatex", "-halt-on-error", "page.tex"], cwd=tmp_path, check=True, capture_output=True)


def _write_run(folder, samples, condition):
    """Files of a run whose test subjects are those of ``samples``."""
    run = folder / "s" / "odd" / condition / "seed-0"
    run.mkdir(parents=True)
    table = pd.read_csv(samples, keep_default_na=False, dtype={"class": str})
    table = table[table["split"] == "test"][["subject", "group", "cohort", "class", "label"]]
    rng = np.random.default_rng(len(condition))
    logits = rng.normal(size=(len(table), len(ODD))) + np.eye(len(ODD))[table["label"]]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    table[[f"prob_{name}" for name in ODD]] = probabilities
    table.to_csv(run / "predictions.csv", index=False)
    np.save(run / "features.npy", rng.normal(size=(len(table), 5)))
    return run
