"""The workflow from wherever it is called: in its folder, from another one, and as a module of another workflow."""

import subprocess
import sys

import pytest
import yaml
from tiny_study import ROWS, TINY

#: Jobs of the tiny study that are planned before its cohort is listed.
TRAINED = len(ROWS)
MODULE = """\
configfile: "config/config.yaml"
configfile: "config/test.yaml"


module study:
    snakefile:
        "{checkout}/workflow/Snakefile"
    config:
        config


use rule * from study


rule mine:
    input:
        rules.all.input,
    output:
        "mine.txt",
    shell:
        "touch {{output}}"
"""


@pytest.fixture
def elsewhere(workflow, tmp_path):
    """A folder that holds the tiny study's configuration and nothing of the workflow; runs Snakemake in it."""
    workflow.configure(TINY)
    workflow.conditions(ROWS)
    (tmp_path / "config").mkdir()
    for name in ("config.yaml", "test.yaml", "tiny.tsv"):
        (tmp_path / "config" / name).write_bytes((workflow.folder / "config" / name).read_bytes())

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    run.folder = tmp_path
    return run


def _counts(output: str) -> dict[str, str]:
    return dict(line.split() for line in output.splitlines() if len(line.split()) == 2)


@pytest.mark.parametrize("snakefile", ["Snakefile", "workflow/Snakefile"])
def test_both_snakefiles_plan_the_study_from_another_folder(workflow, elsewhere, snakefile):
    """The one in the root is an include, and an include loses the default target if nothing is done about it."""
    output = elsewhere("--dry-run", "-s", str(workflow.folder / snakefile), "--configfile", "config/test.yaml")
    assert int(_counts(output)["train"]) == TRAINED
    assert "profiles/default" in output, "its profile is found"


def test_as_a_module_it_plans_and_runs_in_the_other_workflow(workflow, elsewhere):
    (elsewhere.folder / "Snakefile").write_text(MODULE.format(checkout=workflow.folder))
    counts = _counts(elsewhere("--dry-run", "mine.txt"))
    assert int(counts["train"]) == TRAINED and counts["mine"] == "1"
    elsewhere("results/datasets/fundus_phantoms/flow.csv")
    assert (elsewhere.folder / "results/datasets/fundus_phantoms/cohort.csv").exists()


def test_what_the_ecosystem_looks_for_is_where_it_looks(checkout, workflow):
    for folder in (checkout, workflow.folder):
        assert (folder / "workflow/envs/train.yaml").read_bytes() == (folder / "envs/train.yaml").read_bytes()
        assert (folder / "workflow/schemas/config.schema.json").is_file()
        assert (folder / "profiles/default/profile.yaml").exists()


def test_no_key_is_in_both_profiles(checkout):
    """Snakemake takes such a key from the default profile, whatever `--profile` says: a partition would be lost."""
    default, slurm = (
        set(yaml.safe_load((checkout / f"workflow/profiles/{name}/profile.yaml").read_text()))
        for name in ("default", "slurm")
    )
    assert not default & slurm
    assert "default-resources" in slurm
