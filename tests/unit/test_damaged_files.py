"""Every table and report that one step hands to another, cut short anywhere: an error of one line, or no difference.

And the disk that they lie on, full or read-only: an error of one line, and what was there is still there.
"""

import json
import random
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from cohort_cases import CLASSES, table_of, write_study
from condition_rows import conditions
from training_cases import settings, write_dataset

from imbalance_aware.__main__ import main

CONDITIONS = json.dumps(conditions("ce-uniform", "mcc-uniform"))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The files of a study of two conditions and two seeds, from predictions to statistics."""
    folder = tmp_path_factory.mktemp("study")
    first = table_of(np.random.default_rng(0))
    tables = {}
    for number, place in enumerate(
        ["ce-uniform/seed-0", "ce-uniform/seed-1", "mcc-uniform/seed-0", "mcc-uniform/seed-1"]
    ):
        columns = [f"prob_{name}" for name in CLASSES]
        scores = np.random.default_rng(number).random((len(first), 3)) + np.eye(3)[first["label"]]
        tables[place] = first.assign(**dict(zip(columns, (scores / scores.sum(axis=1, keepdims=True)).T, strict=True)))
    write_study(folder, tables)
    tested = first[["subject", "group", "cohort", "class", "label"]].assign(split="test")
    trained = tested.assign(subject="t" + tested["subject"], group="t" + tested["group"], split="train")
    data = folder / "datasets" / "glaucoma"
    data.mkdir(parents=True)
    pd.concat([trained, tested]).assign(image_sha256="0" * 16).to_csv(data / "samples.csv", index=False)
    for step in STEPS:
        assert main(command(step, folder)) == 0, step
    return folder


def command(step, folder):
    """The arguments of a step on the files of a study."""
    runs = [folder / f"runs/s/glaucoma/{name}-uniform/seed-{seed}" for name in ("ce", "mcc") for seed in (0, 1)]
    samples = ["--samples", str(folder / "datasets/glaucoma/samples.csv")]
    predictions = [str(run / "predictions.csv") for run in runs]
    metrics = ["--metrics", str(folder / "metrics.csv")]
    if step.startswith("evaluate"):
        run = runs[int(step[-1])]
        return ["evaluate", "--predictions", predictions[int(step[-1])], *samples, "--out", str(run / "metrics.json")]
    return {
        "collect": [
            *("collect", "--study", "s", "--conditions", CONDITIONS, "--batch-size", "5"),
            *("--out", str(folder / "metrics.csv"), *(str(run / "metrics.json") for run in runs)),
        ],
        "statistics": [
            *(
                "statistics",
                "--conditions",
                CONDITIONS,
                "--evaluation",
                json.dumps({"baseline": "ce-uniform"}),
                *samples,
            ),
            *("--out", str(folder), "--predictions", *predictions),
        ],
        "cohort_metrics": ["cohort_metrics", "--out", str(folder / "cohort_metrics.csv"), *predictions],
        "ensemble": ["ensemble", *samples, "--out", str(folder / "ensemble.csv"), *predictions[:2]],
        "tables": [
            *(
                "tables",
                *metrics,
                "--comparison",
                str(folder / "comparisons.csv"),
                "--ranks",
                str(folder / "ranks.csv"),
            ),
            *("--cohorts", str(folder / "cohort_metrics.csv"), "--references", str(folder / "values.csv")),
            *("--tables", "table1_balanced_accuracy", "--out", str(folder / "tables")),
        ],
        "verdict": [
            *("verdict", "--study", "s", "--evaluation", json.dumps({"baseline": "ce-uniform"}), *metrics, *samples),
            *("--tables", str(folder), "--out", str(folder / "verdict")),
        ],
    }[step]


STEPS = [
    *(f"evaluate {n}" for n in range(4)),
    "collect",
    "statistics",
    "cohort_metrics",
    "ensemble",
    "tables",
    "verdict",
]
#: A file -> the steps that read it, and what they write.
RUN = "runs/s/glaucoma/ce-uniform/seed-1"
READERS = [
    (f"{RUN}/predictions.csv", "evaluate 1", f"{RUN}/metrics.json"),
    (f"{RUN}/predictions.csv", "statistics", "values.csv"),
    (f"{RUN}/predictions.csv", "cohort_metrics", "cohort_metrics.csv"),
    (f"{RUN}/predictions.csv", "ensemble", "ensemble.csv"),
    (f"{RUN}/metrics.json", "collect", "metrics.csv"),
    ("datasets/glaucoma/samples.csv", "evaluate 1", f"{RUN}/metrics.json"),
    ("datasets/glaucoma/samples.csv", "ensemble", "ensemble.csv"),
    ("metrics.csv", "tables", "tables"),
    ("comparisons.csv", "tables", "tables"),
    ("ranks.csv", "tables", "tables"),
    ("values.csv", "tables", "tables"),
    ("cohort_metrics.csv", "tables", "tables"),
    ("comparisons.csv", "verdict", "verdict"),
    ("values.csv", "verdict", "verdict"),
    ("ranks.csv", "verdict", "verdict"),
    ("effects.csv", "verdict", "verdict"),
]


def contents(path):
    return {file.name: file.read_bytes() for file in ([path] if path.is_file() else sorted(path.iterdir()))}


@pytest.mark.parametrize(("name", "step", "made"), READERS)
def test_a_file_that_was_cut_short_is_an_error_of_one_line_or_makes_no_difference(
    study, tmp_path, capsys, name, step, made
):
    """Where it was cut is drawn, but never between two lines: of most tables nothing tells how many they had."""
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    whole, expected = (folder / name).read_bytes(), contents(folder / made)
    cuts = {0, 1, len(whole) - 1, len(whole) - 2, *random.Random(0).sample(range(len(whole)), 3)}
    for cut in sorted(cuts):
        if whole[:cut].endswith(b"\n"):
            continue
        (folder / name).write_bytes(whole[:cut])
        status, said = main(command(step, folder)), capsys.readouterr().err
        if status:
            assert (status, said.count("\n")) == (2, 1), said
            assert said.startswith("error: ") and name.rpartition("/")[2] in said
        assert contents(folder / made) == expected, (cut, status)


@pytest.fixture
def disk(tmp_path):
    """A disk of 8 MB with the study and a small dataset on it."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("needs a disk that can be filled: only root may mount one")
    yield place
    subprocess.run(["umount", place], check=True)


def commands(folder):
    """All steps that write below ``folder``, training and packing among them."""
    data = folder / "packed"
    files = ["--images", str(data / "images.npy"), "--samples", str(data / "samples.csv")]
    packed = ["--images", str(data / "again.npy"), "--samples", str(data / "again.csv")]
    return [
        *(command(step, folder) for step in STEPS),
        [
            "train",
            *files,
            "--settings",
            json.dumps(settings(training={"epochs": 1})),
            "--seed",
            "0",
            "--out",
            str(folder / "run"),
        ],
        ["pack", "--cohort", str(data / "cohort.csv"), "--preprocessed", str(data), *packed],
    ]


def tree(folder):
    """Content of every file but the column `seconds` of histories, which differs from run to run."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "history.csv"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def prepare(disk, study):
    folder = disk / "study"
    shutil.copytree(study, folder)
    data = write_dataset(folder / "packed")
    rows = [(f"s{n}", f"s{n}", "x", "ab"[n % 2], ("train", "test")[n // 4], "") for n in range(8)]
    columns = ["subject", "group", "cohort", "class", "split", "excluded"]
    pd.DataFrame(rows, columns=columns).to_csv(data / "cohort.csv", index=False)
    for row in rows:
        np.save(data / f"{row[0]}.npy", np.full((3, 40, 40), 7, np.uint8))
    for step in commands(folder):
        assert main(step) == 0, step
    return folder, tree(folder)


@pytest.mark.slow
def test_a_full_disk_is_an_error_of_one_line_and_what_was_there_stays(disk, study, capsys):
    folder, expected = prepare(disk, study)
    with (disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError):
        while True:
            filler.write(bytes(1024))
    for step in commands(folder):
        capsys.readouterr()
        status, said = main(step), capsys.readouterr().err.splitlines()
        assert status == 74 and "no space left to write to; free some and run again" in said[-1], (step, said)
        assert tree(folder) == expected, step
    (disk / "filler").unlink()
    for step in commands(folder):
        assert main(step) == 0, step
    assert tree(folder) == expected


def test_a_read_only_disk_is_an_error_of_one_line(disk, study, capsys):
    folder, expected = prepare(disk, study)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for step in commands(folder):
        capsys.readouterr()
        status, said = main(step), capsys.readouterr().err.splitlines()
        assert status == 2 and said[-1].startswith("error: ") and said[-1].endswith("Read-only file system"), (
            step,
            said,
        )
        assert not [line for line in said if "Traceback" in line]
    assert tree(folder) == expected
