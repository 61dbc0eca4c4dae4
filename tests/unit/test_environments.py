"""The same pins wherever something is installed from."""

import tomllib

import pytest
import yaml

CONCERNS = ("preprocess", "strip", "brats", "train", "monai", "analysis")


@pytest.fixture(scope="module")
def project(checkout):
    return tomllib.loads((checkout / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("concern", CONCERNS)
def test_an_environment_holds_the_pins_of_its_extra(checkout, project, concern):
    content = yaml.safe_load((checkout / f"envs/{concern}.yaml").read_text())
    pins = next(entry["pip"] for entry in content["dependencies"] if isinstance(entry, dict))
    assert sorted(pins) == sorted(project["dependencies"] + project["optional-dependencies"][concern])


def test_every_pin_is_exact_and_the_same_everywhere(checkout, project):
    pins = [*project["dependencies"], *(pin for extra in project["optional-dependencies"].values() for pin in extra)]
    assert all(pin.count("==") == 1 for pin in pins)
    lines = (checkout / "constraints.txt").read_text().splitlines()
    locked = [line for line in lines if not line.startswith("#")]
    assert set(pins) <= set(locked)
    names = [pin.partition("==")[0] for pin in locked]
    assert len(names) == len(set(names))
