"""A study of both arms by `snakemake --sdm conda`, in environments that hold what their files name and nothing else.

The stand-in for conda makes them with uv, from PyPI; the channels and the solver of conda are not part of this.
"""

import importlib.metadata as metadata
import os
import re
import shutil
import subprocess
from pathlib import Path

import both_arms
import pytest
import stand_in
from both_arms import HEADS, STUDY
from tiny_study import Workflow

import uv_packages
from step_imports import ENVIRONMENTS, imports_of_environment

pytestmark = pytest.mark.slow

CONFIGURATION = both_arms.configuration(
    datasets={"photographs": {"adapter": "fundus_phantoms", "subjects": 40, "seed": 1, "image_size": [32, 32]}},
    split={"method": "folds", "folds": 2},
    studies={
        "tiny": STUDY | {"rivals": {"methods": ["crt", "logistic"]}},
        # A network of another package, in the environment of that package.
        "other": STUDY | {"datasets": ["photographs"], "seeds": [0, 1], "model": {"network": "monai:DenseNet121"}},
    },
)
TARGETS = [
    "all",
    "results/runs/other/photographs/ce-uniform/ensemble/metrics.json",
    "results/bundles/tiny/fundus_phantoms.tar",
]
#: Rules that no target needs: most run the same steps as others. What the steps `claims`, `choose`, `train_chosen` and
#: `collect_trials` import is tried too.
NOT_NEEDED = {
    *("evaluate_fold", "collect_condition", "collect_ensembles", "table_of_ensembles", "table_of_temperatures"),
    *("claims", "table_of_claims", "table_of_published_cells"),
    *("trial", "choose", "train_chosen", "train_chosen_fold", "test_chosen", "test_chosen_fold", "collect_trials"),
    "table_of_tuning",
}
#: Made and tried, but no step runs in them: segmentation by BraTS algorithms needs a container engine, and networks of
#: timm a torchvision for the CPU build of torch, which PyPI does not have.
UNUSED = ("brats", "timm")
#: Not imported where torch is a CPU build, as torchvision of PyPI needs CUDA; only sought.
NEED_CUDA = {"timm", "torchvision"}


@pytest.fixture(scope="module")
def study(tmp_path_factory, checkout) -> Workflow:
    no_python = None if shutil.which("python3.11") else "no python3.11, which the environments name"
    if reason := no_python or uv_packages.missing():
        # What CI is for is not left out there in silence.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return both_arms.written(checkout, tmp_path_factory.mktemp("conda"), CONFIGURATION)


@pytest.fixture(scope="module")
def conda(study, tmp_path_factory):
    """Run Snakemake with the stand-in for conda on the PATH."""
    folder = stand_in.install(tmp_path_factory.mktemp("stand_in"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        yield lambda *arguments, **options: study.run(*arguments, "--sdm", "conda", **options)


@pytest.fixture(scope="module")
def created(study, conda) -> dict[str, Path]:
    """Name -> folder of every environment that is made before any job runs."""
    conda(*TARGETS, "--conda-create-envs-only")
    return environments(study)


def environments(study: Workflow) -> dict[str, Path]:
    """Name -> folder of every environment that was made."""
    names = {(study.folder / f"envs/{name}.yaml").read_bytes(): name for name in ENVIRONMENTS}
    files = study.folder.glob(".snakemake/conda/*.yaml")
    return {names[file.read_bytes()]: file.with_suffix("") for file in files}


@pytest.fixture(scope="module")
def output(conda, created) -> str:
    """What Snakemake says while the study runs to its end."""
    done = conda(*TARGETS)
    return done.stdout + done.stderr


def test_the_study_runs_to_its_end_and_makes_no_other_environment(study, created, output):
    assert set(created) == set(ENVIRONMENTS) - {*UNUSED}
    assert "Creating conda environment" not in output
    assert environments(study) == created
    assert (study.folder / "results/report/tiny.html").is_file()
    for pattern, number in {"volumes/*/*/fold-*": 4, "fundus_phantoms/*/seed-*": 2}.items():
        assert len(list(study.folder.glob(f"results/runs/tiny/{pattern}/model.pt"))) == number
    assert len(list(study.folder.glob("results/datasets/volumes/patches/*.npy"))) == len(HEADS)


def test_every_rule_ran(output, study):
    ran = set(re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", output, re.MULTILINE))
    rules = set(study.run("--list-rules").stdout.split())
    assert rules > NOT_NEEDED
    assert rules - ran <= NOT_NEEDED


def test_an_environment_holds_its_packages_and_nothing_of_this_installation(created):
    for name, folder in created.items():
        script = "import sys; print(*sys.path, sep='\\n')"
        done = subprocess.run([folder / "bin/python", "-c", script], capture_output=True, text=True, check=True)
        places = [place for place in done.stdout.split() if place.endswith("-packages")]
        assert [Path(place).is_relative_to(folder) for place in places] == [True], name


def test_every_module_that_a_step_may_import_can_be_imported(study, created, tmp_path):
    """Also those that this study does not use, such as the networks of brain extraction."""
    for name in UNUSED:
        stand_in.create(Path(shutil.copy(study.folder / f"envs/{name}.yaml", tmp_path)), tmp_path / name)
    for name, folder in {**created, **{name: tmp_path / name for name in UNUSED}}.items():
        modules = {*imports_of_environment(name)}
        sought = NEED_CUDA & modules if "+cpu" in metadata.version("torch") else set()
        script = f"from importlib.util import find_spec\nassert all(map(find_spec, {sorted(sought)}))\n"
        script += f"import {', '.join(sorted(modules - sought))}"
        command = [folder / "bin/python", "-I", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{name}: {done.stderr}"
