"""Every module that a rule's step may import is in the environment of the rule."""

from importlib.metadata import packages_distributions

import pytest
import yaml
from packaging.utils import canonicalize_name

from imbalance_aware.__main__ import COMMANDS, STEPS
from step_imports import BY_NAME, ENVIRONMENTS, imports_of_environment, steps_of_environments, third_party

#: Steps that no rule runs: for people, or inside a bundle.
WITHOUT_RULE = {*COMMANDS, "predict", "train_bundle", "manual"}


def provided(checkout, environment: str) -> set[str]:
    """Distributions of an environment."""
    content = yaml.safe_load((checkout / f"envs/{environment}.yaml").read_text())
    lines = next(entry["pip"] for entry in content["dependencies"] if isinstance(entry, dict))
    return {canonicalize_name(line.partition("==")[0]) for line in lines}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_has_what_its_steps_import(checkout, environment):
    there = provided(checkout, environment)
    known = packages_distributions()
    lacking = {
        module: sorted(steps)
        for module, steps in imports_of_environment(environment).items()
        if there.isdisjoint(map(canonicalize_name, known.get(module, [module])))
    }
    assert not lacking, f"envs/{environment}.yaml lacks what these steps import"


def test_every_step_of_a_rule_has_an_environment_and_is_known():
    ran = set().union(*steps_of_environments().values())
    assert set(steps_of_environments()) == set(ENVIRONMENTS)
    assert ran == set(STEPS) - WITHOUT_RULE
    assert set(BY_NAME) <= ran


def test_imports_are_found_inside_functions_and_behind_names():
    """Or the test above would find nothing that is missing."""
    assert "deepbet" in imports_of_environment("strip"), "inside a function"
    assert "monai" in imports_of_environment("monai"), "a network by its name"
    assert "monai" not in imports_of_environment("train")
    assert "timm" in imports_of_environment("timm") and "timm" not in imports_of_environment("monai")
    assert "torch" not in third_party(["reporting.tables"])
