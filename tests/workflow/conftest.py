"""Running Snakemake itself, in a copy of the workflow that a test may edit."""

import shutil

import pytest
from tiny_study import ROWS, TINY, Workflow


@pytest.fixture(scope="module")
def workflow(tmp_path_factory, checkout) -> Workflow:
    """A copy of the workflow with the tiny study as its configuration; nothing has run in it."""
    folder = tmp_path_factory.mktemp("workflow")
    for name in ("Snakefile", "workflow", "config", "envs", "src", "resources"):
        source = checkout / name
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        if source.is_dir():
            shutil.copytree(source, folder / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy(source, folder / name)
    (folder / "profiles").symlink_to("workflow/profiles")
    copy = Workflow(folder)
    copy.configure(TINY)
    copy.conditions(ROWS)
    return copy
