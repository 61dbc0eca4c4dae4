"""Ranges in pyproject.toml, exact pins in constraints.txt, and the same pins in the conda environments."""

import tomllib
from collections.abc import Iterator

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CONCERNS = ("preprocess", "strip", "brats", "train", "monai", "timm", "analysis")


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


def requirements(project, extra: str) -> Iterator[Requirement]:
    """Of an extra, with those of the extras that it names."""
    for line in project["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name == project["name"]:
            for inner in requirement.extras:
                yield from requirements(project, inner)
        else:
            yield requirement


@pytest.mark.parametrize("concern", CONCERNS)
def test_an_environment_holds_the_packages_of_its_extra_with_the_pins(checkout, project, pins, concern):
    content = yaml.safe_load((checkout / f"envs/{concern}.yaml").read_text())
    found = next(entry["pip"] for entry in content["dependencies"] if isinstance(entry, dict))
    names = {requirement.name for requirement in requirements(project, concern)}
    assert sorted(found) == sorted(f"{name}=={pins[canonicalize_name(name)]}" for name in names)


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
