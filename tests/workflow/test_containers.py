"""Containers: `--containerize`, the Apptainer definition, and jobs in a container, with stand-ins for the engines."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_conda_environments import CONDA
from tiny_study import ROWS, TINY

APPTAINER = """\
#!/bin/sh
# Runs a command as apptainer does: with the PATH of the image instead of the host's, and two variables that say so.
case "$1" in
    --version) echo "apptainer version 1.3.4"; exit ;;
    exec) while [ "$1" != {image} ]; do shift; done ;;
    *) echo "not known: $*" >&2; exit 1 ;;
esac
shift
export APPTAINER_CONTAINER={image} SINGULARITY_CONTAINER={image} PATH={bin}:/usr/bin:/bin
exec "$@"
"""
PYTHON = """\
#!/bin/sh
# The python of the image: notes the PATH that the job sees.
echo "$PATH" >> {folder}/seen
exec {python} "$@"
"""


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def image(workflow, tmp_path, monkeypatch) -> Path:
    """A container image of which only the python is there, and an engine that runs it."""
    file = tmp_path / "image.sif"
    file.touch()
    put(tmp_path / "engine/apptainer", APPTAINER.format(image=file, bin=tmp_path / "image/bin"))
    put(tmp_path / "image/bin/python", PYTHON.format(folder=tmp_path, python=sys.executable))
    monkeypatch.setenv("PATH", f"{tmp_path / 'engine'}{os.pathsep}{os.environ['PATH']}")
    yield file
    workflow.configure(TINY)


def test_jobs_in_a_container_see_its_python_and_not_that_of_the_host(workflow, image):
    workflow.configure(TINY | {"container": str(image)})
    workflow.run("results/datasets/fundus_phantoms/cohort.csv", "--sdm", "apptainer")
    seen = (image.parent / "seen").read_text().splitlines()
    assert len(seen) == 2, "the steps phantoms and cohort"
    assert set(seen) == {f"{image.parent / 'image/bin'}:/usr/bin:/bin"}


def test_without_a_container_in_the_configuration_jobs_run_on_the_host(workflow, image):
    workflow.run("results/datasets/fundus_phantoms/cohort.csv", "--forceall", "--sdm", "apptainer")
    assert not (image.parent / "seen").exists()


@pytest.fixture(params=["dockerfile", "apptainer"])
def containerized(request, workflow, tmp_path, monkeypatch) -> Path:
    """What `--containerize` prints for a study of both arms, with a `conda` that answers and makes nothing."""
    put(tmp_path / "conda", CONDA)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    volumes = {"adapter": "mri_phantoms", "subjects": 24, "preprocessing": {"mask": {"method": "provided"}}}
    study = TINY["studies"]["tiny"] | {"datasets": ["volumes", "fundus_phantoms"]}
    config = {"run": ["tiny"], "datasets": TINY["datasets"] | {"volumes": volumes}, "studies": {"tiny": study}}
    workflow.configure(config | {"augmentation": {"volumes": {"crop": 16}}})
    workflow.conditions(ROWS)
    path = tmp_path / request.param
    path.write_text(workflow.run("--containerize", request.param).stdout)
    yield path
    workflow.configure(TINY)


def test_containerize_makes_every_environment_of_a_study_of_both_arms(containerized):
    text = containerized.read_text()
    files = re.findall(r"^(?:COPY|   ) (envs/\w+\.yaml) /conda-envs/", text, re.MULTILINE)
    assert sorted(files) == [f"envs/{name}.yaml" for name in ("analysis", "monai", "preprocess", "strip", "train")]
    assert text.count("conda env create") == len(files)
    if containerized.name == "dockerfile":
        hadolint(containerized)
    else:
        check_recipe(containerized)


def test_the_apptainer_definition_is_valid_and_takes_files_and_packages_that_exist(checkout):
    definition = checkout / "containers/imbalance_aware.def"
    recipe = check_recipe(definition)
    assert [line for line in recipe.files if not (checkout / line.split()[0]).exists()] == []
    extras = re.search(r"'\.\[(.+)\]'", "\n".join(recipe.install))
    known = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras[1].split(",")) == set(known) - {"steps", "brats", "workflow", "test"}
    imported = re.search(r'"import (.+)"', definition.read_text())[1].split(", ")
    assert [name for name in imported if find_spec(name) is None] == []


def test_the_image_for_jobs_without_a_shared_file_system_has_all_packages_and_snakemake(checkout):
    """On Kubernetes or a cloud, Snakemake runs in the container too."""
    definition = checkout / "containers/Dockerfile"
    hadolint(definition)
    text = definition.read_text()
    copied = [name for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE) for name in line.split()[:-1]]
    assert [name for name in copied if not (checkout / name).exists()] == []
    extras = re.search(r"'\.\[(.+)\]'", text)
    known = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras[1].split(",")) == set(known) - {"steps", "brats", "test"}


def check_recipe(path: Path):
    """Read a definition of Apptainer; an unknown section or a mistake of the shell is an error."""
    parsers = pytest.importorskip("spython.main.parse.parsers", reason="spython is not installed; see the extra `test`")
    headings = {line for line in path.read_text().splitlines() if line.startswith("%")}
    assert headings <= {"%labels", "%files", "%post", "%runscript", "%test"}
    (recipe,) = parsers.SingularityParser(str(path)).recipe.values()
    assert recipe.fromHeader and recipe.install
    for script in (recipe.install, [recipe.cmd or ""]):
        subprocess.run(["sh", "-n"], input="\n".join(script), text=True, check=True)
    return recipe


def hadolint(path: Path) -> None:
    """Check a Dockerfile; its base, which Snakemake chooses, has the tag `latest` (DL3007)."""
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("hadolint is not installed; the extra `test` brings it")
    done = subprocess.run([program, "--ignore", "DL3007", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
