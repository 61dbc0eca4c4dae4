"""What the Snakemake workflow catalog, citation tools and GitHub read."""

import subprocess
import sys

import pytest
import yaml

import imbalance_aware


@pytest.mark.parametrize(
    ("name", "schema"),
    [("CITATION.cff", "vendor.citation-file-format"), (".github/workflows/ci.yaml", "vendor.github-workflows")],
)
def test_the_file_fits_the_published_schema(checkout, name, schema):
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed; the extra `test` brings it")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(checkout / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_citation_is_of_this_version(checkout):
    assert yaml.safe_load((checkout / "CITATION.cff").read_text())["version"] == imbalance_aware.__version__


def test_github_runs_what_ci_runs(checkout):
    workflow = yaml.safe_load((checkout / ".github/workflows/ci.yaml").read_text())
    steps = workflow["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == ["bash .ci/run"]


def test_the_catalog_finds_what_it_needs_to_list_the_workflow(checkout):
    """By its generator: a workflow/Snakefile, a config/README.md, and a mapping under `usage` with these keys."""
    for name in ("workflow/Snakefile", "config/README.md", "config/config.yaml", "LICENSE"):
        assert (checkout / name).is_file()
    usage = yaml.safe_load((checkout / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["report"] is True and usage["software-stack-deployment"]["report"] is True
    assert set(usage["software-stack-deployment"]) == {"conda", "apptainer", "apptainer+conda", "report"}
