"""Ranges in pyproject.toml, exact pins in constraints.txt, and the same pins in the conda environments."""

import re
import tomllib
from importlib import metadata

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from write_pins import PLATFORMS, PYTHON, fits, line, requirements

CONCERNS = ("preprocess", "strip", "brats", "train", "monai", "timm", "analysis")
HASHED = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[^ ]+)( ; (?P<marker>[^#]+?))?( --hash=sha256:[0-9a-f]{64})+")


@pytest.fixture(scope="module")
def project(checkout):
    return tomllib.loads((checkout / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def pins(checkout) -> dict[str, str]:
    """Name -> exact version, of constraints.txt."""
    lines = (checkout / "constraints.txt").read_text().splitlines()
    locked = [line.partition("==") for line in lines if not line.startswith("#")]
    assert all(separator for _, separator, _ in locked)
    assert len({canonicalize_name(name) for name, _, _ in locked}) == len(locked)
    return {canonicalize_name(name): version for name, _, version in locked}


@pytest.fixture
def pip_part(checkout, concern) -> list[str]:
    """The lines that conda passes to pip."""
    content = yaml.safe_load((checkout / f"envs/{concern}.yaml").read_text())
    assert content["dependencies"][:2] == [f"python={PYTHON}", "pip"]
    return content["dependencies"][2]["pip"]


@pytest.mark.parametrize("concern", CONCERNS)
def test_every_package_of_an_environment_has_its_pin_and_hashes(pip_part, pins):
    option, *lines = pip_part
    assert option == "--require-hashes", "pip then refuses what has none"
    found = [HASHED.fullmatch(one) for one in lines]
    assert None not in found, lines[found.index(None)]
    assert {one["name"]: one["version"] for one in found} == {one["name"]: pins[one["name"]] for one in found}
    assert len({one["name"] for one in found}) == len(lines)


@pytest.mark.parametrize("concern", CONCERNS)
def test_an_environment_has_the_packages_of_its_extra_and_all_that_they_need(project, pip_part, concern):
    names = {one.partition("==")[0] for one in pip_part[1:]}
    direct = {canonicalize_name(requirement.name) for requirement in requirements(project, concern)}
    needed, unknown = needs(direct)
    assert needed <= names
    # What a package that is not installed here needs is not known. CUDA is needed by other builds of torch.
    cuda = {name for name in names if name.startswith(("nvidia-", "cuda-", "triton"))}
    assert unknown or names <= needed | cuda


def needs(names: set[str]) -> tuple[set[str], set[str]]:
    """Distributions with all that they require in the environments, and those of them that are not installed."""
    found: set[str] = set()
    unknown: set[str] = set()
    waiting = [(name, "") for name in names]
    seen = set()
    while waiting:
        name, extra = one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        found.add(name)
        try:
            lines = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            unknown.add(name)
            continue
        environment = PLATFORMS[0] | {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0", "extra": extra}
        for requirement in map(Requirement, lines):
            if requirement.marker is None or requirement.marker.evaluate(environment):
                inner = canonicalize_name(requirement.name)
                waiting += [(inner, each) for each in ("", *requirement.extras)]
    return found, unknown


@pytest.mark.parametrize(
    ("file", "fitting"),
    [
        ("numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl", True),
        ("numpy-2.4.6-cp311-cp311-macosx_14_0_arm64.whl", True),
        ("numpy-2.4.6-cp312-cp312-manylinux_2_27_x86_64.whl", False),
        ("numpy-2.4.6-cp311-cp311-win_amd64.whl", False),
        ("numpy-2.4.6-cp311-cp311-musllinux_1_2_x86_64.whl", False),
        ("simpleitk-2.5.7-cp311-abi3-manylinux2014_x86_64.whl", True),
        ("joblib-1.6.0-py3-none-any.whl", True),
    ],
)
def test_hashes_are_of_the_files_for_the_environments(file, fitting):
    assert fits(f"https://files.example/{file}") is fitting


def test_a_package_that_no_platform_needs_is_left_out_and_a_condition_is_kept():
    sdist = {"hashes": {"sha256": "0" * 64}}
    package = {"name": "a", "version": "1", "sdist": sdist}
    assert line(package | {"marker": "sys_platform == 'win32'"}) is None
    assert line(package | {"marker": "python_full_version < '3.12'"}).startswith("      - a==1\n")
    assert line(package | {"marker": "sys_platform == 'linux'"}).startswith("      - a==1 ; sys_platform == 'linux'\n")


def test_every_requirement_is_a_range_with_the_pin_in_it_and_the_same_everywhere(project, pins):
    found = [Requirement(line) for line in project["dependencies"]]
    for extra in project["optional-dependencies"]:
        found += requirements(project, extra)
    ranges: dict[str, str] = {}
    for requirement in found:
        specifiers = list(requirement.specifier)
        assert not [part for part in specifiers if part.operator in ("==", "===")], f"{requirement} is no range"
        assert [part for part in specifiers if part.operator == ">="], f"{requirement} has no lower bound"
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), str(requirement)
        assert ranges.setdefault(requirement.name, str(requirement.specifier)) == str(requirement.specifier)


def test_the_losses_alone_need_torch_alone(project):
    assert [Requirement(line).name for line in project["dependencies"]] == ["torch"]


def test_installing_the_project_takes_the_pins(checkout):
    """An installation without them would take what is newest that day."""
    recipe = (checkout / "Makefile").read_text().splitlines()
    # `atlas` downloads one file of an exact version.
    lines = [line for line in recipe if "-m pip install" in line]
    assert lines and all("--constraint constraints.txt" in line for line in lines)
