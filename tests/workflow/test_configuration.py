"""Mistakes in the configuration: one clear message before any job starts, and no traceback."""

import copy
import subprocess
import sys

import pytest
from tiny_study import ROWS, TINY


def changed(change) -> dict:
    config = copy.deepcopy(TINY)
    change(config)
    return config


@pytest.fixture
def message(workflow):
    """What a person reads after a dry run with this configuration and these conditions."""

    def run(config=TINY, rows=ROWS) -> str:
        workflow.configure(config)
        workflow.conditions(rows)
        done = workflow.run("--dry-run", check=False)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr + done.stdout
        assert not (workflow.folder / "results").exists(), "nothing has started"
        return done.stderr + done.stdout

    yield run
    workflow.configure(TINY)
    workflow.conditions(ROWS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda c: c["studies"]["tiny"].update(sedes=[1]),
            ["config/test.yaml", 'unknown key "sedes" in studies.tiny', 'Did you mean "seeds"?'],
        ),
        (
            lambda c: c["datasets"]["fundus_phantoms"].update(subject=9),
            ['unknown key "subject" in datasets.fundus_phantoms', 'Did you mean "subjects"?'],
        ),
        (
            lambda c: c["studies"]["tiny"]["training"].update(epoch=9),
            ["config/test.yaml", 'unknown key "epoch"', "studies.tiny.training", 'Did you mean "epochs"?'],
        ),
        (lambda c: c.update(threads=4), ['unknown key "threads"']),
        (
            lambda c: c["studies"]["tiny"].update(datasets=["fundus_phantom"]),
            ['no dataset "fundus_phantom"', 'Did you mean "fundus_phantoms"?'],
        ),
        (lambda c: c.update(run=["tinny"]), ['no study "tinny"', 'Did you mean "tiny"?']),
        (lambda c: c["studies"]["tiny"].update(seeds=[]), ["config/test.yaml", "studies.tiny.seeds"]),
        (lambda c: c["studies"]["tiny"].update(seeds=[1, 1]), ["studies.tiny.seeds: 1 is listed twice"]),
        (lambda c: c["studies"]["tiny"].update(only=["ce-unform"]), ['"ce-unform"', 'Did you mean "ce-uniform"?']),
        (lambda c: c["studies"]["tiny"].update(conditions="config/none.tsv"), ["config/none.tsv", "no such table"]),
        (
            lambda c: c["datasets"]["fundus_phantoms"].update(adapter="fundus_phantom"),
            ['unknown adapter "fundus_phantom"', 'Did you mean "fundus_phantoms"?'],
        ),
    ],
)
def test_a_mistake_in_the_configuration(message, change, words):
    text = message(changed(change))
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("focall\tuniform\tfalse\t{}", ['unknown loss "focall"', 'Did you mean "focal"?']),
        ("ce\toversample\tfalse\t{}", ['unknown sampling "oversample"', 'Did you mean "oversampling"?']),
    ],
)
def test_a_mistake_in_the_table_of_conditions(message, row, words):
    text = message(rows={**ROWS, "new": row})
    for word in ["config/tiny.tsv", 'condition "new"', *words]:
        assert word in text


def test_a_missing_folder_of_images_says_where_it_was_sought_and_how_to_get_it(message):
    def use_photographs(config):
        config["datasets"]["glaucoma"] = {"adapter": "ahn2018", "path": "nowhere/glaucoma"}
        config["studies"]["tiny"]["datasets"] = ["glaucoma"]

    text = message(changed(use_photographs))
    assert "nowhere/glaucoma" in text
    assert "10.7910/DVN/1YRRAC" in text


def test_the_paper_s_study_over_empty_files_is_sixty_runs_per_dataset(workflow, checkout):
    """A dry run needs names, not images: the whole study's graph over a tree of empty files."""
    files = (checkout / "resources/ahn2018_files.csv").read_text().splitlines()[1:]
    for line in files:
        folder, name = line.split(",")[:2]
        path = workflow.folder / "data/glaucoma" / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    workflow.configure({"run": ["paper"], "studies": {"paper": {"datasets": ["glaucoma"]}}})
    output = workflow.run("--dry-run").stdout
    workflow.configure(TINY)
    counts = dict(line.split() for line in output.splitlines() if len(line.split()) == 2)
    assert counts["train"] == counts["evaluate"] == "60"


def test_the_slurm_profile_shows_the_resources_of_each_rule(workflow):
    output = workflow.run("--dry-run", "--profile", "workflow/profiles/slurm").stdout
    training = output.partition("rule train:")[2].partition("\n\n")[0]
    assert "mem_mb=4000" in training
    assert "runtime=720" in training
    assert "gpu=0" in training, "this study names the CPU"


def test_a_mistyped_argument_of_a_loss(message):
    rows = ROWS | {"focal-uniform": 'focal\tuniform\tfalse\t{"focal": {"gama": 1}}'}
    for words in ("config/tiny.tsv", 'condition "focal-uniform"', 'no argument "gama"', 'Did you mean "gamma"?'):
        assert words in message(rows=rows)


@pytest.mark.parametrize("study", ["small_batch", "small_batch_queue", "extended"])
def test_the_other_studies_of_the_demo_can_be_planned(checkout, study):
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "host", "--configfile", "config/demo.yaml"]
    done = subprocess.run(
        [*command, "--config", f'run=["{study}"]'], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"results/tables/{study}" in done.stdout + done.stderr or "Nothing to be done" in done.stdout + done.stderr
