"""`compare A B`: the same bytes, or how far two folders of results differ, by the study's own statistics."""

import shutil

import numpy as np
import pandas as pd
import pytest

from imbalance_aware.__main__ import main
from imbalance_aware.overview.terminal import WIDTH
from imbalance_aware.tables.predictions import predictions_csv

CLASSES = ("no", "early")


def write(folder, condition, seed, shift=0.0, n=40):
    """A run whose probabilities depend on the seed, moved by noise of another machine."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    first = np.clip(0.5 + 0.2 * (1 - 2 * labels) + rng.normal(0, 0.25, n), 0.01, 0.99)
    first = np.clip(first + shift * np.random.default_rng(seed + 99).normal(0, 1, n), 0.01, 0.99)
    samples = [
        {"subject": f"s{i}", "group": f"p{i // 2}", "cohort": "x", "class": CLASSES[k], "label": str(k)}
        for i, k in enumerate(labels)
    ]
    path = folder / "runs/small/moles" / condition / f"seed-{seed}" / "predictions.csv"
    path.parent.mkdir(parents=True)
    path.write_text(predictions_csv(samples, CLASSES, np.column_stack([first, 1 - first])))
    return path


@pytest.fixture
def a(tmp_path):
    for condition in ("ce-uniform", "mcc-uniform"):
        for seed in (0, 1, 2):
            write(tmp_path / "a", condition, seed)
    return tmp_path / "a"


def test_a_copy_has_the_same_bytes(a, tmp_path, capsys):
    shutil.copytree(a, tmp_path / "b")
    assert main(["compare", str(a), str(tmp_path / "b")]) == 0
    assert "The same: 6 predictions.csv" in capsys.readouterr().out
    assert main(["compare", str(a / "runs/small"), str(tmp_path / "b/runs")]) == 0, "parts of a folder of results"


def status_of(*arguments):
    with pytest.raises(SystemExit) as stop:
        main(["compare", *map(str, arguments)])
    return stop.value.code


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_differences_are_those_of_the_statistics_of_a_study(a, tmp_path, capsys):
    b = tmp_path / "b"
    shutil.copytree(a, b)
    study = tmp_path / "study/runs/small/moles"
    for seed in (0, 1, 2):
        shutil.rmtree(b / f"runs/small/moles/mcc-uniform/seed-{seed}")
        moved = write(b, "mcc-uniform", seed, shift=0.2)
        for name, path in (("A", a / moved.relative_to(b)), ("B", moved)):
            (study / name / f"seed-{seed}").mkdir(parents=True)
            shutil.copy(path, study / name / f"seed-{seed}")
    assert status_of(a, b) == 3
    out = capsys.readouterr().out
    assert "Not the same: of 6 predictions.csv in both, 3 have the same bytes." in out
    assert "Not listed: 1 condition with the same bytes." in out

    paths = sorted(map(str, study.rglob("predictions.csv")))
    options = ["--evaluation", '{"baseline": "A"}', "--out", str(tmp_path / "out")]
    assert main(["statistics", *options, "--predictions", *paths]) == 0
    rows = pd.read_csv(tmp_path / "out/comparisons.csv")
    of = rows[(rows["metric"] == "balanced_accuracy") & (rows["a"] == "B") & (rows["unit"] == "sample")].iloc[0]
    for low, high in (("models_low", "models_high"), ("procedure_low", "procedure_high")):
        assert f"{of[low]:+.4f} to {of[high]:+.4f}" in out
    assert f"{of['difference']:+.4f}" in out
    tables = [[pd.read_csv(study / name / f"seed-{seed}/predictions.csv") for name in "AB"] for seed in (0, 1, 2)]
    largest = max((x["prob_no"] - y["prob_no"]).abs().max() for x, y in tables)
    changed = sum(((x["prob_no"] > 0.5) != (y["prob_no"] > 0.5)).sum() for x, y in tables)
    assert f"{largest:.1e}" in out and f"{changed} of 120" in out
    assert max(map(len, out.splitlines()[2:])) <= WIDTH


def test_runs_of_one_side_alone_are_a_difference(a, tmp_path, capsys):
    shutil.copytree(a, tmp_path / "b")
    shutil.rmtree(tmp_path / "b/runs/small/moles/ce-uniform/seed-1")
    assert status_of(a, tmp_path / "b") == 3
    assert "Only in A: 1 run: small/moles/ce-uniform/seed-1" in capsys.readouterr().out


def test_other_test_images_are_named_and_not_compared(a, tmp_path, capsys):
    shutil.copytree(a, tmp_path / "b")
    shutil.rmtree(tmp_path / "b/runs/small/moles/ce-uniform/seed-1")
    write(tmp_path / "b", "ce-uniform", 1, n=38)
    assert status_of(a, tmp_path / "b") == 3
    said = " ".join(capsys.readouterr().out.split())
    assert "small/moles/ce-uniform: cannot be compared:" in said and "test subjects" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{a}", "{a}/none"], "no such results folder"),
        (["{a}", "{empty}"], "contains no run"),
        (["{a}", "{a}", "--metric", "balanced_acuracy"], 'Did you mean "balanced_accuracy"'),
        (["{a}/runs/small/moles/ce-uniform", "{a}/runs/small/moles/mcc-uniform"], "have no run in common"),
    ],
)
def test_mistakes_are_explained(a, tmp_path, capsys, arguments, message):
    (tmp_path / "empty").mkdir()
    places = {"a": a, "empty": tmp_path / "empty"}
    assert main(["compare", *(argument.format(**places) for argument in arguments)]) == 2
    assert message in capsys.readouterr().err
