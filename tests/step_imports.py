"""What the steps of each rule import, read from the source, and the environment that must hold it."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from imbalance_aware.__main__ import STEPS
from imbalance_aware.losses import LOSSES
from imbalance_aware.models import FAMILIES, NETWORKS
from imbalance_aware.models.build import environment as network_environment
from imbalance_aware.models.build import module_names
from imbalance_aware.provenance import PACKAGE, ROOT, closure, module_path
from imbalance_aware.report.catalogue import SECTIONS
from imbalance_aware.reporting.figure_catalogue import FIGURES
from imbalance_aware.sources import GLIOMA_COHORTS, SOURCES

ENVIRONMENTS = tuple(sorted(path.stem for path in (ROOT.parents[1] / "envs").glob("*.yaml")))
RULE = re.compile(r"^ *(?:rule|checkpoint)(?: \w+)?:\n", re.MULTILINE)
CONDA = re.compile(r"^ *conda:\n +(.+)\n", re.MULTILINE)
STEP = re.compile(r"python -m imbalance_aware (\S+)")
#: What `conda:` of a rule holds where it is not the name of a file.
CHOSEN = {
    "TRAIN_ENVIRONMENT": {network_environment(name) for name in NETWORKS} | {*FAMILIES},
    "EXPLAIN_ENVIRONMENT": {"monai", *FAMILIES},
    "MASK_ENVIRONMENT": {"preprocess", "brats"},
    'f"../../envs/{ENVIRONMENT}.yaml"': set(),  # lists its packages, with pip
}
#: Never needed there: the step `mask` by BraTS algorithms runs in an environment of its own.
ELSEWHERE = {("preprocess", "brats")}
#: Modules that a step finds by a name in the settings, in the given environment.
BY_NAME = {
    "phantoms": lambda environment: [*SOURCES.values()],
    "cohort": lambda environment: [*SOURCES.values(), *GLIOMA_COHORTS.values()],
    "train": lambda environment: [*_losses(), *_networks(environment)],
    "explanations": lambda environment: _networks(environment),
    "report": lambda environment: [f"report.sections.{section.name}" for section in SECTIONS],
}


def _losses() -> Iterator[str]:
    return (reference.partition(":")[0].removeprefix(f"{PACKAGE}.") for reference in LOSSES.values())


def _networks(environment: str) -> list[str]:
    """Modules of the networks that are run in an environment; those of packages have this project's networks too."""
    names = [*NETWORKS, *(f"{package}:any" for package in FAMILIES)]
    known = [name for name in names if network_environment(name) in (environment, "train")]
    return [module for name in known for module in module_names(name)]


@cache
def steps_of_environments() -> dict[str, frozenset[str]]:
    """Environment -> steps that rules run in it, read from the text of the rules."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT.parents[1] / "workflow/rules").glob("*.smk")):
        for text in RULE.split(path.read_text(encoding="utf-8"))[1:]:
            chosen, steps = CONDA.search(text), set(STEP.findall(text))
            if chosen is None:
                assert not steps, f"{path}: a rule without an environment runs {steps}"
                continue
            if "{params.step}" in steps:
                steps = {figure.step for figure in FIGURES}
            file = re.fullmatch(r'"../../envs/(\w+)\.yaml"', chosen[1])
            names = {file[1]} if file else CHOSEN[chosen[1]]
            assert steps or not names, f"{path}: which step runs in {names}?"
            for name in names:
                found.setdefault(name, set()).update(steps)
    return {name: frozenset(steps) for name, steps in found.items()}


def imports_of_environment(environment: str) -> dict[str, set[str]]:
    """Module of another package -> steps that may import it in this environment, anywhere in their code."""
    found: dict[str, set[str]] = {}
    for step in steps_of_environments()[environment]:
        named = BY_NAME.get(step, lambda _: [])(environment)
        for module in third_party(["__main__", STEPS[step][0], *named]):
            if (environment, module) not in ELSEWHERE:
                found.setdefault(module, set()).add(step)
    return found


def third_party(modules: Iterable[str]) -> set[str]:
    """Packages of others that modules of this one import, directly or not, at their top or inside functions."""
    paths = {module_path(module) for module in closure(modules)}
    paths |= {
        folder / "__init__.py" for path in paths for folder in path.parents if folder == ROOT or ROOT in folder.parents
    }
    names = {name for path in paths for name in _imported(path)}
    return names - {PACKAGE} - sys.stdlib_module_names


@cache
def _imported(path: Path) -> frozenset[str]:
    """Top-level names of the imports in a file, but for those that only type checkers see."""
    return frozenset(_names(ast.parse(path.read_text(encoding="utf-8"))))


def _names(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).rpartition(".")[2] == "TYPE_CHECKING":
            child = ast.Module(child.orelse, type_ignores=[])
        if isinstance(child, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and not child.level and child.module:
            yield child.module.partition(".")[0]
        yield from _names(child)
