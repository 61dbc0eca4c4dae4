"""A step whose log lies on a full disk: the reason is seen where Snakemake runs."""

from pathlib import Path

import pytest
from tiny_study import TINY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has"),
]

REASON = "error: a classifier needs at least two classes"


def test_the_reason_is_seen_though_the_log_stays_empty(workflow):
    (workflow.folder / "mine.csv").write_text("path,class\na.png,one\nb.png,one\n")
    mine = {"mine": {"adapter": "folder", "table": "mine.csv", "image_size": [24, 24]}}
    workflow.configure(TINY | {"datasets": TINY["datasets"] | mine})
    # Snakemake deletes old logs, so none can be put on another device: the step's own redirection is changed.
    rules = workflow.folder / "workflow/rules/cohort.smk"
    rules.write_text(rules.read_text().replace("2> {log:q}", "2> /dev/full"))
    done = workflow.run("results/datasets/mine/cohort.csv", check=False)
    assert done.returncode
    assert REASON in done.stdout, done.stderr
    assert REASON not in done.stderr
    assert (workflow.folder / "results/logs/cohort/mine.log").read_text() == ""
