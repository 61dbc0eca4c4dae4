"""What reruns and what never does: by content, not by time."""

import csv
import os
import shutil
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import yaml
from PIL import Image
from tiny_study import ROWS, TINY

pytestmark = pytest.mark.slow

CATALOGUE = "src/imbalance_aware/reporting/figure_catalogue.py"
TOY_ROW = """    Figure(
        name="toy",
        step="toy",
        summary="draw a toy",
        label="Toy",
        scope="dataset",
        options=("samples",),
        caption="**A toy** of {dataset} in {study}.",
    ),
"""
TOY_MODULE = """
from pathlib import Path

from imbalance_aware.reporting import style


def add_arguments(parser):
    style.add_arguments(parser)
    parser.add_argument("--samples", type=Path, required=True)


def run(args):
    with style.figure(args, style.ONE_COLUMN_INCH, 1.0) as canvas:
        style.nothing_to_draw(canvas, "Toy", args.samples.name)
"""
AFTERWARDS = {"collect", "tables"}


@pytest.fixture(scope="module")
def finished(workflow):
    """The tiny study, done."""
    workflow.run()
    assert workflow.planned() == set()
    return workflow


@pytest.fixture
def edited(finished):
    """Edit a file, or write one that is not there, for the length of a test."""
    originals = {}

    def edit(name, change):
        path = finished.folder / name
        originals[path] = path.read_text() if path.exists() else None
        path.write_text(change(originals[path] or ""))

    yield edit
    for path, text in originals.items():
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    assert finished.planned() == set(), "reverting the edit cancels the rerun"


def test_touching_every_file_reruns_nothing(finished):
    for path in finished.folder.rglob("*"):
        if "results" not in path.parts and ".snakemake" not in path.parts:
            os.utime(path)
    assert finished.planned() == set()


def test_an_edited_loss_reruns_the_conditions_that_use_it(finished, edited):
    edited("src/imbalance_aware/losses/soft_mcc.py", lambda text: text + "\nLIMIT = 1\n")
    jobs = finished.planned()
    names = ["ce_mcc-weighted", "mcc-oversampling"]
    assert {job for job in jobs if " " in job} == {f"{rule} {name}" for rule in ("train", "evaluate") for name in names}
    assert jobs >= AFTERWARDS
    assert not jobs & {"phantoms", "cohort", "resize", "pack"}


def test_a_comment_or_another_loss_reruns_nothing(finished, edited):
    edited("src/imbalance_aware/losses/soft_mcc.py", lambda text: "# a comment\n" + text)
    edited("src/imbalance_aware/losses/soft_f1.py", lambda text: text + "\nLIMIT = 1\n")
    assert finished.planned() == set()


def test_an_edited_engine_reruns_all_training_and_no_preprocessing(finished, edited):
    edited("src/imbalance_aware/training/sampling.py", lambda text: text + "\nLIMIT = 1\n")
    jobs = finished.planned()
    assert {job for job in jobs if job.startswith("train")} == {f"train {name}" for name in ROWS}
    assert not jobs & {"phantoms", "cohort", "resize", "pack"}


def test_machinery_and_an_option_that_is_off_retrain_nothing(finished, edited):
    source = "src/imbalance_aware"
    option = '    cutmix: bool = Field(False, description="mix two images")\n    deterministic: bool'
    edits = [
        ("runs/lock.py", "STALE_S = 600", "STALE_S = 900"),
        ("runs/train.py", "about %.0f s left", "%.0f s to do"),
        ("training/augmentation.py", "larger than the images", "beyond the images"),
        ("runs/settings.py", "    deterministic: bool", option),
    ]
    for name, old, new in edits:
        assert old in (finished.folder / source / name).read_text()
        edited(f"{source}/{name}", lambda text, old=old, new=new: text.replace(old, new))
    assert not {job for job in finished.planned() if job.startswith(("train", "evaluate"))}


def test_a_name_given_to_another_loss_reruns_the_conditions_that_use_it(finished, edited):
    edited("src/imbalance_aware/losses/__init__.py", lambda text: text.replace("soft_mcc:SoftMCC", "soft_f1:SoftF1"))
    jobs = {job for job in finished.planned() if job.startswith("train")}
    assert jobs == {"train ce_mcc-weighted", "train mcc-oversampling"}


def test_a_new_row_runs_only_that_row(finished, edited):
    edited("config/tiny.tsv", lambda text: text + "focal-uniform\tfocal\tuniform\tfalse\t{}\n")
    jobs = finished.planned()
    assert {job for job in jobs if " " in job} == {"train focal-uniform", "evaluate focal-uniform"}
    assert jobs >= AFTERWARDS


def test_changed_arguments_of_a_loss_rerun_that_condition(finished, edited):
    old = "soft_mcc\toversampling\tfalse\t{}"
    new = old.replace("{}", '{"soft_mcc": {"form": "macro"}}')
    edited("config/tiny.tsv", lambda text: text.replace(old, new))
    assert {job for job in finished.planned() if job.startswith("train")} == {"train mcc-oversampling"}


def test_a_setting_reruns_what_it_shapes(finished, edited):
    edited("config/test.yaml", lambda text: text.replace("epochs: 2", "epochs: 3"))
    assert {job for job in finished.planned() if job.startswith("train")} == {f"train {name}" for name in ROWS}


def test_what_results_are_judged_by_retrains_nothing_without_a_validation_part(finished, edited):
    judged = "evaluation: {primary: mcc, relevant_difference: 0.1, unit: group}\n"
    edited("config/test.yaml", lambda text: text + judged + "training: {validate_every: 7}\n")
    assert not {job for job in finished.planned() if job.startswith(("train", "evaluate"))}


def test_an_edited_figure_is_the_only_one_drawn_again(finished, edited):
    edited("src/imbalance_aware/reporting/learning_curves.py", lambda text: text + "\nLIMIT = 1\n")
    edited(CATALOGUE, lambda text: text.replace("**Confusion matrices**", "**Matrices of confusion**"))
    assert finished.planned() == {"learning_curves", "report_page", "all"}


def test_a_figure_is_a_module_and_a_row(finished, edited):
    """From these two come its rule, its place among the targets, its command, and its caption in the report."""
    edited("src/imbalance_aware/reporting/toy.py", lambda _: TOY_MODULE)
    edited(CATALOGUE, lambda text: text.replace("FIGURES = (\n", f"FIGURES = (\n{TOY_ROW}"))
    assert finished.planned() == {"toy", "report_page", "all"}
    drawn = "results/figures/tiny/fundus_phantoms/toy.pdf"
    finished.run(drawn)
    assert (finished.folder / drawn).stat().st_size > 1000
    finished.run("--report", "report.zip")
    with ZipFile(finished.folder / "report.zip") as report:
        pages = "".join(report.read(name).decode("utf-8", "ignore") for name in report.namelist())
    for caption in ("A toy</strong> of fundus_phantoms in tiny", "Learning curves", "Training loss per epoch</strong>"):
        assert caption in pages


def test_a_single_condition_is_a_target(finished):
    target = "results/runs/tiny/fundus_phantoms/mcc-oversampling/seed-7/metrics.json"
    jobs = finished.planned(target)
    assert jobs == {"train mcc-oversampling", "evaluate mcc-oversampling"}


@pytest.fixture
def toy(finished, edited):
    """A user's own source: a new module and a row, and a dataset of it in the configuration."""
    module = finished.folder / "src/imbalance_aware/sources/toy.py"
    shutil.copy(Path(__file__).parent / "toy_source.py", module)
    last = '    "mri_phantoms": "sources.mri_phantoms",\n'
    edited("src/imbalance_aware/sources/__init__.py", lambda t: t.replace(last, f'{last}    "toy": "sources.toy",\n'))
    dataset = {"adapter": "toy", "path": "toy", "image_size": [16, 16]}
    edited("config/test.yaml", lambda _: yaml.safe_dump(TINY | {"datasets": TINY["datasets"] | {"toy": dataset}}))
    for label, name in enumerate(("dark", "light")):
        folder = finished.folder / "toy" / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(8):
            grey = np.random.default_rng([label, number]).integers(0, 100, (16, 16, 3)) + 100 * label
            Image.fromarray(grey.astype(np.uint8)).save(folder / f"{name}-{number}.png")
    yield module
    module.unlink()


def test_a_new_source_is_a_module_and_a_row_and_reruns_nothing_of_the_others(finished, toy):
    assert finished.planned() == set()
    target = "results/datasets/toy/cohort.csv"
    assert finished.planned(target) == {"cohort"}
    finished.run(target)
    with (finished.folder / target).open() as handle:
        rows = list(csv.DictReader(handle))
    assert [row["subject"] for row in rows] == [f"{name}-{number}" for name in ("dark", "light") for number in range(8)]
    assert {(row["class"], row["split"]) for row in rows} == {
        (c, s) for c in ("dark", "light") for s in ("train", "test")
    }
    assert finished.planned(target) == set()
    (finished.folder / "toy/dark/dark-8.png").write_bytes(b"damaged")
    assert finished.planned(target) == {"cohort"}, "its fingerprint counts"
    (finished.folder / "toy/dark/dark-8.png").unlink()


def test_an_edited_source_reruns_its_own_datasets_alone(finished, edited):
    edited("src/imbalance_aware/sources/ahn2018.py", lambda text: text + "\nLIMIT = 1\n")
    assert finished.planned() == set()
    edited("src/imbalance_aware/sources/fundus_phantoms.py", lambda text: text + "\nLIMIT = 1\n")
    assert finished.planned() >= {"phantoms", "cohort"}


def test_a_source_without_a_fingerprint_stops_the_planning(finished, toy):
    toy.write_text(toy.read_text().replace("def fingerprint(", "def print_of_fingers("))
    done = finished.run("--dry-run", check=False)
    assert done.returncode
    assert f"{toy}: a source's module must have fingerprint" in done.stdout + done.stderr
