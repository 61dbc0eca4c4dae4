"""Which conda environments are made, with a `conda` that makes none and notes what it was asked for."""

import os
import stat

import pytest
from tiny_study import ROWS, TINY

CONDA = """\
#!/bin/sh
# Answers as conda does, and notes the file of each environment that it is to make.
case "$1 $2" in
    "info --json") echo '{"conda_prefix": "'$(dirname "$0")'", "platform": "linux-64"}' ;;
    "--version "*) echo "conda 24.7.1" ;;
    "config --get") echo '{"get": {"channel_priority": "strict"}}' ;;
    "env create")
        while [ "$1" != --file ]; do shift; done
        head -n 1 "$2" >> "$(dirname "$0")/asked"
        while [ "$1" != --prefix ]; do shift; done
        mkdir -p "$2" ;;
    "clean -y") ;;
    *) echo "not known: $*" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def made(workflow, tmp_path, monkeypatch):
    """First lines of the environments' files that Snakemake asks conda to make."""
    conda = tmp_path / "conda"
    conda.write_text(CONDA)
    conda.chmod(conda.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def run(*arguments: str) -> list[str]:
        (tmp_path / "asked").write_text("")
        workflow.run(*arguments, "--use-conda", "--conda-prefix", str(tmp_path / "environments"))
        return sorted((tmp_path / "asked").read_text().splitlines())

    yield run
    workflow.configure(TINY)


def first_lines(checkout, *names: str) -> list[str]:
    return sorted((checkout / f"envs/{name}.yaml").read_text().splitlines()[0] for name in names)


PHOTOGRAPHS = TINY["datasets"]["fundus_phantoms"]
VOLUMES = {"adapter": "mri_phantoms", "subjects": 24, "preprocessing": {"mask": {"method": "provided"}}}
BRATS = VOLUMES | {"preprocessing": {"mask": {"method": "brats"}}}
FOLDED = VOLUMES | {"split": {"method": "folds", "folds": 2}}
RUN = "results/runs/tiny/volumes/ce-uniform/seed-0/metrics.json"
ALL = ("analysis", "monai", "preprocess", "strip", "train")


@pytest.mark.parametrize(
    ("datasets", "targets", "names"),
    [
        pytest.param({"photographs": PHOTOGRAPHS}, [], sorted({*ALL} - {"strip"}), id="photographs"),
        pytest.param({"volumes": VOLUMES}, [], ALL, id="volumes"),
        pytest.param({"volumes": FOLDED, "photographs": PHOTOGRAPHS}, [], ALL, id="both arms, folds"),
        pytest.param({"volumes": BRATS, "others": VOLUMES}, [], ("brats", *ALL), id="two ways of segmentation"),
        pytest.param({"volumes": BRATS}, ["results/datasets/volumes/images.npy"], ("brats", *ALL[2:4]), id="arrays"),
        pytest.param({"volumes": FOLDED}, [RUN], sorted({*ALL} - {"monai"}), id="one condition"),
    ],
)
def test_the_environments_behind_the_checkpoint_are_made_with_the_others(
    workflow, checkout, made, datasets, targets, names
):
    study = TINY["studies"]["tiny"] | {"datasets": [*datasets]}
    config = {"run": ["tiny"], "datasets": datasets, "studies": {"tiny": study}}
    workflow.configure(config | {"augmentation": {"volumes": {"crop": 16}}})
    workflow.conditions(ROWS)
    assert made(*targets, "--conda-create-envs-only") == first_lines(checkout, *names)


@pytest.mark.parametrize(("network", "name"), [("monai:DenseNet121", "monai"), ("timm:resnet18", "timm")])
def test_a_network_of_another_package_is_trained_in_its_own_environment(workflow, checkout, made, network, name):
    study = TINY["studies"]["tiny"] | {"model": {"network": network}}
    # Large enough for DenseNet121: a network that does not fit is refused before any environment is made.
    dataset = TINY["datasets"]["fundus_phantoms"] | {"image_size": [32, 32]}
    workflow.configure(TINY | {"datasets": {"fundus_phantoms": dataset}, "studies": {"tiny": study}})
    workflow.conditions(ROWS)
    asked = made("results/runs/tiny/fundus_phantoms/ce-uniform/seed-0/model.pt", "--conda-create-envs-only")
    assert asked == first_lines(checkout, name, "preprocess")
