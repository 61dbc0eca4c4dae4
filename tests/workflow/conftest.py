"""Running Snakemake itself, in a copy of the workflow that a test may edit."""

import pytest
from tiny_study import Workflow, copied


@pytest.fixture(scope="module")
def workflow(tmp_path_factory, checkout) -> Workflow:
    """A copy of the workflow with the tiny study as its configuration; nothing has run in it."""
    return copied(checkout, tmp_path_factory.mktemp("workflow"))
