"""The workflow deployed by snakedeploy, from a folder and as a module that is read file by file."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_study import ROWS

#: Where snakedeploy 0.17 looks for the workflow of a local source; for Snakemake this is below the deployed workflow/.
WRITTEN = '"workflow/Snakefile"'
COHORT = "results/datasets/fundus_phantoms/cohort.csv"


@pytest.fixture
def deployed(workflow, tmp_path) -> Path:
    """The tiny study deployed from a folder, by snakedeploy itself."""
    pytest.importorskip("snakedeploy", reason="snakedeploy is not installed; the extra `test` brings it")
    main = "import sys; from snakedeploy.client import main; sys.exit(main())"
    command = [sys.executable, "-c", main, "deploy-workflow", str(workflow.folder), "deployed", "--branch", "main"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return tmp_path / "deployed"


def read_from(deployed: Path, source: str) -> None:
    """Say where the module is."""
    snakefile = deployed / "workflow/Snakefile"
    text = snakefile.read_text()
    assert text.count(WRITTEN) == 1
    snakefile.write_text(text.replace(WRITTEN, source))


def snakemake(folder: Path, *arguments: str, path: str = "", check: bool = True) -> str:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments, "--configfile", "config/test.yaml"]
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is check, done.stdout + done.stderr
    return done.stdout + done.stderr


def trained(output: str) -> int:
    return int(re.search(r"^train +(\d+)$", output, re.MULTILINE)[1])


def test_deployed_from_a_folder_it_plans_the_study_and_runs(workflow, deployed):
    """With the path that snakedeploy should write for a local source; see `WRITTEN`."""
    assert (deployed / "config/config.yaml").is_file()
    assert (deployed / "profiles/default/profile.yaml").is_file()
    read_from(deployed, f'"{workflow.folder}/workflow/Snakefile"')
    assert trained(snakemake(deployed, "--dry-run")) == len(ROWS)
    snakemake(deployed, COHORT)
    assert (deployed / COHORT).is_file()


@pytest.fixture
def repository(workflow, tmp_path) -> str:
    """The declaration of the workflow in a Git repository, as `github(…)` would be: no folder that Python can read."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", "-C", str(folder)]
    files = [f"{workflow.folder}/{name}" for name in ("workflow", "envs", "src", "resources", "config")]
    subprocess.run(["cp", "-r", *files, str(folder)], check=True)
    for command in (["init", "--quiet", "-b", "main"], ["add", "-A"], ["commit", "--quiet", "-m", "release"]):
        subprocess.run([*git, *command], check=True)
    return f'gitfile("{folder}", path="workflow/Snakefile", ref="main")'


def test_read_file_by_file_it_runs_the_installed_package(workflow, deployed, repository):
    read_from(deployed, repository)
    installed = str(workflow.folder / "src")
    assert trained(snakemake(deployed, "--dry-run", path=installed)) == len(ROWS)
    snakemake(deployed, COHORT, path=installed)
    (copy,) = (deployed / ".snakemake/imbalance_aware").iterdir()
    shipped = {path.name for path in (workflow.folder / "resources").glob("*.csv")}
    assert {path.name for path in (copy / "resources").iterdir()} == shipped
    modules = {str(path.relative_to(installed)) for path in (workflow.folder / "src/imbalance_aware").rglob("*.py")}
    copied = {path for path in (copy / "src").rglob("*.py")}
    assert {str(path.relative_to(copy / "src")) for path in copied} == modules


@pytest.mark.parametrize("version", [None, "0.0.1"])
def test_without_the_package_of_its_version_it_says_what_to_install(deployed, repository, tmp_path, version):
    read_from(deployed, repository)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    if version is None:
        # As if it were not installed where the tests run.
        (hidden / "sitecustomize.py").write_text(
            "import importlib.util as util\n"
            "found = util.find_spec\n"
            "util.find_spec = lambda name, *rest: None if name == 'imbalance_aware' else found(name, *rest)\n"
        )
    else:
        (hidden / "imbalance_aware").mkdir()
        (hidden / "imbalance_aware/__init__.py").write_text(f'__version__ = "{version}"\n')
    output = snakemake(deployed, "--dry-run", path=str(hidden), check=False)
    assert "pip install 'imbalance-aware[" in output
    assert ("it is not" if version is None else f"version {version} is") in output
    assert "Traceback" not in output
