"""What CONTRIBUTING.md asks for, where a test can tell."""

import ast
import re
import tomllib
from graphlib import TopologicalSorter

import pytest
import yaml
from packaging.requirements import Requirement


def _links(path):
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        yield path.parent / target


@pytest.mark.parametrize(
    "pattern", ["CONTRIBUTING.md", "CHANGELOG.md", "README.md", "docs/*.md", "docs/decisions/*.md"]
)
def test_links_between_pages_lead_somewhere(checkout, pattern):
    pages = list(checkout.glob(pattern))
    assert pages
    assert not [(page.name, str(link)) for page in pages for link in _links(page) if not link.exists()]


def test_every_decision_is_listed(checkout):
    folder = checkout / "docs/decisions"
    pages = {path for path in folder.glob("*.md") if path.name != "README.md"}
    assert set(_links(folder / "README.md")) == pages


def test_hooks_use_the_pinned_tools_alone(checkout):
    """Hooks that download tools of their own would check by other versions than `make test`."""
    tools = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["optional-dependencies"]["test"]
    names = {Requirement(line).name for line in tools}
    (repository,) = yaml.safe_load((checkout / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        program = hook["entry"].split()[0]
        assert program.removeprefix(".venv/bin/") in names
        assert f"$(BIN)/{program.removeprefix('.venv/bin/')}" in (checkout / "Makefile").read_text()


def test_what_mypy_overlooks_has_a_code_and_a_reason(checkout):
    lines = [
        line
        for path in (checkout / "src").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "type: ignore" in line
    ]
    assert [line for line in lines if not re.search(r"# type: ignore\[[a-z-]+\]  # \w", line)] == []


def test_no_two_modules_differ_by_an_ending_alone(checkout):
    """`bundle` and `bundled`, `augmentation` and `augmentations`: names that readers take for each other."""
    names = {path.stem for path in (checkout / "src").rglob("*.py")}
    assert [f"{name}{ending}" for name in names for ending in ("s", "d", "ed") if f"{name}{ending}" in names] == []


def test_no_modules_import_each_other_in_a_circle(checkout):
    """Imports for type checkers and those inside functions count too: a reader follows them all the same."""
    root = checkout / "src"
    modules = {".".join(path.relative_to(root).with_suffix("").parts): path for path in root.rglob("*.py")}
    graph = {name: _imported(path) & set(modules) for name, path in modules.items()}
    assert graph["imbalance_aware.phantoms.generate"], "imports are found"
    TopologicalSorter(graph).prepare()  # CycleError, which names the modules


def _imported(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
