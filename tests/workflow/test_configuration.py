"""Mistakes in the configuration: one clear message before any job starts, and no traceback."""

import copy
import re
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


def test_the_file_that_holds_a_value_is_named_with_its_line(workflow, message):
    """`config/config.yaml` has the keys too, and Snakemake lists it last though it is merged first."""

    def own(config):
        config["datasets"]["glaucoma"] = {"conflicts": "kep"}
        config["studies"]["paper"] = {"seeds": [0, -1]}
        config["studies"]["new"] = {"seeds": [0]}
        config["training"] = {"epochs": "many"}

    text = message(changed(own))
    lines = (workflow.folder / "config/test.yaml").read_text().splitlines()

    def line(words: str) -> int:
        return next(number for number, line in enumerate(lines, 1) if words in line)

    for key, place in (
        ("conflicts", "datasets.glaucoma.conflicts"),
        ("- -1", "studies.paper.seeds.1"),
        ("epochs: many", "training.epochs"),
        ("new:", '"studies.new.datasets" is missing'),
    ):
        assert f"config/test.yaml, line {line(key)}: {place}" in text
    assert "--config" not in text.replace("--configfile", "")


def test_what_the_command_line_sets_is_named_so_and_nothing_else(workflow):
    values = ['run=["tiny"]', 'training={"epochs": "3.5"}', "model={}"]
    done = workflow.run("--dry-run", "--config", *values, check=False)
    assert "error: --config: training.epochs: expected a whole number (got '3.5')" in done.stderr
    workflow.configure(changed(lambda config: config["studies"]["tiny"].update(seeds=[-1])))
    done = workflow.run("--dry-run", "--config", 'training={"epochs": "3"}', check=False)
    workflow.configure(TINY)
    assert done.stderr.count("--config:") == 0
    assert "studies.tiny.seeds.0: input should be greater than or equal to 0 (got -1)" in done.stderr


def test_a_key_given_twice(workflow):
    with (workflow.folder / "config/test.yaml").open("a") as handle:
        handle.write("run: [tiny]\n")
    done = workflow.run("--dry-run", check=False)
    workflow.configure(TINY)
    assert done.returncode != 0
    assert re.search(r'error: config/test\.yaml, line \d+: the key "run" occurs twice, first in line 1', done.stderr)


def test_a_study_that_is_not_to_run_can_be_asked_for_and_its_mistakes_are_told(workflow):
    def another(config):
        config["studies"]["other"] = config["studies"]["tiny"] | {"seeds": [7]}
        config["datasets"]["large"] = config["datasets"]["fundus_phantoms"] | {"image_size": [48, 48]}
        config["studies"]["cut"] = config["studies"]["tiny"] | {"datasets": ["large"]}
        config["run"] = ["cut"]
        config["augmentation"] = {"images": {"crop": 30}}

    workflow.configure(changed(another))
    figure = "results/figures/{}/fundus_phantoms/learning_curves.png"
    refused = workflow.run("--dry-run", figure.format("other"), check=False)
    assert "augmentation.images.crop is 30, larger than the images: 24 x 24" in refused.stderr
    absent = workflow.run("--dry-run", figure.format("othr"), check=False)
    assert 'there is no study "othr" in the configuration' in absent.stderr
    for done in (refused, absent):
        assert done.returncode != 0 and "Traceback" not in done.stderr

    workflow.configure(changed(lambda config: (another(config), config["augmentation"]["images"].update(crop=20))))
    planned = workflow.run("--dry-run", figure.format("other")).stdout
    workflow.configure(TINY)
    assert "seed-7" in planned and "seed-0" not in planned


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('focal\tuniform\tfalse\t{"focal": {"gamma": -2}}', ["gamma is -2"]),
        (
            'soft_mcc\tuniform\tfalse\t{"soft_mcc": {"weight": [1, 2]}}',
            ["weight has 2 values", "each of the 3 classes"],
        ),
    ],
)
def test_a_loss_that_cannot_be_built(message, row, words):
    text = message(rows={**ROWS, "new": row})
    for word in ["config/tiny.tsv, line 5", 'condition "new"', *words]:
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
    phantoms = output.partition("rule phantoms:")[2].partition("\n\n")[0]
    assert "mem_mb=1000" in phantoms and "runtime=10" in phantoms, "what no rule states is the profile's"
    assert "gpu=0" in training, "this study names the CPU"


def test_a_mistyped_argument_of_a_loss(message):
    rows = ROWS | {"focal-uniform": 'focal\tuniform\tfalse\t{"focal": {"gama": 1}}'}
    for words in ("config/tiny.tsv", 'condition "focal-uniform"', 'no argument "gama"', 'Did you mean "gamma"?'):
        assert words in message(rows=rows)


@pytest.mark.parametrize("study", ["small_batch", "small_batch_queue", "extended"])
def test_the_other_studies_of_the_demo_can_be_planned(workflow, study):
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "host", "--configfile", "config/demo.yaml"]
    done = subprocess.run(
        [*command, "--config", f'run=["{study}"]'], cwd=workflow.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"results/tables/{study}" in done.stdout + done.stderr or "Nothing to be done" in done.stdout + done.stderr
